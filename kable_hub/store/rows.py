"""Many rows in few statements, as fixed text: a query builder takes most of such an insert."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from kable_hub.store import tables as t

CHUNK_VALUES = 20_000
"""Bound values of one statement: SQLite takes 32,766, PostgreSQL 65,535."""


def insert_new(table: type[t.Table], rows: Sequence[dict[str, Any]]) -> set[str]:
    """Insert rows that collide with nothing; answers the ids of those that were written."""
    tail = "ON CONFLICT DO NOTHING RETURNING id"
    return {str(row[0]) for cursor in _insert(table, rows, tail) for row in cursor.fetchall()}


def insert_all(table: type[t.Table], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows."""
    for _ in _insert(table, rows, ""):
        pass


def _insert(table: type[t.Table], rows: Sequence[dict[str, Any]], tail: str) -> Iterator[Any]:
    """A cursor for each chunk of rows; columns that a row leaves out take their default."""
    fields = table._meta.sorted_fields
    columns = ", ".join(f'"{one.column_name}"' for one in fields)
    marks = f"({', '.join([t.database.param] * len(fields))})"
    size = CHUNK_VALUES // len(fields)
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        many = ", ".join([marks] * len(chunk))
        name = table._meta.table_name
        text = f'INSERT INTO "{name}" ({columns}) VALUES {many} {tail}'  # noqa: S608
        yield t.database.execute_sql(text, _values(fields, chunk))


def _values(fields: Sequence[Any], rows: Sequence[dict[str, Any]]) -> list[Any]:
    given = [(one.name, _default(one), one.db_value) for one in fields]
    return [_bound(to_db(row.get(name, default))) for row in rows for name, default, to_db in given]


def _default(field: Any) -> Any:
    return field.default() if callable(field.default) else field.default


def _bound(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
