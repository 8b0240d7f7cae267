"""What people did in QuickBooks: invoices edited, voided or deleted, customers gone.

Flow is one way: the hub shows these, it never takes them over.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kable_hub import JSON, Connection, CustomerGone, DocumentChanged, Effect
from kable_quickbooks_ledger.client import Client, Row
from kable_quickbooks_ledger.receipts import voided

REACH = timedelta(days=30)
"""How far back QuickBooks' change feed goes."""
MARGIN = timedelta(minutes=5)
"""How much two polls overlap, so that a clock behind ours hides nothing."""
FULL = 1000
"""An answer with so many rows of one kind was cut: the next poll goes on from its last row."""


def poll(
    connection: Connection, cursor: Mapping[str, JSON]
) -> tuple[list[Effect], Mapping[str, JSON]]:
    """The changes since the cursor and the next cursor; the first poll only sets it."""
    now = connection.now()
    if "since" not in cursor:
        return [], {"since": now.isoformat()}
    since = max(datetime.fromisoformat(cursor["since"]), now - REACH)
    body = Client.of(connection).read(
        "changes.read",
        "cdc",
        entities="Invoice,Customer",
        changedSince=(since - MARGIN).isoformat(timespec="seconds"),
    )
    rows = {entity: _rows(body, entity) for entity in ("Invoice", "Customer")}
    told = [one for entity in rows for row in rows[entity] for one in effects(entity, row, now)]
    return told, {"since": _next(now, *rows.values()).isoformat()}


def effects(entity: str, row: Row, now: datetime) -> list[Effect]:
    """What an invoice or a customer, as it stands now, has to tell: one effect or none."""
    if entity == "Invoice" and _touched(row):
        return [_document(row, now)]
    if entity == "Customer" and _gone(row):
        return [_customer(row)]
    return []


def _rows(body: Mapping[str, Any], entity: str) -> list[Row]:
    answers = [
        one
        for response in body.get("CDCResponse") or []
        for one in response.get("QueryResponse") or []
    ]
    return [row for one in answers for row in one.get(entity) or []]


def _touched(row: Row) -> bool:
    """Not what was only created, nor what only a payment moved."""
    if row.get("status") == "Deleted" or voided(row):
        return True
    paid = Decimal(row.get("Balance") or 0) != Decimal(row.get("TotalAmt") or 0)
    return row.get("SyncToken") != "0" and not paid


def _document(row: Row, now: datetime) -> DocumentChanged:
    change = "edited"
    if row.get("status") == "Deleted":
        change = "deleted"
    elif voided(row):
        change = "voided"
    return DocumentChanged(str(row["Id"]), change, _updated(row) or now)


def _gone(row: Row) -> bool:
    return row.get("status") == "Deleted" or row.get("Active") is False


def _customer(row: Row) -> CustomerGone:
    word = "deleted or merged" if row.get("status") == "Deleted" else "made inactive"
    return CustomerGone(str(row["Id"]), f"The customer was {word} in QuickBooks.")


def _updated(row: Row) -> datetime | None:
    stamp = (row.get("MetaData") or {}).get("LastUpdatedTime")
    return datetime.fromisoformat(str(stamp)) if stamp else None


def _next(now: datetime, *lists: list[Row]) -> datetime:
    cut = [rows for rows in lists if len(rows) >= FULL]
    ends = [max(filter(None, map(_updated, rows)), default=now) for rows in cut]
    return min([now, *ends])
