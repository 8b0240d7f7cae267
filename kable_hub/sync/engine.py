"""What drives the drains, without saying how. The outbox is the truth: an engine only wakes, and
each of its wakes may be lost or doubled without harm.

`loop.py` is the engine of one process, `cluster.py` the one of many; `lanes.py` is what they share.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from kable_hub.clock import SystemClock


class EngineRunning(RuntimeError):
    """Another process works this store already."""


class Engine(Protocol):
    """An engine of one store in this process."""

    does: str
    """What this process does, for the log."""

    def wake(self, connection_id: str) -> None:
        """Something is due there: look now. From any thread, at any time, without waiting."""

    def every(self, seconds: float, name: str, work: Callable[[], object]) -> None:
        """Call `work` every so often, never twice at a time over all that share the store.
        Before `start`."""

    def at_end(self, work: Callable[[], object]) -> None:
        """Call `work` when the engine stops, once nothing is called by it any more."""

    def start(self) -> None:
        """Begin. Raises EngineRunning where another process has to end first."""

    def stop(self) -> bool:
        """Claim nothing more and wait for what is under way, for as long as a sound call may
        take. False where something did not come back; what it left is uncertain, not lost."""


def countdown(seconds: float) -> Callable[[], float]:
    """Answers how many of these seconds are left, never less than none."""
    clock = SystemClock()  # threads come back when they do, whatever a hub's own clock says
    ends = clock.monotonic() + seconds
    return lambda: max(0.0, ends - clock.monotonic())


def within(seconds: float, work: Callable[[], object]) -> bool:
    """Do `work` in a thread of its own; False where it takes longer and is left behind."""
    thread = threading.Thread(target=work, name="bounded", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
