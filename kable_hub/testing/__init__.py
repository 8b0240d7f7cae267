"""The public test kit for authors of provider plugins: a simulator's base and builders."""

from kable_hub.testing import builders
from kable_hub.testing.builders import RecordingGuard
from kable_hub.testing.simulator import Fault, Seen, Simulator

__all__ = ["Fault", "RecordingGuard", "Seen", "Simulator", "builders"]
