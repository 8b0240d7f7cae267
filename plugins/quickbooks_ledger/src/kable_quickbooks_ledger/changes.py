"""What people did in QuickBooks: invoices paid, edited, voided or deleted, customers gone.

Flow is one way: the hub shows these, it never takes them over.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kable_hub import (
    JSON,
    Connection,
    CustomerGone,
    DocumentChanged,
    Effect,
    PaymentChanged,
    PaymentStatus,
)
from kable_quickbooks_ledger.client import Client, Row
from kable_quickbooks_ledger.receipts import voided

ENTITIES = ("Invoice", "Customer")
REACH = timedelta(days=30)
"""How far back QuickBooks' change feed goes."""
MARGIN = timedelta(minutes=5)
"""How much two polls overlap, so that a clock behind ours hides nothing."""
FULL = 1000
"""An answer with so many rows was cut: what follows is asked from its end on."""
ROUNDS = 5
"""So often a poll goes on at once before it leaves the rest to the next one."""
CENT = Decimal("0.01")


def poll(
    connection: Connection, cursor: Mapping[str, JSON]
) -> tuple[list[Effect], Mapping[str, JSON]]:
    """The changes since the cursor and the next cursor; the first poll only sets it.

    A cursor that is `exact` is the end of a cut answer, and nothing overlaps it: more may have
    changed within the overlap than one answer holds.
    """
    now = connection.now()
    if "since" not in cursor:
        return [], {"since": now.isoformat()}
    client, told = Client.of(connection), list[Effect]()
    for _ in range(ROUNDS):
        since = _start(cursor, now)
        rows = _changed(client, since)
        told += [
            one for entity in rows for row in rows[entity] for one in effects(entity, row, now)
        ]
        end = _cut(rows)
        if end is None:
            return told, {"since": now.isoformat()}
        # More rows of one second than an answer holds must not hold up everything after it.
        end = max(end, since + timedelta(seconds=1))
        cursor = {"since": end.isoformat(), "exact": True}
    return told, cursor


def effects(entity: str, row: Row, now: datetime, into: str = "") -> list[Effect]:
    """What an invoice or a customer, as it stands now, has to tell.

    `into`: the customer that this one was merged into, where that is known.
    """
    if entity == "Customer":
        return [_customer(row, into)] if _gone(row) else []
    if row.get("status") == "Deleted":
        return [_document(row, "deleted", now)]
    if voided(row):
        return [_document(row, "voided", now)]
    told: list[Effect] = [_payment(row, now)] if _touched(row) else []
    if row.get("SyncToken") != "0":
        told.append(_document(row, "edited", now))
    return told


def _start(cursor: Mapping[str, JSON], now: datetime) -> datetime:
    since = datetime.fromisoformat(cursor["since"])
    return max(since if cursor.get("exact") else since - MARGIN, now - REACH)


def _changed(client: Client, since: datetime) -> dict[str, list[Row]]:
    """What changed, by entity; each on its own where both together fill an answer."""
    rows = _ask(client, since, *ENTITIES)
    if sum(map(len, rows.values())) < FULL:
        return rows
    return {entity: _ask(client, since, entity)[entity] for entity in ENTITIES}


def _ask(client: Client, since: datetime, *entities: str) -> dict[str, list[Row]]:
    moment = since.isoformat(timespec="seconds")
    body = client.read("changes.read", "cdc", entities=",".join(entities), changedSince=moment)
    return {entity: _rows(body, entity) for entity in entities}


def _cut(rows: Mapping[str, list[Row]]) -> datetime | None:
    """Up to when everything was told; None where nothing was cut."""
    ends = [max(filter(None, map(_updated, one))) for one in rows.values() if len(one) >= FULL]
    return min(ends, default=None)


def _rows(body: Mapping[str, Any], entity: str) -> list[Row]:
    answers = [
        one
        for response in body.get("CDCResponse") or []
        for one in response.get("QueryResponse") or []
    ]
    return [row for one in answers for row in one.get(entity) or []]


def _touched(row: Row) -> bool:
    """Not what was only created. A payment leaves the SyncToken as it is."""
    stamps = row.get("MetaData") or {}
    later = stamps.get("LastUpdatedTime") != stamps.get("CreateTime")
    return later or row.get("SyncToken") != "0" or _balance(row) != _total(row)


def _payment(row: Row, now: datetime) -> PaymentChanged:
    open_still, total = _balance(row), _total(row)
    status, message = PaymentStatus.PARTIALLY_PAID, ""
    if open_still == total:
        status = PaymentStatus.OPEN
    elif open_still == 0:
        status = PaymentStatus.PAID
    else:
        message = f"{open_still.quantize(CENT)} of {total.quantize(CENT)} are open in QuickBooks."
    return PaymentChanged(str(row["Id"]), status, _updated(row) or now, message=message)


def _balance(row: Row) -> Decimal:
    return Decimal(row.get("Balance") or 0)


def _total(row: Row) -> Decimal:
    return Decimal(row.get("TotalAmt") or 0)


def _document(row: Row, change: str, now: datetime) -> DocumentChanged:
    return DocumentChanged(str(row["Id"]), change, _updated(row) or now)


def _gone(row: Row) -> bool:
    return row.get("status") == "Deleted" or row.get("Active") is False


def _customer(row: Row, into: str) -> CustomerGone:
    word = "made inactive"
    if into:
        word = f"merged into customer {into}"
    elif row.get("status") == "Deleted":
        word = "deleted or merged"
    name = row.get("DisplayName")
    who = f"{name} ({row['Id']})" if name else f"Customer {row['Id']}"
    said = f"{who} was {word} in QuickBooks. Link the customer again."
    return CustomerGone(str(row["Id"]), said)


def _updated(row: Row) -> datetime | None:
    stamp = (row.get("MetaData") or {}).get("LastUpdatedTime")
    return datetime.fromisoformat(str(stamp)) if stamp else None
