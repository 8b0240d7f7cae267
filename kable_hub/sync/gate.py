"""The gate around every HTTP request of a plugin: budget, lease, deadline, record."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from kable_hub.clock import Clock
from kable_hub.connection import CONNECT_TIMEOUT, READ_TIMEOUT, Call
from kable_hub.errors import ContractViolation, LeaseLost
from kable_hub.sync.budget import Budget, Spender


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
    wrote: bool = False

    def __call__(self, name: str, writes: bool) -> AbstractContextManager[Call]:
        """Open the gate for one request."""
        return self._open(name, writes)

    @contextmanager
    def _open(self, name: str, writes: bool) -> Iterator[Call]:
        if self.in_transaction():
            raise ContractViolation(f"{name} was called inside a database transaction")
        self._check()
        with self.budget.take(self.spender, name, self._left(), self.stop):
            self._check()
            if writes and not self.wrote:
                self.before_write()
                self.wrote = True
            call = Call(name, writes, (CONNECT_TIMEOUT, min(READ_TIMEOUT, self._left() + 1)))
            self.calls.append(call)
            call.started = self.clock.monotonic()
            try:
                yield call
            finally:
                call.ended = self.clock.monotonic()

    def unsettled(self, *, refused: bool) -> bool:
        """Whether a writing call has no clear answer, so that it may still commit.

        `refused`: the hook ended with the provider's refusal, which answers the last call.
        """
        calls = self.calls[:-1] if refused else self.calls
        return any(
            call.writes and (call.http_status is None or call.http_status >= 500) for call in calls
        )

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
            for call in self.calls
        ]

    def _left(self) -> float:
        return self.ends - self.clock.monotonic()

    def _check(self) -> None:
        if self._left() <= 0:
            raise LeaseLost("the time of this call is over")
        if not self.alive():
            raise LeaseLost("another worker took over")
