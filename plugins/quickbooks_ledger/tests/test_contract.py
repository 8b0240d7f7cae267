"""Every rule of the hub's contract that applies to what the plugin declares."""

import kable_quickbooks_ledger
from kable_quickbooks_ledger.simulator import QuickBooksSimulator

from kable_hub.testing import ProviderContract


class TestQuickBooks(ProviderContract):
    plugin = kable_quickbooks_ledger
    simulator = QuickBooksSimulator
