"""Moving a store, the rows: read in the order of their keys, checked, written, and added up.

Rows travel as plain values (text, whole numbers, truth values, dates as ISO text), the same from
either store, in portions, so that memory stays flat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any

import peewee as pw

from kable_hub.store import tables as t
from kable_hub.store.database import Database

PORTION_ROWS = 500
PORTION_CHARACTERS = 4_000_000
MOST_FAULTS = 20
_DIGEST = 1 << 64

Row = tuple[Any, ...]
Counts = dict[tuple[str, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Fault:
    """A value that the other store cannot hold. `column` is empty where the row as a whole does
    not fit; `key` is the row's primary key."""

    table: str
    key: str
    column: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.table} {self.key}" + (f", {self.column}" if self.column else "")
        return f"{place}: {self.reason}"


@dataclass(frozen=True)
class Sums:
    """What a table holds: rows, the sum of all its whole numbers, the characters of all its text,
    and a digest of its contents in whatever order."""

    rows: int = 0
    numbers: int = 0
    characters: int = 0
    digest: int = 0


class NotTaken(Exception):
    """A row that the other store refused."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Copied:
    """One table on its way, by the columns that the code knows."""

    def __init__(self, name: str) -> None:
        table = next(one for one in t.TABLES if one._meta.table_name == name)
        self.name = name
        self._fields: list[pw.Field] = list(table._meta.sorted_fields)
        self._columns = ", ".join(f'"{one.column_name}"' for one in self._fields)
        keys = [one.column_name for one in table._meta.get_primary_keys()]
        self._keys = [place for place, one in enumerate(self._fields) if one.column_name in keys]
        self._order = ", ".join(f'"{self._fields[place].column_name}"' for place in self._keys)

    def portions(self, source: Database, after: Sequence[Any] = ()) -> Iterator[list[Row]]:
        """The rows behind the key `after`, in the order of their keys."""
        while True:
            with source.read():
                rows = self._portion(source, after)
            if not rows:
                return
            yield rows
            after = self.key(rows[-1])

    def key(self, row: Row) -> list[Any]:
        """The row's primary key."""
        return [row[place] for place in self._keys]

    def faults(self, row: Row) -> Iterator[Fault]:
        """What of the row PostgreSQL cannot hold."""
        for one, value in zip(self._fields, row, strict=True):
            reason = "" if value is None else _fault(one, value)
            if reason:
                yield self._faulty(row, one.column_name, reason)

    def write(self, target: Database, rows: Sequence[Row]) -> None:
        """Insert rows; join the transaction. Raises NotTaken for one that is refused."""
        try:
            with target.peewee.atomic():
                self._insert(target, rows)
        except pw.PeeweeException:
            for row in rows:
                self._insert_alone(target, row)

    def sums(self, database: Database) -> Sums:
        """What the table holds there."""
        with database.read():
            text = f'SELECT COUNT(*) FROM "{self.name}"'  # noqa: S608 - own names
            count = int(database.sql(text).fetchone()[0])
        numbers = characters = digest = 0
        for rows in self.portions(database):
            for row in rows:
                numbers += sum(value for value in row if isinstance(value, int))
                characters += sum(len(value) for value in row if isinstance(value, str))
                digest += _digest(row)
        return Sums(count, numbers, characters, digest % _DIGEST)

    def _portion(self, source: Database, after: Sequence[Any]) -> list[Row]:
        if source.is_sqlite:
            # Text that is no UTF-8 has to be told of, not to end the reading.
            source.peewee.connection().text_factory = _text
        marks = ", ".join("?" * len(after))
        behind = f"WHERE ({self._order}) > ({marks})" if after else ""
        text = (
            f'SELECT {self._columns} FROM "{self.name}" {behind}'  # noqa: S608 - own names
            f" ORDER BY {self._order} LIMIT {PORTION_ROWS}"
        )
        rows: list[Row] = []
        size = 0
        for found in source.sql(text, *after):
            row = tuple(_plain(*pair) for pair in zip(self._fields, found, strict=True))
            rows.append(row)
            size += sum(len(value) for value in row if isinstance(value, str))
            if size >= PORTION_CHARACTERS:
                break
        return rows

    def _insert(self, target: Database, rows: Sequence[Row]) -> None:
        marks = f"({', '.join('?' * len(self._fields))})"
        many = ", ".join([marks] * len(rows))
        text = f'INSERT INTO "{self.name}" ({self._columns}) VALUES {many}'  # noqa: S608
        target.sql(text, *(value for row in rows for value in row))

    def _insert_alone(self, target: Database, row: Row) -> None:
        try:
            with target.peewee.atomic():
                self._insert(target, [row])
        except pw.PeeweeException as error:
            target.sql("SELECT 1")  # A server that is gone is no fault of the row's.
            said = str(error).strip().partition("\n")[0]
            raise NotTaken(self._faulty(row, "", said)) from None

    def _faulty(self, row: Row, column: str, reason: str) -> Fault:
        return Fault(self.name, "/".join(map(str, self.key(row))), column, reason)


def money(database: Database) -> Counts:
    """By account, environment and currency: invoices, and the sums of their subtotals, taxes and
    totals in minor units."""
    text = """
        SELECT account_id, environment, currency, COUNT(*), SUM(subtotal), SUM(tax), SUM(total)
        FROM invoice GROUP BY account_id, environment, currency
    """
    with database.read():
        rows = database.sql(text).fetchall()
    return {tuple(map(str, row[:3])): tuple(map(int, row[3:])) for row in rows}


def states(database: Database) -> Counts:
    """How many deliveries there are, by kind and state."""
    with database.read():
        text = "SELECT kind, state, COUNT(*) FROM delivery GROUP BY kind, state"
        rows = database.sql(text).fetchall()
    return {(str(row[0]), str(row[1])): (int(row[2]),) for row in rows}


def clear(database: Database, names: Sequence[str]) -> None:
    """Delete every row of these tables."""
    for name in names:
        database.sql(f'DELETE FROM "{name}"')  # noqa: S608 - own names


def first_filled(database: Database, names: Sequence[str]) -> str:
    """The first of these tables that holds a row; empty where none does."""
    with database.read():
        for name in names:
            text = f'SELECT 1 FROM "{name}" LIMIT 1'  # noqa: S608 - own names
            if database.sql(text).fetchone() is not None:
                return name
    return ""


def settle_in(database: Database) -> None:
    """Let PostgreSQL count what came in, so that it plans by that from the first query on."""
    if not database.is_sqlite:
        with database.read():
            database.sql("ANALYZE")


def _plain(field: pw.Field, value: Any) -> Any:
    """A stored value as it travels; one that does not fit its column stays as it is."""
    if isinstance(field, pw.BooleanField) and value in (0, 1):
        return bool(value)
    return value.isoformat() if isinstance(value, date) else value


def _fault(field: pw.Field, value: Any) -> str:
    match field:
        case pw.BooleanField():
            return "" if isinstance(value, bool) else "it is neither true nor false"
        case pw.BigIntegerField():
            return _range_fault(value, 63)
        case pw.IntegerField():
            return _range_fault(value, 31)
        case pw.DateField():
            return _date_fault(value)
    return _text_fault(value)


def _range_fault(value: Any, bits: int) -> str:
    fits = isinstance(value, int) and -(1 << bits) <= value < 1 << bits
    return "" if fits else f"it is no whole number of {bits + 1} bits"


def _date_fault(value: Any) -> str:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return "it is no date"
    return ""


def _text_fault(value: Any) -> str:
    if not isinstance(value, str):
        return "it is no text"
    if "\0" in value:
        return "it holds a NUL character, which PostgreSQL does not take"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "it is no UTF-8"
    return ""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _digest(row: Row) -> int:
    text = repr(row).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
