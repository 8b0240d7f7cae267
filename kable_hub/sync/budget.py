"""The providers' limits, kept by counting calls: sliding windows, concurrency, and pauses.

Windows live in this process: a connection has one lease holder, so a limit of scope
`connection` needs no shared counter. Limits of wider scopes are shared out by the number of
processes that drain: each keeps its own part. Turns are given first come first served, the
narrowest limit of a call first.
"""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from kable_hub.clock import Clock
from kable_hub.domain import Environment
from kable_hub.errors import RateLimited
from kable_hub.provider import Limit, Provider
from kable_hub.sync.window import Quickest, Turn, Window

DEFAULT_PAUSE = timedelta(seconds=60)

LAST_TURN = 2.0
"""Seconds that a call still waits for its turn while the hub stops: what was begun is finished."""

GLANCE = 1.0


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


class Passage:
    """One call on its way. Who sends says when it goes, and whether an answer came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: float | None = None
        self.answered = False

    def go(self) -> float:
        """The request leaves now; the monotonic second."""
        self.sent = self._clock.monotonic()
        return self.sent


class _Bucket:
    def __init__(self, limit: Limit, quickest: Quickest) -> None:
        self.limit = limit
        self.lock = threading.Lock()
        self.window = Window(limit, quickest)
        self.slots = Slots(limit.concurrency) if limit.concurrency else None
        self.sharers = 1

    def share(self, sharers: int, free: float, now: float) -> None:
        """Keep the part of one of so many processes; what it gains is used once no call that
        others made until `free` is remembered."""
        limit, self.sharers = self.limit, sharers
        if limit.requests:
            requests, per = part(limit, sharers)
            with self.lock:
                self.window.resize(requests, per, free + limit.per.total_seconds(), now)
        if self.slots is not None:
            self.slots.resize(max(1, limit.concurrency // sharers))


class Slots:
    """So many at once, however many that is at the moment."""

    def __init__(self, size: int) -> None:
        self._size, self._used = size, 0
        self._changed = threading.Condition()

    def acquire(self, timeout: float) -> bool:
        """Take one; False where none is free within so many seconds."""
        with self._changed:
            free = self._changed.wait_for(lambda: self._used < self._size, timeout)
            self._used += free
        return free

    def release(self) -> None:
        """Give one back."""
        with self._changed:
            self._used -= 1
            self._changed.notify()

    def resize(self, size: int) -> None:
        """Let so many be used from now on."""
        with self._changed:
            self._size = size
            self._changed.notify_all()


def part(limit: Limit, sharers: int) -> tuple[int, float]:
    """What one of so many processes may use: calls, and in how many seconds.

    Where there are fewer calls than processes only their rate is kept, not each window.
    """
    per = limit.per.total_seconds()
    if limit.requests >= sharers:
        return limit.requests // sharers, per
    return 1, per * sharers / limit.requests


class Budget:
    """All buckets of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}
        self._covering: dict[tuple[str, str, Environment], tuple[Limit, ...]] = {}
        self._quickest: defaultdict[str, Quickest] = defaultdict(Quickest)
        self._waiting = Counter[str]()
        self.sharers, self._settled = 1, -math.inf
        self._held: dict[str, int] = {}
        self._taken: dict[str, float] = {}

    def share(self, sharers: int, wait: float) -> None:
        """So many processes drain now. After `wait` seconds all of them know it: until then, and
        for as long as a limit remembers its calls, this one uses nothing that others may use."""
        now = self._clock.monotonic()
        self.sharers, self._settled = sharers, max(self._settled, now + wait)

    def hold(self, connection_id: str, token: int) -> None:
        """A connection was leased. Where another process may have held it since this one did, its
        own limits go on as evenly as that one kept them, not with a full measure."""
        with self._lock:
            mine = self._held.get(connection_id) == token - 1
            self._held[connection_id] = token
            if mine or self.sharers == 1:
                return
            now = self._taken[connection_id] = self._clock.monotonic()
            buckets = [one for key, one in self._buckets.items() if key[2] == connection_id]
        for bucket in buckets:
            with bucket.lock:
                bucket.window.cool(now)

    @contextmanager
    def take(
        self, spender: Spender, call: str, patience: float, stop: threading.Event
    ) -> Iterator[Passage]:
        """Wait until every limit that covers `call` lets it pass, and hold its slots meanwhile.

        Raises RateLimited where that takes longer than `patience` seconds.
        """
        ends = self._clock.monotonic() + patience
        buckets = [self._bucket(spender, limit) for limit in self._limits(spender, call)]
        passage = Passage(self._clock)
        with ExitStack() as held:
            with self._waiting_at(spender.provider.slug):
                for bucket in buckets:
                    self._hold_slot(bucket, ends, held)
                for bucket in buckets:
                    if bucket.limit.requests:
                        held.enter_context(self._turn(bucket, call, ends, stop, passage))
            yield passage

    def standing(self) -> tuple[dict[str, int], dict[str, int]]:
        """By provider: how many calls wait for their turn, and how many limits are paused."""
        now = self._clock.monotonic()
        with self._lock:
            waiting, buckets = dict(self._waiting), list(self._buckets.items())
        paused = dict.fromkeys((key[0] for key, _ in buckets), 0)
        for key, one in buckets:
            paused[key[0]] += one.window.paused_until > now
        return waiting, paused

    @contextmanager
    def _waiting_at(self, provider: str) -> Iterator[None]:
        with self._lock:
            self._waiting[provider] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[provider] -= 1

    def comes_within(self, spender: Spender, call: str, seconds: float) -> bool:
        """Whether the next turn of such a call is that near, as far as can be known."""
        now = self._clock.monotonic()
        for limit in self._limits(spender, call):
            bucket = self._bucket(spender, limit)
            with bucket.lock:
                at = bucket.window.earliest(now) if limit.requests else now
            if at is None or at > now + seconds:
                return False
        return True

    def pause(self, spender: Spender, limit_name: str, wait: timedelta | None) -> None:
        """A provider throttled: pause the named limit, or all limits of the connection.

        What is paused goes on more slowly for a while.
        """
        now = self._clock.monotonic()
        until = now + (wait or DEFAULT_PAUSE).total_seconds()
        limits = spender.provider.limits
        named = [limit for limit in limits if limit.name == limit_name]
        for limit in named or [one for one in limits if one.scope == "connection"]:
            bucket = self._bucket(spender, limit)
            with bucket.lock:
                bucket.window.throttle(now, until)

    def _limits(self, spender: Spender, call: str) -> tuple[Limit, ...]:
        key = (spender.provider.slug, call, spender.environment)
        if key not in self._covering:
            limits = spender.provider.limits
            covering = [one for one in limits if one.covers(call, spender.environment)]
            self._covering[key] = tuple(
                sorted(covering, key=lambda one: one.requests / one.per.total_seconds())
            )
        return self._covering[key]

    def _bucket(self, spender: Spender, limit: Limit) -> _Bucket:
        key = spender.key(limit)
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = _Bucket(limit, self._quickest[key[0]])
                if limit.scope == "connection" and spender.connection_id in self._taken:
                    bucket.window.cool(self._taken[spender.connection_id])
                if self.sharers > 1 and limit.scope != "connection":
                    # Others may have used all of it until they knew of this process.
                    bucket.window.paused_until = self._settled + limit.per.total_seconds()
            if limit.scope != "connection" and bucket.sharers != self.sharers:
                now = self._clock.monotonic()
                bucket.share(self.sharers, max(self._settled, now), now)
            return bucket

    def _hold_slot(self, bucket: _Bucket, ends: float, held: ExitStack) -> None:
        if bucket.slots is None:
            return
        patience = max(0.0, ends - self._clock.monotonic())
        if not bucket.slots.acquire(timeout=patience):
            raise _too_long(bucket.limit, patience)
        held.callback(bucket.slots.release)

    @contextmanager
    def _turn(
        self, bucket: _Bucket, call: str, ends: float, stop: threading.Event, passage: Passage
    ) -> Iterator[None]:
        told = threading.Event()
        with bucket.lock:
            now = self._clock.monotonic()
            at = bucket.window.earliest(now)
            if at is not None and at > ends:
                raise _too_long(bucket.limit, at - now)
            turn = bucket.window.book(now, told.set)
        try:
            self._await(bucket, turn, told, ends, stop)
            yield
        finally:
            now = self._clock.monotonic()
            with bucket.lock:
                if passage.sent is None:
                    bucket.window.unused(turn, now)
                else:
                    bucket.window.used(call, passage.sent, now, answered=passage.answered)

    def _await(
        self, bucket: _Bucket, turn: Turn, told: threading.Event, ends: float, stop: threading.Event
    ) -> None:
        """Until the turn has come. Raises RateLimited where it comes after `ends`."""
        never = threading.Event()
        while True:
            now = self._clock.monotonic()
            at = None if turn.at is None else max(turn.at, bucket.window.paused_until)
            if at is not None and at <= now:
                return
            last = min(ends, now + LAST_TURN) if stop.is_set() else ends
            if (at or now) > last or now >= last:
                raise _too_long(bucket.limit, (at or now) - now)
            left = GLANCE if at is None else min(at - now, GLANCE)
            waits_for = told if at is None else never if stop.is_set() else stop
            self._clock.wait(waits_for, left)


def _too_long(limit: Limit, wait: float) -> RateLimited:
    return RateLimited(
        f"the limit {limit.name} leaves no room for {wait:.0f} s",
        limit=limit.name,
        retry_after=timedelta(seconds=max(wait, 1.0)),
    )
