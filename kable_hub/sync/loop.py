"""The embedded engine: one process, APScheduler for the ticks, own threads for the drains.

The outbox is the truth; the engine only wakes drains.
"""

import fcntl
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from apscheduler.executors.pool import ThreadPoolExecutor as TickExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from kable_hub.clock import epoch_ms
from kable_hub.sync.drain import STOP_SECONDS, Pace
from kable_hub.sync.engine import EngineRunning, countdown, within
from kable_hub.sync.lanes import Lanes
from kable_hub.sync.steps import Rooms

log = logging.getLogger(__name__)

SWEEP_LIMIT = 100
RECONCILE_SECONDS = 30.0
LEEWAY = 5.0
"""Seconds beyond what a drain takes to stop at the most."""


class EmbeddedEngine:
    """Wakes drains inside this process. `wake` may be called from any thread at any time."""

    does = "working"

    def __init__(
        self, rooms: Rooms, lock_file: Path, pace: Pace, *, slots: int, pushes: int, sweep: float
    ) -> None:
        self._rooms = rooms
        self._lock_file = lock_file
        self._sweep_seconds = sweep
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._lanes = Lanes(
            rooms, pace, slots=slots, pushes=pushes, stop=self._stop, ended=self.wake
        )
        self._ticks: list[tuple[float, Callable[[], object]]] = []
        self._ends: list[Callable[[], object]] = []
        self._held: IO[str] | None = None
        self._sweeper = threading.Thread(target=self._sweep_forever, name="sweep", daemon=True)

    def wake(self, connection_id: str) -> None:  # noqa: ARG002 - the sweep finds what is due
        """Something is due: look now instead of at the next tick."""
        self._woken.set()

    def threads(self) -> tuple[dict[str, int], dict[str, int]]:
        """As `Lanes.standing`."""
        return self._lanes.standing()

    def every(self, seconds: float, name: str, work: Callable[[], object]) -> None:  # noqa: ARG002
        """Call `work` every so often while the engine runs. Before `start`."""
        self._ticks.append((seconds, work))

    def at_end(self, work: Callable[[], object]) -> None:
        """Call `work` when the engine stops, once nothing is called by it any more."""
        self._ends.append(work)

    def start(self) -> None:
        """Begin. Raises EngineRunning where another process works this store."""
        self._held = hold(self._lock_file)
        try:
            if self._rooms.database.is_sqlite:
                self._rooms.queue.void_leases()
            self._reconcile()
        except Exception:
            self._held.close()  # else the next try here would find the store at work
            self._held = None
            raise
        self.every(RECONCILE_SECONDS, "reconcile", self._reconcile)
        self._scheduler = _scheduler(self._ticks)
        self._scheduler.start()
        self._sweeper.start()

    def stop(self) -> bool:
        """Claim nothing more, wait for what is under way, give the store back.

        False where something did not come back within the time of a sound call.
        """
        if self._held is None:
            return True
        self._stop.set()
        self._woken.set()
        left = countdown(STOP_SECONDS + LEEWAY)
        ended = within(left(), lambda: self._scheduler.shutdown(wait=True))
        self._sweeper.join(left())
        ended &= self._lanes.close(left()) and not self._sweeper.is_alive()
        for work in self._ends:
            ended &= within(max(LEEWAY, left()), work)
        self._held.close()
        self._held = None
        return ended

    def _sweep_forever(self) -> None:
        while not self._stop.is_set():
            self._woken.clear()
            try:
                self._sweep()
            except Exception:
                log.exception("the sweep failed; it goes on")
            self._woken.wait(self._sweep_seconds)

    def _sweep(self) -> None:
        """Each provider for itself: the many connections of one hide none of another."""
        for provider in self._rooms.dispatcher.registry.providers():
            if self._lanes.free(provider.slug) > 0:
                self._start_drains(provider.slug)

    def _start_drains(self, provider: str) -> None:
        now = epoch_ms(self._rooms.clock.now())
        for connection_id in self._rooms.queue.due_connections(now, SWEEP_LIMIT, provider):
            if not self._lanes.runs(connection_id):
                self._lanes.begin(provider, connection_id)

    def _reconcile(self) -> None:
        found = self._rooms.queue.reconcile(epoch_ms(self._rooms.clock.now()))
        if found:
            self._woken.set()


def _scheduler(ticks: list[tuple[float, Callable[[], object]]]) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        executors={"default": TickExecutor(max(1, len(ticks)))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
    for seconds, work in ticks:
        scheduler.add_job(work, "interval", seconds=seconds)
    return scheduler


def hold(path: Path) -> IO[str]:
    """Take a store's file lock, until it is closed. Raises EngineRunning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = open(path, "w")  # noqa: SIM115 - held for as long as the engine runs
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise EngineRunning(f"another process works this store already ({path})") from None
    return held
