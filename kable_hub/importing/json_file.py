"""JSON lines: one invoice on each line, as the API takes it.

`customer` may be an object as the API takes it for a customer: it is made where it is missing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kable_hub.importing.found import Fault, FileRefused, FoundInvoice
from kable_hub.usecases.errors import Problem
from kable_hub.web.exact import loads


class JsonFile:
    """A file of JSON lines (UTF-8). Raises FileRefused when made.

    `currency` is that of invoices that name none.
    """

    def __init__(self, path: Path, *, currency: str = "") -> None:
        self._path = path
        self._currency = currency
        self.total = sum(1 for _ in self._lines())
        if not self.total:
            raise FileRefused("The file is empty.")

    def __iter__(self) -> Iterator[FoundInvoice]:
        """Its invoices, in their order."""
        for line, text in self._lines():
            try:
                yield self._found(line, loads(text))
            except Problem as refused:
                yield _unusable(line, refused.code, refused.detail)

    def _found(self, line: int, body: Any) -> FoundInvoice:
        if not isinstance(body, dict):
            return _unusable(line, "invalid", "Not an invoice, which is a JSON object.")
        if self._currency:
            body.setdefault("currency", self._currency)
        customer = body.get("customer")
        if not isinstance(customer, dict):
            return FoundInvoice(body, {}, line)
        return FoundInvoice({**body, "customer": customer.get("clientId")}, customer, line)

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            with self._path.open(encoding="utf-8-sig") as file:
                for line, text in enumerate(file, 1):
                    if "\0" in text:
                        raise FileRefused(f"Line {line}: a NUL character.")
                    if text.strip():
                        yield line, text
        except UnicodeDecodeError:
            raise FileRefused("The file is not UTF-8; save it as UTF-8 and try again.") from None


def _unusable(line: int, code: str, reason: str) -> FoundInvoice:
    return FoundInvoice({}, {}, line, faults=(Fault(line, "", "", code, reason),))
