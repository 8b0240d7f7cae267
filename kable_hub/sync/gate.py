"""The gate around every HTTP request of a plugin: budget, lease, deadline, record."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from kable_hub import heard
from kable_hub.clock import Clock
from kable_hub.connection import CONNECT_TIMEOUT, READ_TIMEOUT, Call
from kable_hub.errors import ContractViolation, LeaseLost, ProviderError
from kable_hub.sync.budget import Budget, Spender

T = TypeVar("T")

SOON = 1.0
"""A call whose turn comes within so many seconds is sent: it is marked before its turn."""


@dataclass
class Gate:
    """The call guard of one hook call. Keeps the calls for the timeline.

    `before_write` puts on record that something may exist, once, before the first writing call;
    `alive` says whether this worker may still speak for the delivery; `ends` is the monotonic
    second after which nothing new is sent.
    """

    clock: Clock
    budget: Budget
    spender: Spender
    ends: float
    in_transaction: Callable[[], bool]
    stop: threading.Event = field(default_factory=threading.Event)
    before_write: Callable[[], None] = lambda: None
    alive: Callable[[], bool] = lambda: True
    calls: list[Call] = field(default_factory=list)
    beside: list[Call] = field(default_factory=list)
    wrote: bool = False
    closed: bool = False

    def __call__(self, name: str, writes: bool) -> AbstractContextManager[Call]:
        """Open the gate for one request."""
        return self._open(name, writes)

    @contextmanager
    def _open(self, name: str, writes: bool) -> Iterator[Call]:
        if self.in_transaction():
            raise ContractViolation(f"{name} was called inside a database transaction")
        self._check()
        if writes and self.budget.comes_within(self.spender, name, SOON):
            # The commit takes its time while the turn comes, not out of it.
            self._mark()
        with self.budget.take(self.spender, name, self._left(), self.stop) as passage:
            self._check()
            if writes:
                self._mark()
            call = Call(name, writes, (CONNECT_TIMEOUT, min(READ_TIMEOUT, self._left() + 1)))
            self.calls.append(call)
            call.started = passage.go()
            try:
                yield call
            finally:
                call.ended = self.clock.monotonic()
                passage.answered = call.http_status is not None
                call.http_status = heard.status(call.http_status)
                call.request_id = heard.word(call.request_id)

    def aside(self) -> "Gate":
        """A gate for calls beside the delivery, a refresh: they make no document."""
        return replace(
            self,
            before_write=lambda: None,
            alive=lambda: not self.closed and self.alive(),
            calls=self.beside,
            wrote=False,
        )

    def close(self) -> None:
        """The hook has ended: whatever it left behind calls nothing more."""
        self.closed = True

    def unsettled(self, *, refused: bool) -> bool:
        """Whether a writing call has no clear answer, so that it may still commit.

        `refused`: the hook ended with the provider's refusal, which answers the last call.
        """
        calls = self.calls[:-1] if refused else self.calls
        return any(call.writes and _unclear(call.http_status) for call in calls)

    def record(self) -> list[dict[str, Any]]:
        """The calls as the timeline keeps them."""
        return [
            {
                "name": call.name,
                "writes": call.writes,
                "status": call.http_status,
                "request_id": call.request_id,
                "ms": round((call.ended - call.started) * 1000),
            }
            for call in sorted([*self.beside, *self.calls], key=lambda call: call.started)
        ]

    def _mark(self) -> None:
        if not self.wrote:
            _of_the_hub(self.before_write)
            self.wrote = True

    def _left(self) -> float:
        return self.ends - self.clock.monotonic()

    def _check(self) -> None:
        if self.closed:
            raise LeaseLost("the hook has ended")
        if self._left() <= 0:
            raise LeaseLost("the time of this call is over")
        if not _of_the_hub(self.alive):
            raise LeaseLost("another worker took over")


def _unclear(status: int | None) -> bool:
    """No answer, trouble on the other side, or word that the request may still be at work."""
    return status is None or status >= 500 or status in (408, 409, 425)


def _of_the_hub(ask: Callable[[], T]) -> T:
    """What the hub's own store answers; where it stumbles, no plugin is to blame."""
    try:
        return ask()
    except ProviderError:
        raise
    except Exception as error:
        raise LeaseLost("the hub's store did not answer") from error
