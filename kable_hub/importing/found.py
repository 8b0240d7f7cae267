"""What the readers of files hand on: invoices as the API would take them, and faults by line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class FileRefused(Exception):
    """The file is not one of invoices. `reasons` are for people; nothing was written."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class ColumnsMissing(FileRefused):
    """Columns are not there under the names that were looked for."""


@dataclass(frozen=True)
class Fault:
    """One fault of the file: where (`line` counts from 1), of which invoice, and why."""

    line: int
    number: str
    field: str
    code: str
    reason: str


@dataclass(frozen=True)
class FoundInvoice:
    """An invoice as the file has it.

    `body` is the body of the API's call, `customer` that of the customer in it (empty where
    only its id is given). `line` is where it begins, `places` the line of each invoice line
    where these stand on lines of their own. `names` turns a field of the body into the file's
    word for it.
    """

    body: Mapping[str, Any]
    customer: Mapping[str, Any]
    line: int
    places: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def number(self) -> str:
        """The invoice's number, for people."""
        return str(self.body.get("number", ""))[:100]

    def fault(self, path: str, code: str, reason: str) -> Fault:
        """A fault at `path`, a field in the API's words such as `lines.3.amount`."""
        line, name = self.line, path
        parts = path.split(".")
        if self.places and len(parts) > 2 and parts[0] == "lines" and parts[1].isdigit():
            line, name = self.places[int(parts[1])], parts[2]
        return Fault(line, self.number, self.names.get(name, name), code, reason)


class Source(Protocol):
    """A file that was looked through. `total` is the number of its invoices."""

    total: int

    def __iter__(self) -> Iterator[FoundInvoice]:
        """Read it again, invoice by invoice."""
        ...
