"""The providers' limits, kept by counting calls: spaced starts, concurrency, and pauses.

A bucket gives out moments, first come first served, so that no window of the declared length
ever holds more calls than declared; it runs two per cent below the limit and allows a burst
of those two per cent. Buckets live in this process: a connection has one lease holder, so a
limit of scope `connection` needs no shared counter.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from kable_hub.clock import Clock
from kable_hub.domain import Environment
from kable_hub.errors import RateLimited
from kable_hub.provider import Limit, Provider

MARGIN = 0.02
DEFAULT_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True)
class Spender:
    """Who spends: one connection, with the keys of the wider scopes it shares."""

    provider: Provider
    environment: Environment
    connection_id: str
    app_id: str = ""

    def key(self, limit: Limit) -> tuple[str, str, str]:
        """The bucket of one of the provider's limits for this connection."""
        owner = {"connection": self.connection_id, "app": f"app {self.app_id}", "ip": "ip"}
        return (self.provider.slug, limit.name, owner[limit.scope])


class _Bucket:
    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._next = 0.0
        self._paused_until = 0.0
        spare = max(1, int(limit.requests * MARGIN))
        self._interval = (
            limit.per.total_seconds() / limit.requests * (1 + MARGIN) if limit.requests else 0.0
        )
        self._tolerance = (spare - 1) * self._interval
        self.slots = threading.BoundedSemaphore(limit.concurrency) if limit.concurrency else None

    def reserve(self, now: float, patience: float) -> float:
        """Seconds to wait for the next free moment, taken unless it is beyond `patience`."""
        with self._lock:
            start = max(self._next, now - self._tolerance, self._paused_until)
            wait = max(0.0, start - now)
            if wait <= patience:
                self._next = start + self._interval
            return wait

    def pause(self, until: float) -> None:
        with self._lock:
            self._paused_until = max(self._paused_until, until)


class Budget:
    """All buckets of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}

    @contextmanager
    def take(
        self, spender: Spender, call: str, patience: float, stop: threading.Event
    ) -> Iterator[None]:
        """Wait until every limit that covers `call` lets it pass, and hold its slots meanwhile.

        Raises RateLimited where that takes longer than `patience` seconds.
        """
        buckets = [
            self._bucket(spender, limit)
            for limit in spender.provider.limits
            if limit.covers(call, spender.environment)
        ]
        with ExitStack() as held:
            for bucket in buckets:
                self._hold_slot(bucket, patience, held)
            for bucket in buckets:
                self._wait_turn(bucket, patience, stop)
            yield

    def pause(self, spender: Spender, limit_name: str, wait: timedelta | None) -> None:
        """A provider throttled: pause the named limit, or all limits of the connection."""
        until = self._clock.monotonic() + (wait or DEFAULT_PAUSE).total_seconds()
        limits = spender.provider.limits
        named = [limit for limit in limits if limit.name == limit_name]
        for limit in named or [one for one in limits if one.scope == "connection"]:
            self._bucket(spender, limit).pause(until)

    def _bucket(self, spender: Spender, limit: Limit) -> _Bucket:
        key = spender.key(limit)
        with self._lock:
            if key not in self._buckets:
                self._buckets[key] = _Bucket(limit)
            return self._buckets[key]

    def _hold_slot(self, bucket: _Bucket, patience: float, held: ExitStack) -> None:
        if bucket.slots is None:
            return
        if not bucket.slots.acquire(timeout=max(0.0, patience)):
            raise _too_long(bucket.limit, patience)
        held.callback(bucket.slots.release)

    def _wait_turn(self, bucket: _Bucket, patience: float, stop: threading.Event) -> None:
        wait = bucket.reserve(self._clock.monotonic(), patience)
        if wait > patience:
            raise _too_long(bucket.limit, wait)
        if wait > 0:
            self._clock.wait(stop, wait)


def _too_long(limit: Limit, wait: float) -> RateLimited:
    return RateLimited(
        f"the limit {limit.name} leaves no room for {wait:.0f} s",
        limit=limit.name,
        retry_after=timedelta(seconds=max(wait, 1.0)),
    )
