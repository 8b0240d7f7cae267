"""Every rule of the hub's contract that applies to what the plugin declares."""

import kable_acme_payments
from kable_acme_payments.simulator import AcmeSimulator

from kable_hub.testing import ProviderContract


class TestAcme(ProviderContract):
    plugin = kable_acme_payments
    simulator = AcmeSimulator
