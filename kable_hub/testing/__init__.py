"""The public test kit for authors of provider plugins: the contract as tests, a simulator's base,
builders, clocks."""

from kable_hub.clock import Clock, ManualClock, SystemClock
from kable_hub.testing import builders
from kable_hub.testing.builders import RecordingGuard
from kable_hub.testing.contract import ProviderContract, Verdict, examine
from kable_hub.testing.fault import Fault
from kable_hub.testing.simulator import Observer, Seen, Simulator, observing
from kable_hub.testing.stage import ContractSimulator

__all__ = [
    "Clock",
    "ContractSimulator",
    "Fault",
    "ManualClock",
    "Observer",
    "ProviderContract",
    "RecordingGuard",
    "Seen",
    "Simulator",
    "SystemClock",
    "Verdict",
    "builders",
    "examine",
    "observing",
]
