"""Pebble for Kable Hub."""

from collections.abc import Mapping
from datetime import timedelta

from marshmallow import Schema, fields

from kable_hub import (
    Connection,
    ConnectMethod,
    ConnectRequest,
    Credentials,
    CustomerLink,
    Dedupe,
    Document,
    Environment,
    Facts,
    Form,
    Grant,
    Invoice,
    Kind,
    Limit,
    LinkedCustomer,
    NeedsOperator,
    Provider,
    Push,
    Receipt,
    Reference,
    Rejected,
    hookimpl,
    keyform,
    rest,
)
from kable_pebble_payments import mapping


class KeyForm(Schema):
    """What a person pastes."""

    key = fields.String(required=True, metadata={"secret": True, "label": "Pebble key"})


PROVIDER = Provider(
    slug="pebble",
    title="Pebble",
    kind=Kind.PAYMENTS,
    urls={one: {"api": f"https://{one}.pebble.example"} for one in Environment},
    reference=Reference(pattern=r"P-\d{4}", help="On the customer's page.", example="P-0001"),
    connect_methods=(ConnectMethod("key", "Key", "Make one under Settings."),),
    limits=(Limit("address", scope="ip", requests=20, per=timedelta(seconds=1)),),
    dedupe=Dedupe("none"),
    settle_after=timedelta(seconds=30),
    marker="number",
    facts=Facts(
        currencies=frozenset({"EUR", "USD"}),
        number_length=24,
        fractional_quantities=False,
        adds_tax=True,
    ),
)


def pebble(hub: Connection | ConnectRequest, url: str, key: str) -> rest.Api:
    """Pebble in the name of a key."""
    return rest.Api(hub, url, "Pebble", {"X-Key": key}, "address", said=mapping.said)


def of(connection: Connection) -> rest.Api:
    """Pebble in the name of a connection."""
    return pebble(connection, connection.urls["api"], connection.credentials["key"])


@hookimpl
def provider() -> Provider:
    """Declare Pebble."""
    return PROVIDER


@hookimpl
def connect(request: ConnectRequest) -> Form | Grant:
    """Connect by a pasted key, which opens a shop of one environment."""

    def opened(form: Mapping[str, str]) -> Grant:
        url = request.urls[request.environment]["api"]
        shop = pebble(request, url, form["key"]).get("shop.get", "/shop")
        if shop["mode"] != request.environment:
            raise Rejected(f"This key is for {shop['mode']}.")
        granted = {request.environment: Credentials({"key": form["key"]})}
        return Grant(shop["id"], shop["name"], granted)

    return keyform.step(request, KeyForm, "Connect Pebble", opened)


@hookimpl
def link_customer(connection: Connection, reference: str) -> LinkedCustomer:
    """Check the id of a person at Pebble."""
    person = of(connection).get("people.get", f"/people/{reference}")
    if person["left"]:
        raise Rejected(f"{reference} has left Pebble.", code="inactive_customer")
    return LinkedCustomer(person["id"], person["name"], person["mail"])


@hookimpl
def plan_invoice(invoice: Invoice, link: CustomerLink) -> Document:
    """Translate."""
    return mapping.to_bill(invoice, link)


@hookimpl
def push_invoice(connection: Connection, push: Push) -> Receipt:
    """Make the bill. Pebble has no keys: after an unknown outcome the hub looks before it sends."""
    return mapping.to_receipt(of(connection).post("bills.create", "/bills", push.document))


@hookimpl
def find_invoice(connection: Connection, push: Push) -> Receipt | None:
    """Find the bill by its number; only if it is equal in all else it is this invoice's."""
    wanted = push.document
    bills = of(connection).get("bills.list", "/bills", number=wanted["number"])["bills"]
    if not bills:
        return None
    if len(bills) > 1 or not mapping.same(bills[0], wanted):
        said = f"A bill with the number {wanted['number']} stands at Pebble that is not this one."
        raise NeedsOperator(said, code="document_conflict")
    return mapping.to_receipt(bills[0], adopted=True)
