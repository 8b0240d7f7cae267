"""The newcomer's first minute: simulated providers, a real hub, and invoices that arrive."""

from kable_hub.demo.asking import DemoFailed
from kable_hub.demo.play import run

__all__ = ["DemoFailed", "run"]
