"""Time, injectable. Nothing in the hub asks the operating system for the time but this file."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the hub knows of time."""

    def now(self) -> datetime:
        """The current moment, timezone-aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump, for durations and deadlines."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` passed; True where it was set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current moment, timezone-aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` passed."""
        return event.wait(max(0.0, seconds))


class ManualClock:
    """A clock that moves only when told to, for tests; waiting moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._ticks = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The moment the clock was last moved to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds advanced since the clock was made."""
        return self._ticks

    def advance(self, seconds: float) -> None:
        """Move forward."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._ticks += seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Advance by `seconds` instead of sleeping."""
        self.advance(max(0.0, seconds))
        return event.is_set()


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, as the store keeps them."""
    return int(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    """The timezone-aware UTC moment of `value` milliseconds."""
    return datetime.fromtimestamp(value / 1000, UTC)
