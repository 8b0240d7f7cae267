"""Call the cluster's workers: a connection has something due.

Whoever wakes waits for nothing: a thread of its own puts a job into the queue, one for each
connection at a time. A call that is lost costs time only, since the sweep finds what is due.
"""

import logging
import threading
from collections.abc import Callable

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from kable_hub.clock import Clock, epoch_ms
from kable_hub.store.engine_schema import conninfo
from kable_hub.store.offers import Offers
from kable_hub.sync.engine import within

log = logging.getLogger(__name__)

DRAIN = "drain"
"""The task: drain a connection. Its queue is the provider's slug."""

PAUSE = 0.02
"""Seconds between two rounds: what is woken again and again is called once."""

AFTER_FAILURE = 1.0
LEEWAY = 5.0


def reason(error: Exception) -> BaseException:
    """What an error of the queue comes from: the library's own text says no more than that."""
    return error.__cause__ or error


class Caller:
    """Puts calls into the queue. Beside a web server it stands for the engine."""

    does = "serving only: `kable-hub worker` drains"

    def __init__(self, offers: Offers, clock: Clock, url: str) -> None:
        self._offers, self._clock = offers, clock
        self._app = App(
            connector=SyncPsycopgConnector(
                conninfo=conninfo(url), min_size=1, max_size=4, timeout=10.0
            )
        )
        self._guard, self._opening = threading.Lock(), threading.Lock()
        self._waiting: set[str] = set()
        self._woken, self._stop = threading.Event(), threading.Event()
        self._ends: list[Callable[[], object]] = []
        self._thread = threading.Thread(target=self._call_forever, name="calling", daemon=True)

    def wake(self, connection_id: str) -> None:
        """Something is due there: have a worker look."""
        with self._guard:
            self._waiting.add(connection_id)
        self._woken.set()

    def every(self, seconds: float, name: str, work: Callable[[], object]) -> None:
        """Nothing: the workers do it."""

    def at_end(self, work: Callable[[], object]) -> None:
        """Call `work` when this stops."""
        self._ends.append(work)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """Call nobody any more."""
        self._stop.set()
        self._woken.set()
        self._thread.join(LEEWAY)
        ended = within(LEEWAY, self._app.close) and not self._thread.is_alive()
        for work in self._ends:
            ended &= within(LEEWAY, work)
        return ended

    def sweep(self, provider: str, limit: int) -> None:
        """Have workers look at what is due at a provider and was offered to nobody of late."""
        for connection_id in self._offers.due(self._now(), limit, provider):
            self._call(provider, connection_id)

    def _call_forever(self) -> None:
        while not self._stop.is_set():
            self._woken.wait()
            self._woken.clear()
            with self._guard:
                woken, self._waiting = self._waiting, set()
            try:
                self._call_all(woken)
            except Exception as error:
                told = reason(error)
                log.warning("workers could not be called, they look by themselves: %s", told)
                self._stop.wait(AFTER_FAILURE)
            self._stop.wait(PAUSE)

    def _call_all(self, woken: set[str]) -> None:
        for connection_id in woken:
            provider = self._offers.one(connection_id, self._now())
            if provider is not None:
                self._call(provider, connection_id)

    def _open(self) -> None:
        """Connect, unless that is done. Raises where it cannot be done within half a minute."""
        with self._opening:
            try:
                self._app.open()
            except Exception:
                self._app.close()  # else it counts as open for good, and no call gets through
                raise

    def _call(self, provider: str, connection_id: str) -> None:
        self._open()
        job = self._app.configure_task(DRAIN, queue=provider, queueing_lock=connection_id)
        try:
            job.defer(provider=provider, connection_id=connection_id)
        except AlreadyEnqueued:
            log.debug("%s waits for a worker already", connection_id)

    def _now(self) -> int:
        return epoch_ms(self._clock.now())
