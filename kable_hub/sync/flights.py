"""One at a time, and one outcome for all who waited: the threads' side of single-flight."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from kable_hub.errors import OutcomeUnknown, ProviderError, ReconnectRequired, Transient

T = TypeVar("T")

PATIENCE = 75.0
"""Seconds of real time a thread waits for another's flight."""


@dataclass
class _Flight:
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0
    ended: int = 0
    error: ProviderError | None = None

    def enter(self) -> bool:
        """Wait for whoever flies; False where that takes too long."""
        self.waiting += 1
        try:
            return self.lock.acquire(timeout=PATIENCE)
        finally:
            self.waiting -= 1


class Flights:
    """Flights by name. Safe to share between threads."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}

    def fly(self, name: str, there: Callable[[], T | None], go: Callable[[], T]) -> T:
        """What `there` finds once no other thread flies under this name, else what `go` brings.

        A thread that waited for a flight which failed shares its failure instead of trying at
        once again. Raises what `go` raises, Transient where the wait takes too long.
        """
        flight = self._flights.setdefault(name, _Flight())
        before = flight.ended
        if not flight.enter():
            raise Transient("another thread takes too long", code="timeout")
        try:
            found = there()
            if found is not None:
                return found
            if flight.ended != before and flight.error is not None:
                raise flight.error
            return _flown(flight, go)
        finally:
            flight.lock.release()

    def waiting(self, name: str) -> int:
        """How many threads wait for a flight of this name, about."""
        flight = self._flights.get(name)
        return flight.waiting if flight else 0


def _flown(flight: _Flight, go: Callable[[], T]) -> T:
    flight.error = None
    try:
        return go()
    except (Transient, OutcomeUnknown, ReconnectRequired) as error:
        flight.error = error
        raise
    finally:
        flight.ended += 1
