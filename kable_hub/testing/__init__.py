"""The public test kit for authors of provider plugins: a simulator's base, builders, clocks."""

from kable_hub.clock import Clock, ManualClock, SystemClock
from kable_hub.testing import builders
from kable_hub.testing.builders import RecordingGuard
from kable_hub.testing.simulator import Fault, Observer, Seen, Simulator, observing

__all__ = [
    "Clock",
    "Fault",
    "ManualClock",
    "Observer",
    "RecordingGuard",
    "Seen",
    "Simulator",
    "SystemClock",
    "builders",
    "observing",
]
