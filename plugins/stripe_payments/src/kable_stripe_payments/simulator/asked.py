"""One request, taken apart, as the simulated endpoints get it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kable_stripe_payments.simulator.errors import ApiError
from kable_stripe_payments.simulator.state import Account, Ledger, Object

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator

EXPANDABLE = frozenset(
    {
        "payments.data.payment.payment_intent",
        "invoice_settings.default_payment_method",
        "customer",
    }
)


@dataclass
class Asked:
    """Who asks, in which mode, for which object (`id`), with which typed parameters."""

    sim: "StripeSimulator"
    account: Account
    ledger: Ledger
    params: Object
    id: str = ""

    def expand(self, name: str) -> bool:
        """Whether a property is to be shown in full; unknown ones are refused."""
        wanted = self.params.get("expand") or []
        for one in wanted:
            if one not in EXPANDABLE:
                raise ApiError(400, f"This property cannot be expanded ({one}).", param="expand")
        return name in wanted


Handler: TypeAlias = Callable[[Asked], Object]
