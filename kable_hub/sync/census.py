"""How many processes drain one store, so that what they share is shared out.

Each says every BEAT seconds that it is alive. The limits of a provider that all connections share
are divided by the number; while it changes nobody takes more than the smaller share.
"""

import logging
import threading
from collections.abc import Callable

from kable_hub.clock import Clock, epoch_ms
from kable_hub.store import processes
from kable_hub.store.database import Database
from kable_hub.store.ids import new_id

log = logging.getLogger(__name__)

BEAT = 3.0
"""Seconds between two signs of life."""

NOTICED = 2 * BEAT
"""Seconds after which all others have seen a newcomer."""


class Census:
    """Counts. `told` gets the number, and in how many seconds all the others know it."""

    def __init__(
        self, database: Database, clock: Clock, told: Callable[[int, float], None]
    ) -> None:
        self._database, self._clock, self._told = database, clock, told
        self._id = new_id("wrk")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_forever, name="census", daemon=True)
        self._also: list[Callable[[], None]] = []

    def at_beat(self, work: Callable[[], None]) -> None:
        """Do this with every sign of life. Before `start`."""
        self._also.append(work)

    def start(self) -> None:
        """Be counted from now on."""
        others = self._see() - 1
        self._told(others + 1, NOTICED if others else 0.0)
        self._thread.start()

    def stop(self) -> None:
        """Be counted no more."""
        self._stop.set()
        self._thread.join(BEAT)
        try:
            with self._database.write(durable=False):
                processes.leave(self._id)
        except Exception as error:
            log.warning("this process counts until it is stale: %s", error)

    def _beat_forever(self) -> None:
        while not self._stop.wait(BEAT):
            try:
                self._told(self._see(), 0.0)
                for work in self._also:
                    work()
            except Exception as error:
                log.warning("this process could not give a sign of life: %s", error)

    def _see(self) -> int:
        with self._database.write(durable=False):
            return processes.see(self._id, epoch_ms(self._clock.now()))
