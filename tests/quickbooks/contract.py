"""Intuit's own schema, held against every body of a run: a pytest plugin.

Every body that the hub (told by its User-Agent) posts to a simulated company is checked, alone
or in a batch; what QuickBooks would refuse, and what it would take only by bending it, is a fault.
`tests/contracts.py` has the mechanism.
"""

import runpy
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kable_hub import canonical
from kable_hub.testing import Simulator
from tests import contracts
from tests.contracts import DATA, SENDER, Book

FOLDER = DATA / "quickbooks"
ENTITIES = {"invoice": "Invoice", "customer": "Customer", "payment": "Payment"}
REDUCED = ("void", "delete")
"""Operations whose body is only the key of an object."""

HARMLESS = ("rule.fx.rate",)
"""A warning of the checker about a foreign currency without a rate; it does not know the home
currency, and in that the rate is left out."""


class QuickBooksBook(Book):
    """Intuit's entities, their properties and rules."""

    provider = "QuickBooks"

    def __init__(self) -> None:
        super().__init__()
        self.checker = runpy.run_path(str(FOLDER / "qbo_check.py"))

    @classmethod
    def is_here(cls) -> bool:
        return FOLDER.exists()

    def watch(self, simulator: Simulator, request: Request, answer: Response) -> None:
        if type(simulator).__name__ != "QuickBooksSimulator" or request.method != "POST":
            return
        books: dict[str, Any] = simulator.books  # type: ignore[attr-defined]
        _, found, place = request.path.partition("/v3/company/")
        if found and request.headers.get("User-Agent") == SENDER:
            realm, _, path = place.partition("/")
            book = books.get(realm)
            self.faults += self.faults_of(path, request, book.country if book else None)

    def faults_of(self, path: str, request: Request, country: str | None) -> list[str]:
        """What QuickBooks would have against a body posted to a path below the company."""
        operation = request.args.get("operation", "")
        self.count(f"POST {path} {operation}".strip())
        body = canonical.loads(request.get_data())
        found = list(self._of_query(request, batch=path == "batch"))
        if path == "batch":
            found += self._said(self.checker["check_batch"](body, country))
        elif operation in REDUCED:
            found += [f"{name} is missing" for name in ("Id", "SyncToken") if not body.get(name)]
        elif path in ENTITIES:
            mode = "update" if body.get("Id") else "create"
            found += self._said(self.checker["check"](ENTITIES[path], body, mode, country))
        else:
            found.append("there is no such address")
        return [f"POST {path} {operation}".strip() + f": {one}" for one in found]

    def _of_query(self, request: Request, *, batch: bool) -> Iterator[str]:
        if request.args.get("minorversion") != "75":
            yield f"minorversion {request.args.get('minorversion')}"
        key = request.args.get("requestid", "")
        if len(key) > (36 if batch else 50):
            yield f"a requestid of {len(key)} characters"

    def _said(self, violations: list[Any]) -> list[str]:
        return [
            f"{one.severity} {one.rule} {one.path} {one.message}"
            for one in violations
            if one.rule not in HARMLESS
        ]


def pytest_configure(config: pytest.Config) -> None:
    contracts.install(config, QuickBooksBook)


def pytest_report_header(config: pytest.Config) -> str:
    return contracts.header(config, QuickBooksBook)


@pytest.fixture
def qbo_contract(request: pytest.FixtureRequest) -> QuickBooksBook:
    """The book of this process; skips where Intuit's schema is absent."""
    return contracts.book_of(request.config, QuickBooksBook)
