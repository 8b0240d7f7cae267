"""Invoices: plan, push, look for what may stand there already, void."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from kable_hub import (
    Connection,
    CustomerLink,
    Document,
    Invoice,
    NeedsOperator,
    ProviderError,
    Push,
    Receipt,
    Rejected,
)
from kable_quickbooks_ledger import customers, faults, mapping
from kable_quickbooks_ledger.client import Client, Row, quoted
from kable_quickbooks_ledger.company import Company, read_company

SKEW = timedelta(minutes=10)
"""How far Intuit's clock may be behind ours when looking for what was made since a moment."""


def plan(connection: Connection, invoice: Invoice, link: CustomerLink) -> Document:
    """The document. Reads an exchange rate for a foreign currency, else nothing."""
    client = Client.of(connection)
    company = Company.from_parts(link.parts) or read_company(client)
    mapping.check_currency(invoice, link, company)
    rate = None
    if invoice.currency != company.home_currency:
        rate = exchange_rate(client, invoice.currency, invoice.issue_date)
    return mapping.to_document(invoice, link, company, connection.settings, rate)


def exchange_rate(client: Client, currency: str, day: date) -> Decimal | None:
    """The company's own rate of that day, home currency for one of `currency`."""
    params = {"sourcecurrencycode": currency, "asofdate": day.isoformat()}
    try:
        row = client.read("exchangerate.read", "exchangerate", **params).get("ExchangeRate")
    except ProviderError as error:
        if isinstance(error, Rejected) or error.provider_code == faults.INACTIVE:
            return None
        raise
    rate = Decimal((row or {}).get("Rate") or 0)
    return rate if rate > 0 else None


def push(connection: Connection, push: Push) -> Receipt:
    """Create the invoice; where its number is taken, take the one that carries the marker."""
    client = Client.of(connection)
    try:
        row = client.write_one("invoice.create", "Invoice", mapping.body(push), key=push.key)
    except ProviderError as error:
        return after_refusal(connection, push, error)
    return mapping.to_receipt(row, push, connection.urls["app"], adopted=False)


def after_refusal(connection: Connection, push: Push, error: ProviderError) -> Receipt:
    """Turn a refused create into the receipt of what stands there, or into a better error."""
    client = Client.of(connection)
    if error.provider_code == faults.NUMBER_TAKEN:
        marked = [row for row in _numbered(client, push) if mapping.carries(row, push.marker)]
        if marked:
            return one_of(connection, push, marked)
    if error.provider_code == faults.INACTIVE:
        raise _inactive(client, push, error)
    raise error


def find(connection: Connection, push: Push) -> Receipt | None:
    """The invoice of this push, by number and then by customer and time."""
    client = Client.of(connection)
    rows = _numbered(client, push)
    if not any(mapping.carries(row, push.marker) for row in rows):
        rows = [*rows, *client.query("invoice.find", "Invoice", since(push))]
    return settle(connection, push, rows)


def settle(connection: Connection, push: Push, rows: Sequence[Row]) -> Receipt | None:
    """What the rows found prove: the receipt, or that nothing stands there.

    Raises NeedsOperator `document_conflict` where they prove neither.
    """
    by_id = {str(row["Id"]): row for row in rows}
    marked = [row for row in by_id.values() if mapping.carries(row, push.marker)]
    if marked:
        return one_of(connection, push, marked)
    number = push.document.get("DocNumber")
    if number and any(row.get("DocNumber") == number for row in by_id.values()):
        raise _conflict(f"The number {number} is on an invoice that is not this one.")
    return None


def one_of(connection: Connection, push: Push, marked: Sequence[Row]) -> Receipt:
    """The receipt of the one marked row. Raises NeedsOperator on several or on a stranger."""
    if len(marked) > 1:
        ids = ", ".join(str(row["Id"]) for row in marked)
        raise _conflict(f"Several invoices in QuickBooks carry this one's marker: {ids}.")
    receipt = mapping.to_receipt(marked[0], push, connection.urls["app"], adopted=True)
    wanted = mapping.reference_of(push.document, "CustomerRef")
    if (receipt.customer, receipt.currency) != (wanted, push.invoice.currency):
        raise _conflict(
            f"Invoice {receipt.external_id} carries this one's marker, but another customer or "
            "currency."
        )
    return receipt


def numbered(push: Push) -> str:
    """The condition that finds the push by its number; empty where QuickBooks numbers."""
    number = push.document.get("DocNumber")
    return f"DocNumber = {quoted(number)}" if number else ""


def since(push: Push) -> str:
    """The condition that finds all invoices of the customer that were made since the push."""
    moment = (push.since - SKEW).isoformat(timespec="seconds")
    customer = quoted(mapping.reference_of(push.document, "CustomerRef"))
    return f"CustomerRef = {customer} and MetaData.CreateTime >= '{moment}'"


def void(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void the invoice; nothing to do where it is void. Raises Rejected `already_paid`."""
    client = Client.of(connection)
    row = client.read("invoice.read", f"invoice/{receipt.external_id}")["Invoice"]
    if not mapping.voided(row):
        if Decimal(row.get("Balance") or 0) != Decimal(row.get("TotalAmt") or 0):
            raise Rejected("A payment is applied to the invoice.", code="already_paid")
        target = {"Id": row["Id"], "SyncToken": row["SyncToken"]}
        row = client.write_one("invoice.void", "Invoice", target, operation="void")
    return mapping.to_receipt(row, push, connection.urls["app"], adopted=receipt.adopted)


def _numbered(client: Client, push: Push) -> list[Row]:
    where = numbered(push)
    return client.query("invoice.find", "Invoice", where) if where else []


def _inactive(client: Client, push: Push, error: ProviderError) -> ProviderError:
    """QuickBooks does not say what is inactive: the customer, or something the settings name."""
    reference = mapping.reference_of(push.document, "CustomerRef")
    row = customers.read(client, reference)
    if row is None or row.get("Active") is False:
        return error
    return NeedsOperator(
        "An item, a tax code or a class of this invoice is inactive in QuickBooks.",
        code="inactive_reference",
        on="settings",
        provider_code=error.provider_code,
        http_status=error.http_status,
        request_id=error.request_id,
    )


def _conflict(message: str) -> NeedsOperator:
    return NeedsOperator(message, code="document_conflict")
