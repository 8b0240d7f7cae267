"""Each provider's own threads, and the drains that run in them: what both engines share.

A slow or dead provider so takes no thread from another.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.engine import countdown
from kable_hub.sync.pool import Pool
from kable_hub.sync.steps import Rooms

log = logging.getLogger(__name__)

AFTER_FAILURE = 0.5
"""Seconds that a connection waits whose drain failed in the hub itself."""

REPLACED = "%d threads of %s have not come back; others take their place"
NO_MORE = "%d threads of %s have not come back; no more are replaced: start this process anew"


class _Lane:
    """The threads of one provider: some for drains, more for pushes."""

    def __init__(self, slug: str, slots: int, pushes: int) -> None:
        self.slug, self.pushes = slug, pushes
        self.slots = Pool(slots, f"drain-{slug}")
        self.pushers = Pool(pushes, f"push-{slug}")
        self.free, self.busy = slots, 0

    def lose(self, future: Future[Any]) -> None:
        """A push was given up: its thread is replaced for as long as it does not come back."""
        self.pushers.lose(future)
        if self.pushers.exhausted:
            log.error(NO_MORE, self.pushers.lost, self.slug)
        elif self.pushers.lost:
            log.warning(REPLACED, self.pushers.lost, self.slug)


class Lanes:
    """Starts drains. `ended` is told each connection whose drain is over."""

    def __init__(
        self,
        rooms: Rooms,
        pace: Pace,
        *,
        slots: int,
        pushes: int,
        stop: threading.Event,
        ended: Callable[[str], None],
    ) -> None:
        self._rooms, self._pace, self._stop, self._ended = rooms, pace, stop, ended
        self._sizes = (slots, pushes)
        self._guard = threading.Lock()
        self._running: Counter[str] = Counter()
        self._lanes: dict[str, _Lane] = {}
        self.fair: Mapping[str, int] = {}
        """Of a provider's drains this process's share; one above it ends with its slice."""

    def free(self, provider: str) -> int:
        """How many more drains of this provider could begin now."""
        return self._lane(provider).free

    def standing(self) -> tuple[dict[str, int], dict[str, int]]:
        """By provider: how many drains could begin now, and how many push threads are lost."""
        with self._guard:
            lanes = list(self._lanes.values())
        free = {lane.slug: max(0, lane.free) for lane in lanes}
        return free, {lane.slug: lane.pushers.lost for lane in lanes}

    def busy(self, provider: str) -> int:
        """How many drains of this provider run here."""
        return self._lane(provider).busy

    def runs(self, connection_id: str) -> bool:
        """Whether a connection is drained here."""
        return connection_id in self._running

    def begin(self, provider: str, connection_id: str) -> Future[None] | None:
        """Drain a connection; None where no thread is free. To drain one twice at once is harmless:
        the lease lets one."""
        lane = self._lane(provider)
        with self._guard:
            if lane.free <= 0 or self._stop.is_set():
                return None
            self._running[connection_id] += 1
            lane.free -= 1
            lane.busy += 1
        return lane.slots.submit(self._drain, connection_id, lane)

    def close(self, seconds: float) -> bool:
        """Wait for what runs; False where something did not come back in that time."""
        left, ended = countdown(seconds), True
        lanes = list(self._lanes.values())
        for pool in [lane.slots for lane in lanes] + [lane.pushers for lane in lanes]:
            ended &= pool.close(left())
        return ended

    def _drain(self, connection_id: str, lane: _Lane) -> None:
        crowded = lambda: lane.free <= 0 or lane.busy > self.fair.get(lane.slug, lane.busy)  # noqa: E731
        given = (self._rooms, connection_id, self._pace, lane.pushers, self._stop, crowded)
        try:
            drain(*given, lane.lose, lambda: lane.pushes // max(1, lane.busy))
        except Exception:
            log.exception("the drain of %s failed; it is tried again", connection_id)
            self._stop.wait(AFTER_FAILURE)
        finally:
            with self._guard:
                self._running[connection_id] -= 1
                self._running += Counter()  # forgets what does not run any more
                lane.free += 1
                lane.busy -= 1
            self._ended(connection_id)

    def _lane(self, provider: str) -> _Lane:
        with self._guard:
            if provider not in self._lanes:
                self._lanes[provider] = _Lane(provider, *self._sizes)
            return self._lanes[provider]
