"""Holds what the plugins send, in every test of a run, against the providers' own descriptions.

The mechanism; each provider's description is a `Book` of its own (`tests/<provider>/contract.py`,
a pytest plugin). It watches every simulator of this process: a request that the provider would
not take as it is fails the test in which it was seen, and the run, but for a test marked
`breaks_contract`, which sends such a thing on purpose. Requests of processes that a test starts
are not seen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from werkzeug.wrappers import Request, Response

from kable_hub.testing import Simulator, observing

SENDER = "kable-hub"
"""How the hub names itself to a provider."""

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class Book:
    """What was checked, and what was wrong with it since somebody looked last.

    A subclass names the `provider`, knows whether its description `is_here`, and fills `checked`
    and `faults` in `watch`.
    """

    provider = ""

    def __init__(self) -> None:
        self.checked: dict[str, int] = {}
        self.faults: list[str] = []

    @classmethod
    def is_here(cls) -> bool:
        """Whether the provider's description lies beside the checkout."""
        raise NotImplementedError

    def watch(self, simulator: Simulator, request: Request, answer: Response) -> None:
        """Check one request and its answer; an observer of simulators."""
        raise NotImplementedError

    def count(self, operation: str) -> None:
        """One more request of this kind was checked."""
        self.checked[operation] = self.checked.get(operation, 0) + 1

    def taken(self) -> list[str]:
        """The faults since the last call."""
        found, self.faults = self.faults, []
        return found


class Watch:
    """The pytest plugin of a run that has a provider's description at hand."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.left = f"{book.provider} contract left"
        self.elsewhere: list[str] = []
        self._observed = observing(book.watch)

    def pytest_sessionstart(self) -> None:
        self._observed.__enter__()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Any:
        answer = yield
        faults = self.book.taken()
        if faults and not item.get_closest_marker("breaks_contract"):
            pytest.fail(self.said(faults), pytrace=False)
        return answer

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What came after the last test: a worker of xdist tells it to its parent."""
        self._observed.__exit__(None, None, None)
        left = self.book.taken()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[self.left] = left
        self.elsewhere += left
        if self.elsewhere and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.elsewhere += getattr(node, "workeroutput", {}).get(self.left, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.elsewhere:
            terminalreporter.section(f"{self.book.provider}'s contract")
            terminalreporter.line(self.said(self.elsewhere))

    def said(self, faults: list[str]) -> str:
        """The faults as a person reads them, each once."""
        head = f"{self.book.provider}'s contract does not hold:"
        return "\n".join([head, *dict.fromkeys(faults)])


def install(config: pytest.Config, kind: type[Book]) -> None:
    """Watch in this run, where the description is at hand."""
    if kind.is_here():
        config.pluginmanager.register(Watch(kind()), _plugin(kind))


def header(config: pytest.Config, kind: type[Book]) -> str:
    """The line about it above a run."""
    watched = config.pluginmanager.has_plugin(_plugin(kind))
    state = "held against every request" if watched else _absent(kind)
    return f"{kind.provider}'s contract: {state}"


ABook = TypeVar("ABook", bound=Book)


def book_of(config: pytest.Config, kind: Callable[..., ABook]) -> ABook:
    """The book of this process; skips the test where the description is absent."""
    watch = config.pluginmanager.get_plugin(_plugin(kind))
    if watch is None:
        pytest.skip(_absent(kind))
    book: ABook = watch.book
    return book


def _plugin(kind: Any) -> str:
    return f"{kind.provider} contract"


def _absent(kind: Any) -> str:
    return f"{kind.provider}'s description is not beside the checkout"
