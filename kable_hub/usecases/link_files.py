"""A file of links: CSV with the columns clientId, provider and reference, one link a row."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from kable_hub.usecases.errors import FieldError, Invalid

COLUMNS = ("clientId", "provider", "reference")
MOST = 200
"""Rows of a file: each is looked up at its provider while a person waits."""


@dataclass(frozen=True)
class LinkWish:
    """One row: whom to link where. `line` is that of the file, from 1 for the header.

    `was` is the reference that the customer had there when the row was previewed.
    """

    line: int
    client_id: str
    provider: str
    reference: str
    was: str = ""


def read_links(content: bytes) -> tuple[LinkWish, ...]:
    """The rows of a file (UTF-8). Raises Invalid on `file`, with every line that is at fault."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(
            "not_utf8", "The file is not UTF-8; save it as UTF-8 and try again."
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
    try:
        wishes = tuple(_rows(reader))
    except csv.Error as error:
        raise _refused("bad_csv", f"Line {reader.line_num}: {error}.") from None
    if not wishes:
        raise _refused("empty", "The file has no rows under its header.")
    return wishes


def _delimiter(text: str) -> str:
    """Spreadsheets of some countries write semicolons."""
    head = text.partition("\n")[0]
    return ";" if ";" in head and "," not in head else ","


def _rows(reader: "Iterator[list[str]]") -> Iterator[LinkWish]:
    places = _places([cell.strip() for cell in next(reader, [])])
    count = 0
    for line, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > MOST:
            raise _refused("too_many", f"At most {MOST} rows fit into one file; divide it.")
        values = [cells[at].strip() if at < len(cells) else "" for at in places]
        yield LinkWish(line, *values)


def _places(header: list[str]) -> list[int]:
    known = {cell.replace("_", "").replace(" ", "").lower(): at for at, cell in enumerate(header)}
    missing = [name for name in COLUMNS if name.lower() not in known]
    if missing:
        said = f"The first line has to name {', '.join(COLUMNS)}; {', '.join(missing)} is missing."
        raise _refused("missing_column", said)
    return [known[name.lower()] for name in COLUMNS]


def _refused(code: str, message: str) -> Invalid:
    return Invalid(FieldError("file", code, message))
