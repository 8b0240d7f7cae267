"""Look for what may stand there already: by number, by customer and time, by the marker."""

from collections.abc import Sequence
from datetime import timedelta

from kable_hub import Connection, NeedsOperator, Push, Receipt
from kable_quickbooks_ledger import receipts
from kable_quickbooks_ledger.client import Client, Row, quoted

SKEW = timedelta(minutes=10)
"""How far Intuit's clock may be behind ours when looking for what was made since a moment."""


def find(connection: Connection, push: Push) -> Receipt | None:
    """The invoice of this push, by number and then by customer and time."""
    client = Client.of(connection)
    rows = by_number(client, push)
    if not any(receipts.carries(row, push.marker) for row in rows):
        rows = [*rows, *client.query("invoice.find", "Invoice", since(push))]
    return settle(connection, push, rows)


def settle(connection: Connection, push: Push, rows: Sequence[Row]) -> Receipt | None:
    """What the rows found prove: the receipt, or that nothing stands there.

    Raises NeedsOperator `document_conflict` where they prove neither.
    """
    by_id = {str(row["Id"]): row for row in rows}
    marked = [row for row in by_id.values() if receipts.carries(row, push.marker)]
    if marked:
        return one_of(connection, push, marked)
    number = push.document.get("DocNumber")
    if number and any(row.get("DocNumber") == number for row in by_id.values()):
        raise _conflict(f"The number {number} is on an invoice that is not this one.")
    if twins := [key for key, row in by_id.items() if receipts.is_twin(row, push)]:
        raise _conflict(f"The number is on another invoice of this hub: {', '.join(twins)}.")
    return None


def one_of(connection: Connection, push: Push, marked: Sequence[Row]) -> Receipt:
    """The receipt of the one marked row. Raises NeedsOperator on several or on a stranger."""
    if len(marked) > 1:
        ids = ", ".join(str(row["Id"]) for row in marked)
        raise _conflict(f"Several invoices in QuickBooks carry this one's marker: {ids}.")
    receipt = receipts.to_receipt(marked[0], push, connection.urls["app"], adopted=True)
    wanted = (push.link.reference, push.invoice.currency)
    if (receipt.customer, receipt.currency) != wanted:
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
    customer = quoted(push.link.reference)
    return f"CustomerRef = {customer} and MetaData.CreateTime >= '{moment}'"


def by_number(client: Client, push: Push) -> list[Row]:
    """The invoices with the number of the push."""
    where = numbered(push)
    return client.query("invoice.find", "Invoice", where) if where else []


def _conflict(message: str) -> NeedsOperator:
    return NeedsOperator(message, code="document_conflict")
