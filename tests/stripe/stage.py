"""A hub with the real Stripe plugin and a simulated Stripe, both on sockets, in one virtual time.

`tests/shop.py` says how it works; `hear` brings the simulator's webhooks.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import kable_stripe_payments
import requests
from kable_stripe_payments.simulator import StripeSimulator, events
from kable_stripe_payments.simulator.customers import add_card
from kable_stripe_payments.simulator.state import Ledger, Object

from kable_hub.clock import ManualClock
from kable_hub.domain import Environment
from kable_hub.testing.browsing import Browser
from kable_hub.testing.builders import NOW
from tests.shop import DAY, LIVE, TEST, Shop, opened
from tests.web.site import customer

__all__ = ["DAY", "LIVE", "TEST", "Stage", "stage"]


@dataclass(kw_only=True)
class Stage(Shop):
    """`merchant` is the account's `acct_...`."""

    slug: ClassVar[str] = "stripe"

    stripe: StripeSimulator
    merchant: str
    heard: int = 0

    @property
    def simulator(self) -> StripeSimulator:
        return self.stripe

    # --- connecting, customers ---------------------------------------------------------------

    def connect(self, *, key: str = "", merchant: str = "") -> list[Any]:
        """Through Stripe's consent page, which agrees; answers the account's connections."""
        self.stripe.auto_approve = merchant or self.merchant
        begun = {"provider": "stripe", "method": "oauth"}
        started = self.made("/connections", begun, key=key or self.live_key)
        answer = Browser().approve(started["connectUrl"])
        assert answer.ok, answer.text
        return [
            one
            for each in (self.key, self.live_key)
            for one in self.get("/connections", key=each)["items"]
        ]

    def connect_by_key(
        self, environment: Environment = TEST, *lacks: str, webhook: str = ""
    ) -> Any:
        """By a restricted key that lacks these permissions; answers the connection."""
        form = {"key": self.stripe.add_key(self.merchant, environment, *lacks)}
        if webhook:
            form["webhook_secret"] = webhook
        body = {"provider": "stripe", "method": "key", "form": form}
        started = self.made("/connections", body, key=self.of(environment))
        return started["connections"][0]

    def customer(
        self,
        client_id: str = "c1",
        *,
        environment: Environment = TEST,
        with_card: bool = True,
        merchant: str = "",
        key: str = "",
        **changes: Any,
    ) -> str:
        """A customer linked by id to a new one at Stripe; answers the `cus_...`."""
        at = merchant or self.merchant
        there = self.stripe.add_customer(at, environment, with_card=with_card)
        body = customer(client_id, stripeCustomerId=there, **changes)
        self.made("/customers", body, key=key or self.of(environment))
        return there

    # --- webhooks ----------------------------------------------------------------------------

    def hear(self) -> list[Object]:
        """Bring the webhooks of everything new that a listening Stripe would tell, and work."""
        told = [one for one in self.stripe.events[self.heard :] if self._listens(one)]
        self.heard = len(self.stripe.events)
        for one in told:
            answer = self.send(one)
            assert answer.status_code == 200, answer.text
        self.work()
        return told

    def _listens(self, event: Object) -> bool:
        return self.stripe.accounts[event["account"]].reachable(event["livemode"])

    def send(
        self,
        event: Object | bytes,
        *,
        place: str = "",
        secret: str = "",
        age: int = 0,
        header: str | None = None,
    ) -> requests.Response:
        """One webhook over the wire, signed by the endpoint that Stripe would choose, or by
        `secret`, `age` seconds ago; `header` replaces the whole signature."""
        body = event if isinstance(event, bytes) else json.dumps(event, default=str).encode()
        live = not isinstance(event, bytes) and bool(event.get("livemode"))
        at = int(self.clock.now().timestamp()) - age
        used = secret or self.stripe.webhook_secrets[live or self._granted_live]
        signature = events.signature(body, used, at) if header is None else header
        return self.told(body, {"Stripe-Signature": signature}, place)

    @property
    def _granted_live(self) -> bool:
        return any(True in one.granted for one in self.stripe.accounts.values())

    # --- the other side ----------------------------------------------------------------------

    def ledger(self, environment: Environment = TEST, merchant: str = "") -> Ledger:
        """What Stripe keeps for the merchant in one mode."""
        return self.stripe.accounts[merchant or self.merchant].ledger(environment is LIVE)

    def leave_card(
        self, reference: str, *, environment: Environment = TEST, declines: str = ""
    ) -> str:
        """Give a customer at Stripe a default card, without a word by webhook; its `pm_...`."""
        ledger = self.ledger(environment)
        card = add_card(ledger, reference, declines=declines)
        ledger.get("customer", reference)["invoice_settings"]["default_payment_method"] = card
        return card

    def invoices(self, environment: Environment = TEST, merchant: str = "") -> list[Object]:
        """Every invoice at Stripe, drafts included, oldest first."""
        return list(self.ledger(environment, merchant).of("invoice").values())

    def the_invoice(self, environment: Environment = TEST) -> Object:
        """The one invoice at Stripe."""
        (one,) = self.invoices(environment)
        return one

    def calls(self, method: str = "", path: str = "") -> list[str]:
        """The requests that Stripe saw, as `METHOD path`."""
        return [f"{one.method} {one.path}" for one in self.stripe.seen(method, path)]


@contextmanager
def stage(folder: Path, *plugins: object, **environ: str) -> Iterator[Stage]:
    """A hub on SQLite with Stripe (and `plugins`) configured in both modes, not connected."""
    clock = ManualClock(NOW)
    with StripeSimulator(clock=clock) as stripe:
        own = {"stripe": stripe, "merchant": stripe.add_account().id}
        every = (kable_stripe_payments, *plugins)
        with opened(Stage, folder, clock, every, stripe, own, environ) as one:
            yield one
