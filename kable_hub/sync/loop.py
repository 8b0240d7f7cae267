"""The embedded engine: one process, APScheduler for the ticks, own threads for the drains.

The outbox is the truth; the engine only wakes drains. Every provider has its own lane of
threads, so that a slow or dead one takes none from another.
"""

import fcntl
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from apscheduler.executors.pool import ThreadPoolExecutor as TickExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from kable_hub.clock import epoch_ms
from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.steps import Rooms

log = logging.getLogger(__name__)

SWEEP_LIMIT = 100
RECONCILE_SECONDS = 30.0


class EngineRunning(RuntimeError):
    """Another process works this store already."""


class _ProviderLane:
    """The threads of one provider: some for drains, more for pushes."""

    def __init__(self, slug: str, slots: int, pushes: int) -> None:
        self.slots = ThreadPoolExecutor(slots, thread_name_prefix=f"drain-{slug}")
        self.pushers = ThreadPoolExecutor(pushes, thread_name_prefix=f"push-{slug}")
        self.free = slots

    def close(self) -> None:
        self.slots.shutdown(wait=True, cancel_futures=True)
        self.pushers.shutdown(wait=False, cancel_futures=True)


class EmbeddedEngine:
    """Wakes drains inside this process. `wake` may be called from any thread at any time."""

    def __init__(
        self, rooms: Rooms, lock_file: Path, pace: Pace, *, slots: int, pushes: int, sweep: float
    ) -> None:
        self._rooms = rooms
        self._lock_file = lock_file
        self._pace = pace
        self._sizes = (slots, pushes)
        self._sweep_seconds = sweep
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._guard = threading.Lock()
        self._running: set[str] = set()
        self._lanes: dict[str, _ProviderLane] = {}
        self._ticks: list[tuple[float, Callable[[], None]]] = []
        self._ends: list[Callable[[], None]] = []
        self._held: IO[str] | None = None
        self._threads: list[threading.Thread] = []

    def wake(self, connection_id: str) -> None:  # noqa: ARG002 - the sweep finds what is due
        """Something is due: look now instead of at the next tick."""
        self._woken.set()

    def every(self, seconds: float, work: Callable[[], None]) -> None:
        """Call `work` every so often while the engine runs. Before `start`."""
        self._ticks.append((seconds, work))

    def at_end(self, work: Callable[[], None]) -> None:
        """Call `work` when the engine stops, once nothing is called by it any more."""
        self._ends.append(work)

    def start(self) -> None:
        """Begin. Raises EngineRunning where another process works this store."""
        self._held = _hold(self._lock_file)
        if self._rooms.database.is_sqlite:
            self._rooms.queue.void_leases()
        self.every(RECONCILE_SECONDS, self._reconcile)
        self._scheduler = _scheduler(self._ticks)
        self._reconcile()
        self._scheduler.start()
        sweeper = threading.Thread(target=self._sweep_forever, name="sweep", daemon=True)
        sweeper.start()
        self._threads.append(sweeper)

    def stop(self) -> None:
        """Claim nothing more, wait for what is under way, give the store back."""
        if self._held is None:
            return
        self._stop.set()
        self._woken.set()
        self._scheduler.shutdown(wait=True)
        for thread in self._threads:
            thread.join()
        for lane in self._lanes.values():
            lane.close()
        for work in self._ends:
            work()
        self._held.close()
        self._held = None

    def run(self, stop: threading.Event) -> None:
        """Start, work until `stop` is set, stop."""
        self.start()
        stop.wait()
        self.stop()

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
            lane = self._lane(provider.slug)
            if lane.free > 0:
                self._start_drains(provider.slug, lane)

    def _start_drains(self, provider: str, lane: _ProviderLane) -> None:
        now = epoch_ms(self._rooms.clock.now())
        for connection_id in self._rooms.queue.due_connections(now, SWEEP_LIMIT, provider):
            with self._guard:
                if connection_id in self._running or lane.free <= 0:
                    continue
                self._running.add(connection_id)
                lane.free -= 1
            lane.slots.submit(self._drain, connection_id, lane)

    def _drain(self, connection_id: str, lane: _ProviderLane) -> None:
        try:
            crowded = lambda: lane.free <= 0  # noqa: E731
            drain(self._rooms, connection_id, self._pace, lane.pushers, self._stop, crowded)
        except Exception:
            log.exception("the drain of %s failed; it is tried again", connection_id)
            self._stop.wait(self._sweep_seconds)
        finally:
            with self._guard:
                self._running.discard(connection_id)
                lane.free += 1
            self._woken.set()

    def _lane(self, provider: str) -> _ProviderLane:
        if provider not in self._lanes:
            self._lanes[provider] = _ProviderLane(provider, *self._sizes)
        return self._lanes[provider]

    def _reconcile(self) -> None:
        found = self._rooms.queue.reconcile(epoch_ms(self._rooms.clock.now()))
        if found:
            self._woken.set()


def _scheduler(ticks: list[tuple[float, Callable[[], None]]]) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        executors={"default": TickExecutor(max(1, len(ticks)))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
    for seconds, work in ticks:
        scheduler.add_job(work, "interval", seconds=seconds)
    return scheduler


def _hold(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    held = open(path, "w")  # noqa: SIM115 - held for as long as the engine runs
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise EngineRunning(f"another process works this store already ({path})") from None
    return held
