"""The engine of many processes: Procrastinate on PostgreSQL carries the wakes.

A job says "drain this connection, somebody", nothing more: the lease in the connection's row
excludes, the outbox keeps, and every job may be lost or doubled without harm. So jobs have a
`queueing_lock` and never a `lock`, wait for no moment, are deleted at their end, and those of a
worker that died are deleted, not repeated.

    wake ─▶ calling.py ─▶ queue of the provider ─▶ a worker's lane ─▶ drain
    sweep, once a second over all workers ─┘
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from kable_hub.clock import epoch_ms
from kable_hub.store.engine_schema import conninfo
from kable_hub.store.offers import Offers
from kable_hub.sync.calling import DRAIN, Caller, reason
from kable_hub.sync.census import Census
from kable_hub.sync.drain import STOP_SECONDS, Pace
from kable_hub.sync.engine import countdown, within
from kable_hub.sync.lanes import Lanes
from kable_hub.sync.pool import Pool
from kable_hub.sync.steps import Rooms

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
SWEEP_LIMIT = 100
RECONCILE_SECONDS = 30.0
REAP_SECONDS = 5.0
HEARTBEAT_SECONDS = 3.0
STALLED_SECONDS = 10.0
GRACEFUL_SECONDS = 1.0
"""So long the queue is told of ends; drains that go on longer end without their jobs."""

POLL_SECONDS = 0.5
"""A call that comes while a worker looks and finds nothing is not heard, and is found so."""

PATIENCE, MUCH_PATIENCE = 3.0, 30.0
"""Seconds for which a worker that has its share of the drains, or more, leaves calls to others;
not for ever, since they may be stuck."""

SHORTEST, LONGEST = 0.02, 0.2
"""Seconds between two looks at whether it has its share."""

SPARE_HANDS = 4
AFTER_FAILURE = 1.0
LEEWAY = 5.0
_PARTS = [one for one in range(1, 60) if 60 % one == 0]
TICKS = "-ticks"
"""The queue of what is done every so often; no slug of a provider begins so."""


class ClusterEngine:
    """One worker process of many over the same PostgreSQL."""

    does = "working"

    def __init__(self, rooms: Rooms, url: str, pace: Pace, *, slots: int, pushes: int) -> None:
        self._rooms, self._url, self._slots = rooms, url, slots
        self._stop = threading.Event()
        self._offers = Offers(rooms.database)
        self._caller = Caller(self._offers, rooms.clock, url)
        self._lanes = Lanes(
            rooms, pace, slots=slots, pushes=pushes, stop=self._stop, ended=self.wake
        )
        self._ticks: list[tuple[float, str, Callable[[], object]]] = []
        self._ends: list[Callable[[], object]] = []
        self._census = Census(rooms.database, rooms.clock, rooms.budget.share)
        self._thread = threading.Thread(target=self._serve_forever, name="cluster", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    def wake(self, connection_id: str) -> None:
        """Something is due there: have a worker look, this one or another."""
        self._caller.wake(connection_id)

    def threads(self) -> tuple[dict[str, int], dict[str, int]]:
        """As `Lanes.standing`."""
        return self._lanes.standing()

    def every(self, seconds: float, name: str, work: Callable[[], object]) -> None:
        """Call `work` every so often in one of the workers, never twice at a time. The seconds
        divide a minute or an hour."""
        self._ticks.append((seconds, name, work))

    def at_end(self, work: Callable[[], object]) -> None:
        """Call `work` when the engine stops, once nothing is called by it any more."""
        self._ends.append(work)

    def start(self) -> None:
        """Begin."""
        self.every(SWEEP_SECONDS, "sweep", self._sweep)
        self.every(RECONCILE_SECONDS, "reconcile", self._reconcile)
        self._hands = Pool(len(self._ticks) + SPARE_HANDS, "tick")
        self._census.at_beat(self._share_drains)
        self._census.start()
        self._caller.start()
        self._thread.start()

    def stop(self) -> bool:
        """Claim nothing more and wait for what is under way, for as long as a sound call takes.

        False where something did not come back.
        """
        left = countdown(STOP_SECONDS + LEEWAY)
        self._stop.set()
        if self._loop is not None and self._over is not None:
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(left())
        ended = self._lanes.close(left())
        ended &= self._hands.close(left())
        for work in (*self._ends, self._census.stop, self._caller.stop):
            ended &= within(max(LEEWAY, left()), work)
        return ended and not self._thread.is_alive()

    def _serve_forever(self) -> None:
        """Procrastinate's workers return by themselves when the database goes away: begin anew."""
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except Exception as error:
                log.warning("the queue cannot be read: %s", reason(error))
            if not self._stop.is_set():
                log.warning("the queue's workers ended without being told to: they begin anew")
                self._stop.wait(AFTER_FAILURE)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        if self._stop.is_set():
            return
        drains = App(
            connector=PsycopgConnector(
                conninfo=conninfo(self._url), min_size=1, max_size=8, timeout=10.0
            )
        )
        ticks = App(connector=drains.connector)
        self._know_tasks(drains, ticks)
        async with drains.open_async():
            providers = self._rooms.dispatcher.registry.providers()
            workers = [_worker(drains, one.slug, 1) for one in providers]
            workers.append(_worker(ticks, TICKS, 2 * len(self._ticks)))
            await _until_one_ends(self._over.wait(), *workers)

    def _know_tasks(self, drains: App, ticks: App) -> None:
        drains.task(name=DRAIN)(self._drain)
        for seconds, name, work in self._ticks:
            task = ticks.task(name=name, queue=TICKS, queueing_lock=f"{TICKS} {name}")
            ticks.periodic(cron=cron(seconds))(task(self._ticking(name, work)))

        async def reap(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands it over
            await _reap(drains)

        task = ticks.task(name="reap", queue=TICKS, queueing_lock=f"{TICKS} reap")
        ticks.periodic(cron=cron(REAP_SECONDS))(task(reap))

    async def _drain(self, provider: str, connection_id: str) -> None:
        """Begin a drain; the job is over once this worker would take another."""
        if self._lanes.begin(provider, connection_id) is None:
            await asyncio.wrap_future(self._hands.submit(self._offers.withdraw, connection_id))
        waited, pause = 0.0, SHORTEST
        while not self._stop.is_set():
            share = await asyncio.wrap_future(self._hands.submit(self._share, provider))
            more = self._lanes.busy(provider) - share
            wish = 0.0 if more < 0 else PATIENCE if more == 0 else MUCH_PATIENCE
            if self._lanes.free(provider) and waited >= wish:
                return
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(LONGEST, 1.5 * pause)

    def _ticking(
        self, name: str, work: Callable[[], object]
    ) -> Callable[[int], Coroutine[Any, Any, None]]:
        def alone() -> None:
            try:
                with self._rooms.database.alone(name) as first:
                    if first and not self._stop.is_set():
                        work()
            except Exception:
                log.exception("%s failed; it is done again", name)

        async def tick(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands it over
            await asyncio.wrap_future(self._hands.submit(alone))

        return tick

    def _sweep(self) -> None:
        """Each provider for itself: the many connections of one hide none of another."""
        for provider in self._rooms.dispatcher.registry.providers():
            self._caller.sweep(provider.slug, SWEEP_LIMIT)

    def _reconcile(self) -> None:
        self._rooms.queue.reconcile(self._now())

    def _share_drains(self) -> None:
        """A worker with more than its share of a provider's drains lets go after their slices."""
        providers = self._rooms.dispatcher.registry.providers()
        self._lanes.fair = {one.slug: self._share(one.slug) for one in providers}

    def _share(self, provider: str) -> int:
        """How many drains of a provider each worker has where all have as many."""
        workers = max(1, self._rooms.budget.sharers)
        if workers == 1:
            return self._slots + 1
        work = self._offers.work(self._now(), workers * self._slots, provider)
        return max(1, -(-work // workers))

    def _now(self) -> int:
        return epoch_ms(self._rooms.clock.now())


def cron(seconds: float) -> str:
    """The fields that mean every so many seconds. Raises ValueError where cron cannot say it."""
    minutes = seconds / 60
    if seconds in _PARTS:
        return f"* * * * * */{seconds:.0f}"
    if minutes in _PARTS:
        return f"*/{minutes:.0f} * * * *"
    if minutes == 60:
        return "0 * * * *"
    raise ValueError(f"{seconds} s is no part of a minute or an hour")


def _worker(app: App, queue: str, concurrency: int) -> Coroutine[Any, Any, None]:
    return app.run_worker_async(
        queues=[queue],
        name="",  # no logger of its own, which the filter of logs.py would not reach
        concurrency=concurrency,
        fetch_job_polling_interval=POLL_SECONDS,
        delete_jobs="always",
        install_signal_handlers=False,
        shutdown_graceful_timeout=GRACEFUL_SECONDS,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
    )


async def _until_one_ends(*waiting: Coroutine[Any, Any, object]) -> None:
    """Run all until one ends, for whatever reason; then end the others and wait for them."""
    tasks = [asyncio.create_task(one) for one in waiting]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for said in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(said, Exception):
            log.warning("a worker of the queue failed: %s", reason(said))


async def _reap(app: App) -> None:
    """Delete the jobs of workers that died. Retrying one could meet its own successor."""
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        if job.id is not None:
            with contextlib.suppress(ConnectorException):  # somebody else did
                await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
    await manager.prune_stalled_workers(STALLED_SECONDS)
