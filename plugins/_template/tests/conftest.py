"""A simulated Acme, and the hub's side of a connection to it."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

# The tests run from the folder as it is, installed or not.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import kable_acme_payments as plugin
from kable_acme_payments.simulator import AcmeSimulator

from kable_hub import Connection, ConnectRequest, Environment, Invoice, Push, canonical
from kable_hub.testing import RecordingGuard, builders

TEST = Environment.TEST
CALLBACK = "http://127.0.0.1:9/callback"


@dataclass
class Desk:
    """What the hub has at hand: a connection and a linked customer."""

    simulator: AcmeSimulator
    customer: str
    guard: RecordingGuard = field(default_factory=RecordingGuard)

    def connection(self, **settings: Any) -> Connection:
        return self.connected(self.simulator.credentials(TEST), **settings)

    def connected(self, credentials: Mapping[str, str], **settings: Any) -> Connection:
        """A connection with these credentials, and with these settings over the defaults."""
        return builders.connection(
            plugin.provider(),
            credentials=credentials,
            app=self.simulator.app_settings(TEST),
            settings=builders.default_settings(plugin.provider()) | settings,
            urls={"api": self.simulator.url},
            external_id="ac_0001",
            guard=self.guard,
        )

    def request(self, **given: Any) -> ConnectRequest:
        """A step of the connect dialogue."""
        values: dict[str, Any] = {
            "environment": TEST,
            "method": plugin.provider().connect_methods[0].name,
            "callback_url": CALLBACK,
            "state": "s",
            "app": {one: self.simulator.app_settings(one) for one in Environment},
            "urls": {one: {"api": self.simulator.url} for one in Environment},
            "now": builders.NOW,
            "guard": self.guard,
        }
        return ConnectRequest(**{**values, **given})

    def push(self, invoice: Invoice | None = None, generation: int = 1) -> Push:
        """The push of an invoice as the hub makes it: its document planned, frozen and stored."""
        invoice = invoice or builders.invoice()
        link = builders.link(self.customer)
        document = canonical.dumps(plugin.plan_invoice(self.connection(), invoice, link))
        return builders.push(
            invoice,
            link,
            canonical.loads(document),
            key=f"11111111-2222-5333-8444-{generation:012d}",
            generation=generation,
            since=self.simulator.clock.now() - timedelta(seconds=1),
        )


@pytest.fixture
def simulator() -> Iterator[AcmeSimulator]:
    with AcmeSimulator() as one:
        yield one


@pytest.fixture
def desk(simulator: AcmeSimulator) -> Desk:
    return Desk(simulator, simulator.add_customer(TEST, "Northwind Traders"))
