"""Rows read and written by fixed text: building a query takes longer than most queries take."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from types import SimpleNamespace
from typing import Any

import peewee as pw

from kable_hub.store import tables as t
from kable_hub.store.fields import MomentField

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


def rows_where(table: type[t.Table], column: str, values: Iterable[Any]) -> list[Any]:
    """The rows whose `column` is one of `values`, with the columns of the table as attributes."""
    wanted = list(values)
    if not wanted:
        return []
    head, reads = _reading(table)
    marks = ", ".join([t.database.param] * len(wanted))
    found = t.database.execute_sql(f'{head} WHERE "{column}" IN ({marks})', wanted).fetchall()
    return [_row(reads, row) for row in found]


def _row(reads: Sequence[tuple[str, Callable[[Any], Any] | None]], values: Sequence[Any]) -> Any:
    pairs = zip(reads, values, strict=True)
    return SimpleNamespace(**{name: read(one) if read else one for (name, read), one in pairs})


@cache
def _reading(
    table: type[t.Table],
) -> tuple[str, tuple[tuple[str, Callable[[Any], Any] | None], ...]]:
    """The text that reads a table, and what makes the value of each column."""
    fields = table._meta.sorted_fields
    names = _listed([one.column_name for one in fields])
    reads = [(one.name, None if type(one) in _AS_IT_IS else one.python_value) for one in fields]
    return f'SELECT {names} FROM "{table._meta.table_name}"', tuple(reads)  # noqa: S608


def _insert(table: type[t.Table], rows: Sequence[dict[str, Any]], tail: str) -> Iterator[Any]:
    """A cursor for each chunk of rows; columns that a row leaves out take their default."""
    fields = table._meta.sorted_fields
    names = [one.column_name for one in fields]
    size = CHUNK_VALUES // len(fields)
    head = f'INSERT INTO "{table._meta.table_name}" ({_listed(names)})'
    for start in range(0, len(rows), size):
        chunk = _values(fields, rows[start : start + size])
        if t.database.param == "?":
            mark = f"({', '.join('?' * len(fields))})"
            text = f"{head} VALUES {', '.join([mark] * len(chunk))} {tail}"
            yield t.database.execute_sql(text, [one for row in chunk for one in row])
        else:
            # One value instead of thousands, each of which the driver would look for in the text.
            type_ = f'json_populate_recordset(NULL::"{table._meta.table_name}", %s::json)'
            text = f"{head} SELECT {_listed(names)} FROM {type_} {tail}"  # noqa: S608
            told = [dict(zip(names, row, strict=True)) for row in chunk]
            yield t.database.execute_sql(text, [json.dumps(told, ensure_ascii=False)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


_AS_IT_IS = {pw.TextField: str, pw.IntegerField: int, pw.BigIntegerField: int, MomentField: int}
"""What a column of this type takes without being asked."""


def _values(fields: Sequence[Any], rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    blank = [_bound(one.db_value(_default(one))) for one in fields]
    places = {one.name: (at, one, _AS_IT_IS.get(type(one))) for at, one in enumerate(fields)}
    found = []
    for row in rows:
        values = blank.copy()
        for name, value in row.items():
            at, column, plain = places[name]
            values[at] = value if type(value) is plain else _bound(column.db_value(value))
        found.append(values)
    return found


def _default(field: Any) -> Any:
    return field.default() if callable(field.default) else field.default


def _bound(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
