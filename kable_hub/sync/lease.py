"""The lease of one drain, as its threads see it: may this worker still speak for the connection?

It has run out by this machine's own clocks before anybody else may take it: both are asked, since
a machine that slept or a process that was stopped has one of them behind. That nobody took it all
the same (another machine's clock may be wrong, a person may have) the database says, at every
mark and save, and for all threads together at least every CONFIRM_SECONDS while they call.

Once a third of its time has passed whoever asks renews it, the threads as well as the drain: one
that is busy with a claim or with ends for longer than the lease lasts would otherwise lose it each
time anew, and never get on.
"""

import math
import threading

from kable_hub.clock import Clock, epoch_ms
from kable_hub.store.queue import Queue

CONFIRM_SECONDS = 0.5


class Lease:
    """A connection taken for `ttl_ms`. Used by many threads."""

    def __init__(self, clock: Clock, queue: Queue, connection_id: str, ttl_ms: int) -> None:
        self._clock, self._queue = clock, queue
        self._connection_id, self._ttl = connection_id, ttl_ms
        self._lock = threading.Lock()
        self._until_ms, self._until, self._confirmed = 0, -math.inf, -math.inf
        self._renew_at = -math.inf
        self.token = 0

    def acquire(self) -> bool:
        """Take the connection; False where somebody holds it."""
        now, monotonic = self._now()
        token = self._queue.acquire(self._connection_id, now, self._ttl)
        if token is None:
            return False
        self.token = token
        self._extend(now, monotonic)
        return True

    def keep(self) -> bool:
        """Renew it where it is time to; False where it is lost, and then nothing more is sent."""
        with self._lock:
            monotonic = self._clock.monotonic()
            return monotonic < self._renew_at or self._renew()

    def holds(self) -> bool:
        """Whether this worker may send now."""
        now, monotonic = self._now()
        if now >= self._until_ms or monotonic >= self._until:
            return False
        if monotonic - self._confirmed < CONFIRM_SECONDS:
            return True
        with self._lock:
            if monotonic - self._confirmed >= CONFIRM_SECONDS:
                self._confirm(monotonic)
        return monotonic < self._until

    def _confirm(self, monotonic: float) -> None:
        if monotonic >= self._renew_at:
            self._renew()
        elif self._queue.leased(self._connection_id, self.token):
            self._confirmed = monotonic
        else:
            self._end()

    def _renew(self) -> bool:
        now, monotonic = self._now()
        if self._queue.renew(self._connection_id, self.token, now, self._ttl):
            self._extend(now, monotonic)
            return True
        self._end()
        return False

    def _now(self) -> tuple[int, float]:
        return epoch_ms(self._clock.now()), self._clock.monotonic()

    def _extend(self, now: int, monotonic: float) -> None:
        """Counted from before the database was asked: never longer than it says there."""
        self._until_ms, self._until = now + self._ttl, monotonic + self._ttl / 1000
        self._renew_at = monotonic + self._ttl / 3000
        self._confirmed = monotonic

    def _end(self) -> None:
        self._until_ms, self._until, self._renew_at = 0, -math.inf, -math.inf
