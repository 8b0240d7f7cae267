"""CSV: one row for each invoice line, rows of one number joined, wherever they stand."""

import csv
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol, Self

from kable_hub.importing.columns import API_NAMES, FIELD_NAMES, Columns
from kable_hub.importing.found import Fault, FileRefused, FoundInvoice

SHOWN = 10
_EVERY_ROW = ("client_id", "issue_date")
_HEAD = ("client_id", "company_name", "email", "currency", "issue_date", "due_date", "memo")
_LINE = ("quantity", "unit_price", "amount", "tax_amount", "product_code")
_AS_IT_STANDS = ("description", "memo")


class _Reader(Protocol):
    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Self: ...

    def __next__(self) -> list[str]: ...


@dataclass(frozen=True)
class _Row:
    line: int
    cells: Mapping[str, str]


class CsvFile:
    """A CSV file (UTF-8, with or without a byte order mark). Raises FileRefused when made.

    Spaces around a value are not part of it, but in descriptions and memos. `date_format` is
    one of `time.strptime`; `currency` is that of rows that name none.
    """

    def __init__(
        self, path: Path, columns: Columns, *, date_format: str = "%Y-%m-%d", currency: str = ""
    ) -> None:
        self._path = path
        self._date_format = date_format
        self._currency = currency
        with _opened(path) as reader:
            header = [cell.strip() for cell in next(reader, [])]
            if not any(header):
                raise FileRefused("The file is empty.")
            self._places = columns.places(header, currency=bool(currency))
            self._width = len(header)
            self._rows = Counter(row.cells["number"] for row in self._sound_rows(reader))
        if not self._rows:
            raise FileRefused("The file has a header and no rows.")
        self.total = len(self._rows)

    def __iter__(self) -> Iterator[FoundInvoice]:
        """Its invoices, each as soon as its last row was read."""
        waiting: dict[str, list[_Row]] = {}
        with _opened(self._path) as reader:
            next(reader)
            for row in self._sound_rows(reader):
                number = row.cells["number"]
                rows = waiting.setdefault(number, [])
                rows.append(row)
                if len(rows) == self._rows[number]:
                    yield self._join(number, waiting.pop(number))
        if waiting:
            raise FileRefused("The file was changed while it was read.")

    def _sound_rows(self, reader: _Reader) -> Iterator[_Row]:
        refused: list[str] = []
        end = reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != self._width:
                refused.append(f"Line {line}: {len(cells)} values under {self._width} columns.")
            elif any("\0" in cell for cell in cells):
                refused.append(f"Line {line}: a NUL character.")
            else:
                yield _Row(
                    line, {name: _cell(name, cells[at]) for name, at in self._places.items()}
                )
        if refused:
            more = len(refused) - SHOWN
            raise FileRefused(*refused[:SHOWN], *([f"{more} more lines."] if more > 0 else []))

    def _join(self, number: str, rows: list[_Row]) -> FoundInvoice:
        head = _Head(number, self._date_format, self._currency)
        for row in rows:
            head.read(row)
        said = head.said
        body = {
            API_NAMES[name]: value
            for name, value in said.items()
            if name not in ("client_id", "company_name", "email")
        }
        customer = {"clientId": said.get("client_id", "")}
        customer |= {API_NAMES[one]: said[one] for one in ("company_name", "email") if one in said}
        return FoundInvoice(
            body={**body, "number": number, "lines": [_line(row.cells) for row in rows]},
            customer=customer,
            line=rows[0].line,
            places=tuple(row.line for row in rows),
            names=FIELD_NAMES,
            faults=tuple(head.faults),
        )


@dataclass
class _Head:
    """What the rows of one invoice say about the whole of it: each thing once, or alike."""

    number: str
    date_format: str
    currency: str
    values: dict[str, tuple[str, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def said(self) -> dict[str, str]:
        """Field to value, blank ones left out."""
        values = {name: value for name, (value, _) in self.values.items()}
        return {"currency": self.currency, **values} if self.currency else values

    def read(self, row: _Row) -> None:
        """Take one row's part."""
        if not self.number:
            self._fault(row, "number", "required", "This must not be empty.")
        for name in _HEAD:
            self._take(row, name, row.cells.get(name, ""))

    def _take(self, row: _Row, name: str, text: str) -> None:
        if not text:
            if name in _EVERY_ROW:
                self._fault(row, name, "required", "This must not be empty.")
            return
        value = self._day(row, name, text) if name.endswith("_date") else text
        known, line = self.values.setdefault(name, (value, row.line)) if value else ("", 0)
        if known != value:
            said = f"{text[:80]!r} differs from line {line} of the same invoice."
            self._fault(row, name, "differs", said)

    def _day(self, row: _Row, name: str, text: str) -> str:
        try:
            year, month, day, *_ = time.strptime(text, self.date_format)
            return date(year, month, day).isoformat()
        except ValueError:
            said = f"{text[:80]!r} is not a date of the form {_shown(self.date_format)}."
            self._fault(row, name, "bad_date", said)
            return ""

    def _fault(self, row: _Row, name: str, code: str, reason: str) -> None:
        self.faults.append(Fault(row.line, self.number, name, code, reason))


def _cell(name: str, text: str) -> str:
    return text if name in _AS_IT_STANDS and text.strip() else text.strip()


def _shown(date_format: str) -> str:
    """A form of dates as people write one: `%Y-%m-%d` is YYYY-MM-DD."""
    for sign, letters in (("%Y", "YYYY"), ("%m", "MM"), ("%d", "DD"), ("%y", "YY")):
        date_format = date_format.replace(sign, letters)
    return date_format


def _line(cells: Mapping[str, str]) -> dict[str, Any]:
    given = {API_NAMES[name]: cells[name] for name in _LINE if cells.get(name)}
    return {"description": cells["description"], **given}


@contextmanager
def _opened(path: Path) -> Iterator[_Reader]:
    """A reader of the file, what it cannot read turned into FileRefused."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            yield reader
        except UnicodeDecodeError:
            raise FileRefused("The file is not UTF-8; save it as UTF-8 and try again.") from None
        except csv.Error as error:
            raise FileRefused(f"Line {reader.line_num}: {error}.") from None
