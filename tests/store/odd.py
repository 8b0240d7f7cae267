"""Rows as odd as the tables allow, for every table of the hub."""

from typing import Any

import peewee as pw
from hypothesis import strategies as st

from kable_hub.store import tables as t
from kable_hub.store.copying import Copied
from kable_hub.store.database import Database

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
LONG = st.sampled_from(["x" * 100_000, "\u00fc\U0001f4b6\r\n'\"\\%s?" * 9_000])
DATES = st.dates().map(str)


def fields(table: type[t.Table]) -> list[pw.Field]:
    return list(table._meta.sorted_fields)


def in_an_index(table: type[t.Table]) -> set[str]:
    """The columns whose values PostgreSQL has to fit into an index."""
    keys = {one.column_name for one in table._meta.get_primary_keys()}
    indexed = [one.column_name for one in fields(table) if one.index or one.unique]
    for names, _ in table._meta.indexes:
        keys |= set(names)
    return keys | set(indexed)


def value(table: type[t.Table], field: pw.Field) -> st.SearchStrategy[Any]:
    match field:
        case pw.BooleanField():
            made: st.SearchStrategy[Any] = st.booleans()
        case pw.BigIntegerField():
            made = st.integers(-(2**63), 2**63 - 1)
        case pw.IntegerField():
            made = st.integers(-(2**31), 2**31 - 1)
        case pw.DateField():
            made = DATES
        case _:
            made = WORDS if field.column_name in in_an_index(table) else WORDS | LONG
    return made | st.none() if field.null else made


def rows(table: type[t.Table]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Up to four rows, no two of them alike in anything that has to be unique."""
    unique = [
        place
        for place, one in enumerate(fields(table))
        if one.unique or one.column_name in in_an_index(table)
    ]
    row = st.tuples(*(value(table, one) for one in fields(table)))
    return st.lists(
        row, max_size=4, unique_by=tuple((lambda row, at=at: (row[at], at)) for at in unique)
    )


def put(database: Database, table: type[t.Table], some: list[tuple[Any, ...]]) -> None:
    """Write rows as they are, whatever is in them."""
    if some:
        with database.write():
            Copied(table._meta.table_name).write(database, some)


def everything(database: Database, table: type[t.Table]) -> list[tuple[Any, ...]]:
    return [row for some in Copied(table._meta.table_name).portions(database) for row in some]
