"""Holds what the plugin sends, in every test of a run, against Stripe's own description.

A pytest plugin: it watches every simulated Stripe of this process. A request of the hub (told by
its User-Agent) that Stripe would not take as it is fails the test in which it was seen, and the
run. So does an answer of the simulator with a field that Stripe's object does not have. Requests
of processes that a test starts are not seen.
"""

import json
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kable_hub.testing import Simulator, observing

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "stripe"
ABSENT = "Stripe's description is not beside the checkout"
SENDER = "kable-hub"
MADE_UP = "future_"
"""What a test makes up for a newer version of the API begins so."""

LEFT = "stripe_contract_left"
PLUGIN = "stripe_contract"


class Book:
    """What was checked, and what was wrong with it since somebody looked last."""

    def __init__(self) -> None:
        self.checker = runpy.run_path(str(FOLDER / "stripe_contract.py"))
        (file,) = FOLDER.glob("contract-*.json")
        self.contract: dict[str, Any] = json.loads(file.read_text())
        self.checked: dict[str, int] = {}
        self.faults: list[str] = []

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
        self.checked[operation] = self.checked.get(operation, 0) + 1
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

    def taken(self) -> list[str]:
        """The faults since the last call."""
        found, self.faults = self.faults, []
        return found


def _is_api(path: str) -> bool:
    return path.startswith("/v1/") or path in ("/oauth/token", "/oauth/deauthorize")


class Watch:
    """The pytest plugin of a run that has Stripe's description at hand."""

    def __init__(self) -> None:
        self.book = Book()
        self.elsewhere: list[str] = []
        self._observed = observing(self.book.watch)

    def pytest_sessionstart(self) -> None:
        self._observed.__enter__()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Any:
        answer = yield
        if faults := self.book.taken():
            pytest.fail(said(faults), pytrace=False)
        return answer

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What came after the last test: a worker of xdist tells it to its parent."""
        self._observed.__exit__(None, None, None)
        left = self.book.taken()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[LEFT] = left
        self.elsewhere += left
        if self.elsewhere and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.elsewhere += getattr(node, "workeroutput", {}).get(LEFT, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.elsewhere:
            terminalreporter.section("Stripe's contract")
            terminalreporter.line(said(self.elsewhere))


def said(faults: list[str]) -> str:
    """The faults as a person reads them, each once."""
    return "Stripe's contract does not hold:\n" + "\n".join(dict.fromkeys(faults))


def pytest_configure(config: pytest.Config) -> None:
    if FOLDER.exists():
        config.pluginmanager.register(Watch(), PLUGIN)


def pytest_report_header(config: pytest.Config) -> str:
    watched = config.pluginmanager.has_plugin(PLUGIN)
    return "Stripe's contract: " + ("held against every request" if watched else ABSENT)


@pytest.fixture
def contract(request: pytest.FixtureRequest) -> Book:
    """The book of this process; skips where Stripe's description is absent."""
    watch = request.config.pluginmanager.get_plugin(PLUGIN)
    if watch is None:
        pytest.skip(ABSENT)
    book: Book = watch.book
    return book
