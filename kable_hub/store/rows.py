"""Rows read and written by fixed text: building a query takes longer than most queries take."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from itertools import chain
from operator import itemgetter
from types import NoneType, SimpleNamespace
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
    """A cursor for each chunk of rows; columns that a row leaves out take their default.

    What no row names stands in the text, not among the values, of which there are fewer then.
    """
    fields, named = table._meta.sorted_fields, set().union(*rows)
    given = [one for one in fields if one.name in named]
    blank = [one for one in fields if one.name not in named]
    if len(given) < len(named):
        raise KeyError(named - {one.name for one in given})
    names = [one.column_name for one in given]
    all_names = _listed([one.column_name for one in (*given, *blank)])
    head = f'INSERT INTO "{table._meta.table_name}" ({all_names})'
    constants = [_literal(one) for one in blank]
    size = CHUNK_VALUES // max(1, len(given))
    for start in range(0, len(rows), size):
        columns = _by_column(given, rows[start : start + size])
        if t.database.param == "?":
            mark = f"({', '.join(['?'] * len(given) + constants)})"
            text = f"{head} VALUES {', '.join([mark] * len(columns[0]))} {tail}"
            yield t.database.execute_sql(text, [*chain.from_iterable(zip(*columns, strict=True))])
        else:
            # One value instead of thousands, each of which the driver would look for in the text.
            type_ = f'json_populate_recordset(NULL::"{table._meta.table_name}", %s::json)'
            read = ", ".join([_listed(names), *constants])
            text = f"{head} SELECT {read} FROM {type_} {tail}"  # noqa: S608
            told = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
            yield t.database.execute_sql(text, [json.dumps(told, ensure_ascii=False)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


_AS_IT_IS = {
    pw.TextField: str,
    pw.IntegerField: int,
    pw.BigIntegerField: int,
    pw.BooleanField: bool,
    MomentField: int,
}
"""What a column of this type takes without being asked."""


def _by_column(fields: Sequence[Any], rows: Sequence[dict[str, Any]]) -> list[Sequence[Any]]:
    """What is bound of these rows, a sequence for each column."""
    names, blank = [one.name for one in fields], {one.name: _default(one) for one in fields}
    whole = [row if len(row) == len(names) else {**blank, **row} for row in rows]
    columns = zip(*map(itemgetter(*names), whole), strict=True)
    return [_bound(field, values) for field, values in zip(fields, columns, strict=True)]


def _bound(field: Any, values: Sequence[Any]) -> Sequence[Any]:
    types = set(map(type, values))
    if types <= {_AS_IT_IS.get(type(field)), NoneType}:
        return values
    if types in ({dict}, {list}, {tuple}) and not any(values):
        return [_plain(field, values[0])] * len(values)
    return [_plain(field, one) for one in values]


def _plain(field: Any, value: Any) -> Any:
    made = field.db_value(value)
    return made.isoformat() if isinstance(made, date) else made


def _default(field: Any) -> Any:
    return field.default() if callable(field.default) else field.default


def _literal(field: Any) -> str:
    """A column's default as SQL."""
    value = _plain(field, _default(field))
    if isinstance(value, str):
        return "'{}'".format(value.replace("'", "''"))
    return "NULL" if value is None else str(value).upper()
