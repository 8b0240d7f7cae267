"""Stripe's own description, held against every request of a run: a pytest plugin.

Requests of the hub are meant (told by their User-Agent). An answer of the simulator with a field
that Stripe's object does not have is a fault, too. `tests/contracts.py` has the mechanism.
"""

import json
import runpy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kable_hub.testing import Simulator
from tests import contracts
from tests.contracts import DATA, SENDER, Book

FOLDER = DATA / "stripe"
MADE_UP = "future_"
"""What a test makes up for a newer version of the API begins so."""


class StripeBook(Book):
    """Stripe's endpoints, parameters and fields."""

    provider = "Stripe"

    def __init__(self) -> None:
        super().__init__()
        self.checker = runpy.run_path(str(FOLDER / "stripe_contract.py"))
        (file,) = FOLDER.glob("contract-*.json")
        self.contract: dict[str, Any] = json.loads(file.read_text())

    @classmethod
    def is_here(cls) -> bool:
        return FOLDER.exists()

    def watch(self, simulator: Simulator, request: Request, answer: Response) -> None:
        """Check one request and its answer; an observer of simulators."""
        if type(simulator).__name__ != "StripeSimulator" or not _is_api(request.path):
            return
        if request.headers.get("User-Agent") == SENDER:
            self.faults += self.faults_of(request)
        if answer.status_code == 200 and answer.mimetype == "application/json":
            body = json.loads(answer.get_data())
            named = f"{request.method} {request.path} answers"
            self.faults += [f"{named} {field}" for field in self.unknown_fields(body)]

    def faults_of(self, request: Request) -> list[str]:
        """What Stripe would have against a request."""
        query, body = request.query_string.decode(), request.get_data(as_text=True)
        part = self._part(request.method, request.path)
        hit, errors = self.checker["check"](part, request.method, request.path, query, body)
        operation = f"{request.method} {hit[0] if hit else request.path}"
        self.count(operation)
        said = [f"{where}: {what}" if where else what for where, what in errors]
        return [f"{operation}: {one}" for one in [*said, *self._of_headers(request)]]

    def _of_headers(self, request: Request) -> Iterator[str]:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            yield "no Authorization"
        if not request.path.startswith("/v1/"):
            return
        if request.headers.get("Stripe-Version") != self.contract["api_version"]:
            yield f"Stripe-Version {request.headers.get('Stripe-Version')}"
        key = request.headers.get("Idempotency-Key", "")
        if request.method == "POST" and not 0 < len(key) <= 255:
            yield f"an Idempotency-Key of {len(key)} characters"

    def _part(self, method: str, path: str) -> dict[str, Any]:
        return self._operations(method, "/".join(path.split("/")[:3]))

    @cache  # noqa: B019 - one book for the run
    def _operations(self, method: str, start: str) -> dict[str, Any]:
        every = self.contract["operations"].items()
        near = {name: one for name, one in every if name.startswith(f"{method} {start}")}
        return {**self.contract, "operations": near}

    def unknown_fields(self, body: Any, known: Any = None, at: str = "") -> Iterator[str]:
        """The fields in an answer that Stripe's objects do not have."""
        if isinstance(body, list):
            for item in body:
                yield from self.unknown_fields(item, known, at)
        if not isinstance(body, dict):
            return
        kind = str(body.get("object") or "")
        own = self.contract["objects"].get(kind, known)
        name = kind if kind in self.contract["objects"] else at
        for field, value in body.items():
            if field.startswith(MADE_UP):
                continue
            if isinstance(own, dict) and field not in own and field not in ("object", "deleted"):
                yield f"{name}.{field}, which is no field of Stripe's"
            inner = own.get(field) if isinstance(own, dict) else None
            nested = inner if isinstance(inner, dict) else None
            yield from self.unknown_fields(value, nested, f"{name}.{field}")


def _is_api(path: str) -> bool:
    return path.startswith("/v1/") or path in ("/oauth/token", "/oauth/deauthorize")


def pytest_configure(config: pytest.Config) -> None:
    contracts.install(config, StripeBook)


def pytest_report_header(config: pytest.Config) -> str:
    return contracts.header(config, StripeBook)


@pytest.fixture
def contract(request: pytest.FixtureRequest) -> StripeBook:
    """The book of this process; skips where Stripe's description is absent."""
    return contracts.book_of(request.config, StripeBook)
