"""Every rule of the hub's contract that applies to what Pebble declares."""

import sys
from pathlib import Path

# The tests run from the folder as it is, installed or not.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import kable_pebble_payments
from kable_pebble_payments.simulator import PebbleSimulator

from kable_hub.testing import ProviderContract


class TestPebble(ProviderContract):
    plugin = kable_pebble_payments
    simulator = PebbleSimulator
