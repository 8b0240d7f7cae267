"""Acme for Kable Hub: each hook says in one sentence what it does."""

from datetime import timedelta

from kable_acme_payments import client, mapping
from kable_acme_payments import connect as ways_in
from kable_acme_payments.declaration import PROVIDER
from kable_hub import (
    Candidate,
    Connection,
    ConnectRequest,
    Credentials,
    Customer,
    CustomerLink,
    Document,
    Grant,
    Invoice,
    LinkedCustomer,
    NeedsOperator,
    Provider,
    Push,
    Receipt,
    Redirect,
    Rejected,
    hookimpl,
)

MARGIN = timedelta(hours=1)
"""How long before a push the search for its invoice begins: clocks differ."""


@hookimpl
def provider() -> Provider:
    """Declare Acme."""
    return PROVIDER


@hookimpl
def connect(request: ConnectRequest) -> Redirect | Grant:
    """Connect by the consent of a person at Acme."""
    return ways_in.step(request)


@hookimpl
def refresh(connection: Connection) -> Credentials:
    """Trade the refresh token, which Acme takes once, for new tokens."""
    return ways_in.SERVER.refresh(connection).credentials


@hookimpl
def link_customer(
    connection: Connection, customer: Customer, reference: str | None, key: str
) -> LinkedCustomer:
    """Check the id given, or look for the customer and make it where it is not there."""
    api = client.of(connection)
    if reference is not None:
        found = api.get("customers.get", f"/v1/customers/{reference}")
        if not found["active"]:
            raise Rejected(f"{reference} is closed at Acme.", code="inactive_customer")
        return mapping.to_linked_customer(found)
    hits = list(api.pages("customers.list", "/v1/customers", client.after, external_id=customer.id))
    if len(hits) > 1:
        choices = [Candidate(one["id"], one["name"]) for one in hits]
        said = "Several customers at Acme carry this customer's id. Pick one."
        raise NeedsOperator(
            said, code="several_customers", on="link", scope="customer", choices=choices
        )
    body = mapping.to_customer_body(customer)
    made = (
        hits[0]
        if hits
        else api.post("customers.create", "/v1/customers", body, {"Idempotency-Key": key})
    )
    return mapping.to_linked_customer(made)


@hookimpl
def plan_invoice(connection: Connection, invoice: Invoice, link: CustomerLink) -> Document:
    """Translate."""
    return mapping.to_document(invoice, link, connection.settings)


@hookimpl
def push_invoice(connection: Connection, push: Push) -> Receipt:
    """Create the invoice under the key of the push: Acme compares the total and finalizes it."""
    body = mapping.with_marker(push)
    try:
        made = client.of(connection).post(
            "invoices.create", "/v1/invoices", body, {"Idempotency-Key": push.key}
        )
    except Rejected as error:
        if error.code != "unknown_customer":
            raise
        raise NeedsOperator(error.message, code="customer_gone", on="link") from None
    return mapping.to_receipt(made)


@hookimpl
def find_invoice(connection: Connection, push: Push) -> Receipt | None:
    """Find the invoice by its marker in the customer's list."""
    listed = client.of(connection).pages(
        "invoices.list",
        "/v1/invoices",
        client.after,
        customer=push.link.reference,
        created_from=(push.since - MARGIN).isoformat(),
    )
    hits = [one for one in listed if one["metadata"].get(mapping.MARKER) == push.marker]
    if len(hits) > 1:
        said = "Several invoices at Acme carry this invoice's mark."
        raise NeedsOperator(said, code="document_conflict")
    return mapping.to_receipt(hits[0], adopted=True) if hits else None


@hookimpl
def cancel_invoice(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void the invoice; Acme takes a second void as well, and refuses where it is paid."""
    path = f"/v1/invoices/{receipt.external_id}/void"
    key = {"Idempotency-Key": f"{push.key}-void"}
    voided = client.of(connection).post("invoices.void", path, {}, key)
    return mapping.to_receipt(voided)


@hookimpl
def check_connection(connection: Connection) -> list[str]:
    """Read the account."""
    client.of(connection).get("account.get", "/v1/account")
    return []
