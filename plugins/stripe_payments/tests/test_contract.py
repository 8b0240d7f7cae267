"""Every rule of the hub's contract that applies to what the plugin declares."""

import kable_stripe_payments
from kable_stripe_payments.simulator import StripeSimulator

from kable_hub.testing import ProviderContract


class TestStripe(ProviderContract):
    plugin = kable_stripe_payments
    simulator = StripeSimulator
