"""A simulated Stripe with one connected account, and the hub's side of a connection to it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments.simulator import StripeSimulator, events

from kable_hub import (
    Connection,
    CustomerLink,
    Environment,
    Event,
    Invoice,
    OutcomeUnknown,
    Push,
    Receipt,
    Unfinished,
    WebhookRequest,
    canonical,
)
from kable_hub.testing import ManualClock, RecordingGuard, builders

TEST, LIVE = Environment.TEST, Environment.LIVE


@dataclass
class Desk:
    """What the hub has at hand: a connection, a link, and the progress of one push."""

    stripe: StripeSimulator
    account: str
    customer: str
    clock: ManualClock
    guard: RecordingGuard = field(default_factory=RecordingGuard)
    progress: dict[str, Any] = field(default_factory=dict)

    def connection(self, environment: Environment = TEST, **settings: Any) -> Connection:
        live = environment is LIVE
        return builders.connection(
            plugin.provider(),
            environment=environment,
            credentials={"mode": "platform", "account": self.account, "granted": "live"},
            settings=builders.default_settings(plugin.provider()) | settings,
            app={
                "client_id": self.stripe.client_ids[live],
                "secret_key": self.stripe.secret_keys[live],
                "connect_webhook_secret": self.stripe.webhook_secrets[live],
            },
            urls={"api": self.stripe.url, "connect": self.stripe.url},
            external_id=self.account,
            guard=self.guard,
            clock=self.clock.now,
        )

    def with_key(self, *lacks: str) -> Connection:
        key = self.stripe.add_key(self.account, TEST, *lacks)
        return replace(self.connection(), credentials={"mode": "key", "key": key})

    def link(self) -> CustomerLink:
        return builders.link(self.customer)

    def push(self, invoice: Invoice | None = None, generation: int = 1, **settings: Any) -> Push:
        invoice = invoice or builders.invoice()
        document = plugin.plan_invoice(self.connection(**settings), invoice, self.link())
        self.progress = {}
        return builders.push(
            invoice,
            self.link(),
            canonical.loads(canonical.dumps(document)),
            key=f"11111111-2222-5333-8444-{generation:012d}",
            generation=generation,
            since=self.clock.now(),
            save=self._save,
        )

    # --- what Stripe tells ----------------------------------------------------------------------

    def arrive(
        self, event: Any, connection: Any = None, app: Any = None, **changes: Any
    ) -> list[Event]:
        """Hand an event to the plugin as the hub does."""
        body = changes.get("body", json.dumps(event).encode())
        live = self.stripe.webhook_secrets[True]
        now = self.clock.now()
        signature = events.signature(json.dumps(event).encode(), live, int(now.timestamp()))
        headers = {"stripe-signature": changes.get("signature", signature)}
        request = WebhookRequest(body=body, headers=headers, now=now)
        app = {"connect_webhook_secret": live} if app is None else app
        return plugin.receive_webhook(request, app, connection)

    def work(self, event: Any) -> list[Any]:
        """What comes of an event that arrives."""
        return [
            effect
            for one in self.arrive(event)
            for effect in plugin.work_event(self.connection(one.environment), one)
        ]

    def last(self, kind: str) -> Any:
        """The newest event of its kind."""
        return next(one for one in reversed(self.stripe.events) if one["type"] == kind)

    def _save(self, progress: Any) -> None:
        self.progress = canonical.loads(canonical.dumps(progress))

    def send(self, push: Push) -> Receipt:
        """Call the hook as the hub does: with the progress that was saved last."""
        return plugin.push_invoice(self.connection(), replace(push, progress=self.progress))

    def settle(self, push: Push) -> Receipt:
        """Bring an uncertain push to its end as the hub does: the same key once more, then
        look, go on from a draft, or begin a new generation."""
        with suppress(OutcomeUnknown):
            return self.send(push)
        self.clock.advance(180)
        found = plugin.find_invoice(self.connection(), replace(push, progress=self.progress))
        if isinstance(found, Receipt):
            return found
        if isinstance(found, Unfinished):
            self.progress = dict(found.progress)
            return self.send(push)
        self.progress = {}
        key = f"11111111-2222-5333-8444-{push.generation + 1:012d}"
        return self.send(replace(push, key=key, generation=push.generation + 1))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))


@pytest.fixture
def stripe(clock: ManualClock) -> Iterator[StripeSimulator]:
    with StripeSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def desk(stripe: StripeSimulator, clock: ManualClock) -> Desk:
    account = stripe.add_account(granted=(LIVE,)).id
    return Desk(stripe, account, stripe.add_customer(account, TEST), clock)
