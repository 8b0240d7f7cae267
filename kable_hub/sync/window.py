"""One declared limit in a sliding window: no window of its length ever holds more than declared.

A limit of n calls in a time T is n slots; a slot is used again no sooner than T after its last
call arrived. When a call arrives only the provider knows. It left at `sent` and was answered at
`ended`; the quickest answer seen to such a call says how long way and work take at the least, so
it arrived at `ended - quickest` at the latest. A call that is slow for whatever reason thus holds
its slot for longer, and one without an answer until it is given up: no jitter of this machine or
of the network packs calls closer together than the provider permits.

Turns are spaced as well, so that calls come evenly. Pure: moments are monotonic seconds.
"""

import heapq
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kable_hub.provider import Limit

MARGIN = 0.003
"""So much longer than declared (a share of it) a slot is held: the quickest may get quicker."""

SPACING = 0.8
"""Turns follow each other at this share of the even distance; the rest makes good for gaps."""

BURST = 0.02
"""This share of a limit may go at once."""

EPOCH = 60.0
"""Seconds (or ten times the limit's own) for which, at least, a quickest answer counts."""

LEARNING = 2.0
ENOUGH = 20
"""The quickest of a kind of call is believed after so many seconds and so many of them: while a
busy machine answers all of them late, the quickest of a few says too much."""

SLOWER = 1.25
SLOWEST = 4.0
RECOVERY = 60.0
"""Throttled, a limit is stretched by SLOWER, again and again up to SLOWEST, and is back after
RECOVERY seconds without another throttling."""


@dataclass
class _Kind:
    """The least seconds that one kind of call took, of this epoch and the one before."""

    epoch: float
    first: float
    began: float
    now: float
    before: float
    seen: int = 0

    def least(self, took: float, ended: float) -> float:
        """0 as long as nothing is known: the call then counts as arrived when it was answered."""
        if ended - self.began >= self.epoch:
            self.began, self.before, self.now = ended, self.now, took
        self.now, self.seen = min(self.now, took), self.seen + 1
        known = self.seen >= ENOUGH and ended - self.first >= LEARNING
        return min(self.now, self.before) if known else 0.0


class Quickest:
    """How quickly a provider answers at best, by the kind of call: the same for all limits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, float], _Kind] = {}

    def least(self, call: str, epoch: float, took: float, ended: float) -> float:
        """The least that such a call takes, now that one took so long; 0 while that is unknown."""
        with self._lock:
            kind = self._kinds.get((call, epoch))
            if kind is None:
                kind = self._kinds[call, epoch] = _Kind(epoch, ended, ended, took, took)
            return kind.least(took, ended)


@dataclass
class Turn:
    """A slot that was given out. `at`: the moment from which on it may be used; None as long as
    every slot is in use, `told` is called once that is known."""

    at: float | None
    told: Callable[[], None] = field(repr=False)


class Window:
    """The slots of one limit, first come first served. The caller brings the lock, but for what
    the limits of a provider share: how `quickest` it answers."""

    def __init__(self, limit: Limit, quickest: Quickest | None = None) -> None:
        self._quickest = quickest or Quickest()
        self._measure(limit.requests, limit.per.total_seconds())
        self._free = [-math.inf] * limit.requests
        self._too_many = 0
        self._waiting: deque[Turn] = deque()
        self._next = -math.inf
        self._last: Turn | None = None
        self._stretch, self._throttled = 1.0, 0.0
        self.paused_until = -math.inf

    def resize(self, requests: int, per: float, free: float, now: float) -> None:
        """Hold so many calls (one at least) in `per` seconds from now on. Slots that are added
        are used from `free` on; those taken away while they are in use go with their calls."""
        more = requests - self._requests
        self._measure(requests, per)
        for _ in range(-more):
            if self._free:
                heapq.heappop(self._free)
            else:
                self._too_many += 1
        for _ in range(more):
            if self._too_many:
                self._too_many -= 1
            else:
                self._release(free, now)

    def cool(self, now: float) -> None:
        """Somebody else made calls until now, as evenly as this would: go on as evenly."""
        step = self._per / max(1, self._requests)
        self._free = [
            max(free, now + place * step) for place, free in enumerate(sorted(self._free))
        ]

    def _measure(self, requests: int, per: float) -> None:
        self._requests, self._per = requests, per
        self._spacing = per / requests * SPACING if requests else 0.0
        self._tolerance = max(0, int(requests * BURST) - 1) * self._spacing

    def earliest(self, now: float) -> float | None:
        """When the next turn would come; None while that cannot be known."""
        return None if self._waiting or not self._free else self._moment(self._free[0], now)

    def book(self, now: float, told: Callable[[], None] = lambda: None) -> Turn:
        """Take the next turn."""
        turn = Turn(None, told)
        if self._free and not self._waiting:
            self._give(turn, heapq.heappop(self._free), now)
        else:
            self._waiting.append(turn)
        return turn

    def unused(self, turn: Turn, now: float) -> None:
        """Give a turn back that was not used."""
        if turn.at is None:
            self._waiting.remove(turn)
        else:
            if self._last is turn:
                self._next = turn.at
            self._release(turn.at, now)

    def used(self, name: str, sent: float, ended: float, *, answered: bool) -> None:
        """The call `name` of a turn has ended: its slot is free again, some time from now."""
        epoch = max(EPOCH, 10 * self._per)
        quickest = self._quickest.least(name, epoch, ended - sent, ended) if answered else 0.0
        held = self._per * self.stretch(ended) * (1 + MARGIN)
        self._release(ended - quickest + held, ended)

    def throttle(self, now: float, until: float) -> None:
        """The provider said no: nothing goes before `until`, and less for a while."""
        self.paused_until = max(self.paused_until, until)
        self._stretch = min(SLOWEST, self.stretch(now) * SLOWER)
        self._throttled = self.paused_until

    def stretch(self, now: float) -> float:
        """By how much the limit is stretched now, 1 where it is kept as declared."""
        passed = min(1.0, max(0.0, now - self._throttled) / RECOVERY)
        return self._stretch - (self._stretch - 1.0) * passed

    def _release(self, free: float, now: float) -> None:
        if self._too_many:
            self._too_many -= 1
        elif self._waiting:
            turn = self._waiting.popleft()
            self._give(turn, free, now)
            turn.told()
        else:
            heapq.heappush(self._free, free)

    def _give(self, turn: Turn, free: float, now: float) -> None:
        turn.at = self._moment(free, now)
        self._next, self._last = turn.at + self._spacing * self.stretch(now), turn

    def _moment(self, free: float, now: float) -> float:
        return max(free, self._next, now - self._tolerance, self.paused_until)
