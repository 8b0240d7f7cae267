"""A connection as a plugin sees it, and `call`, the gate every HTTP request goes through."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from kable_hub.domain import JSON, Environment

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0


@dataclass
class Call:
    """One HTTP request under way. The plugin tells what came back; the timeline shows it.

    `timeout` is (connect, read) in seconds, within the deadline: pass it to the HTTP client.
    """

    name: str
    writes: bool
    timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)
    http_status: int | None = None
    request_id: str = ""
    started: float = 0.0
    ended: float = 0.0

    def answered(self, http_status: int, request_id: str = "") -> None:
        """Note the provider's answer."""
        self.http_status = http_status
        self.request_id = request_id


CallGuard: TypeAlias = Callable[[str, bool], AbstractContextManager[Call]]
"""`guard(name, writes)`: waits for the budget, checks lease and deadline, counts, marks."""

Memory: TypeAlias = Callable[[str, timedelta, Callable[[], JSON]], JSON]
"""`memory(name, lasts, read)`: what `read` answered within that time, or answers now."""


@dataclass(frozen=True)
class Connection:
    """An account's authorised access to a provider in one environment.

    `credentials` and `app` hold secrets and stay out of the repr. `urls` are the provider's
    base URLs by name. `settings` are the connection's, validated by the declared schema.
    `deadline` is when the hub gives up on the current hook.
    """

    id: str
    account_id: str
    environment: Environment
    provider: str
    external_id: str
    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    app: Mapping[str, str] = field(repr=False)
    urls: Mapping[str, str]
    deadline: datetime
    guard: CallGuard = field(repr=False, compare=False)
    memory: Memory = field(repr=False, compare=False)
    clock: Callable[[], datetime] = field(repr=False, compare=False)

    def now(self) -> datetime:
        """The hub's time, timezone-aware UTC."""
        return self.clock()

    def call(self, name: str, *, writes: bool) -> AbstractContextManager[Call]:
        """Stand around every HTTP request: `with connection.call("invoices.create", writes=True)`.

        `name` is matched against the declared limits. Raises LeaseLost where another worker
        took over or the deadline passed, RateLimited where a limit is paused for longer than
        the deadline. From the first call with `writes=True` on a document may exist.
        """
        return self.guard(name, writes)

    def remember(self, name: str, lasts: timedelta, read: Callable[[], JSON]) -> JSON:
        """A fact of this connection that changes seldom: read once, kept by the hub for a while.

        For the provider's own preferences, rates and lists, which are dear to read each time.
        Answers what `read` answered under this `name` (at most 200 characters) within `lasts`, in
        any process; else calls `read`, which may call the provider, and keeps the answer: JSON
        without secrets. Of several threads one reads and the others wait; what `read` raises
        passes and is not kept. Only where it raises Transient (the provider is away, or
        its limit for reads is used up) an older answer serves on, for 40 days at most. The
        hub forgets it all whenever a person may have changed what it rests on: settings
        saved, a check, a retry by hand, a new connection or its end.
        """
        return self.memory(name, lasts, read)
