"""The row that an update, a void or a deletion in the simulated QuickBooks is about."""

from collections.abc import Mapping
from typing import Any

from kable_quickbooks_ledger.simulator_books import Book, Row
from kable_quickbooks_ledger.simulator_faults import QboFault, inactive, missing

SYSTEM = ("Id", "SyncToken", "MetaData", "domain", "sparse")
"""What QuickBooks keeps of a row by itself, whoever writes it."""


def current(book: Book, entity: str, body: Mapping[str, Any]) -> Row:
    """The row that `body` names by Id and SyncToken. Raises QboFault 2020, 610 and 5010."""
    for name in ("Id", "SyncToken"):
        if not body.get(name):
            raise missing(name)
    row = book.tables[entity].get(body["Id"])
    if row is None:
        raise inactive()
    if row["SyncToken"] != body["SyncToken"]:
        raise QboFault("5010", "Stale Object Error", "Somebody else finished before you did.")
    return row


def changed(row: Row, body: Mapping[str, Any], kept: tuple[str, ...] = ()) -> Row:
    """The row as an update leaves it: a sparse one keeps the rest, a full one clears what it
    leaves out but for `kept`, what is null is cleared."""
    rest = row if body.get("sparse") else {name: row[name] for name in kept if name in row}
    system = {name: row[name] for name in SYSTEM}
    merged = {**rest, **body, **system}
    return {name: value for name, value in merged.items() if value is not None}
