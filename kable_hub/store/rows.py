"""Many rows in few statements."""

from collections.abc import Sequence
from typing import Any

from kable_hub.store import tables as t

CHUNK_VALUES = 20_000
"""Bound values of one statement: SQLite takes 32,766, PostgreSQL 65,535."""


def insert_new(table: Any, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Insert rows that collide with nothing; answers the ids of those that were written."""
    written: set[str] = set()
    for chunk in _chunks(rows):
        statement = table.insert_many(chunk).on_conflict_ignore().returning(table.id)
        written |= {row.id for row in statement.execute()}
    return written


def insert_all(table: type[t.Table], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, all with the same columns."""
    for chunk in _chunks(rows):
        table.insert_many(chunk).as_rowcount().execute()


def _chunks(rows: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    size = max(1, CHUNK_VALUES // max(1, len(rows[0]))) if rows else 1
    return [rows[start : start + size] for start in range(0, len(rows), size)]
