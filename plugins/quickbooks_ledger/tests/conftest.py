"""A simulated QuickBooks, connections to it, and the check of every body it was sent."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import kable_quickbooks_ledger as plugin
import pytest
import requests
from kable_quickbooks_ledger.declaration import PROVIDER
from kable_quickbooks_ledger.simulator import PRODUCTION_REALM, SANDBOX_REALM, QuickBooksSimulator
from kable_quickbooks_ledger.simulator_books import Book

from kable_hub import Call, Connection, CustomerLink, Environment, Invoice, Push, canonical
from kable_hub.testing import ManualClock, RecordingGuard, builders

DATA = Path(__file__).parents[4] / "shared" / "data" / "quickbooks"
REALMS = {Environment.TEST: SANDBOX_REALM, Environment.LIVE: PRODUCTION_REALM}
HOSTS = {Environment.TEST: "sandbox", Environment.LIVE: "production"}


@contextmanager
def hasty(name: str, writes: bool) -> Iterator[Call]:
    """A gate that leaves the plugin little time to connect and to read."""
    yield Call(name, writes, (0.1, 0.1))


@dataclass
class World:
    """A simulator with what the tests keep asking of it."""

    simulator: QuickBooksSimulator
    clock: ManualClock
    guard: RecordingGuard = field(default_factory=RecordingGuard)
    in_a_hurry: bool = False

    @property
    def book(self) -> Book:
        return self.simulator.books[SANDBOX_REALM]

    def connection(
        self,
        environment: Environment = Environment.TEST,
        credentials: dict[str, str] | None = None,
        realm: str = "",
        urls: dict[str, str] | None = None,
        **settings: Any,
    ) -> Connection:
        realm = realm or REALMS[environment]
        return builders.connection(
            PROVIDER,
            environment=environment,
            credentials=credentials or self.tokens(environment, realm),
            settings={**builders.default_settings(PROVIDER), "default_item": "1", **settings},
            app=self.simulator.keys(environment),
            urls=urls or self.simulator.urls(environment),
            external_id=realm,
            guard=hasty if self.in_a_hurry else self.guard,
            clock=self.clock.now,
        )

    def tokens(self, environment: Environment, realm: str) -> dict[str, str]:
        reply = self.simulator.sign_in.grant(realm, HOSTS[environment])
        return {name: reply[name] for name in ("access_token", "refresh_token")}

    def link(self, connection: Connection, reference: str = "28", **changes: Any) -> CustomerLink:
        customer = builders.customer(**changes)
        linked = plugin.link_customer(connection, customer, reference, "key-1")
        return CustomerLink(customer, linked.reference, linked.parts, linked.currency)

    def push(
        self,
        connection: Connection,
        invoice: Invoice | None = None,
        link: CustomerLink | None = None,
        **changes: Any,
    ) -> Push:
        invoice = invoice or builders.invoice()
        link = link or self.link(connection, currency=invoice.currency)
        document = plugin.plan_invoice(connection, invoice, link)
        frozen = canonical.loads(canonical.dumps(document))
        return builders.push(invoice, link, frozen, since=self.clock.now(), **changes)

    def bodies(self, path: str) -> list[Any]:
        return [canonical.loads(one.body) for one in self.simulator.seen("POST", path)]


@pytest.fixture
def world():
    clock = ManualClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    with QuickBooksSimulator(clock=clock) as simulator:
        simulator.seed_demo()
        yield World(simulator, clock)


@pytest.fixture
def api(world):
    """Raw requests with a valid token: (status, body)."""
    connection = world.connection()

    def call(method, path, body=None, **params):
        url = f"{connection.urls['api']}/v3/company/{connection.external_id}/{path}"
        token = connection.credentials["access_token"]
        answer = requests.request(
            method,
            url,
            params=params,
            data=body if isinstance(body, str) else canonical.dumps(body) if body else None,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=60,
        )
        return answer.status_code, canonical.loads(answer.text)

    return call


@pytest.fixture(scope="session")
def data() -> Path:
    """The conformance data next to the repository; tests that need it skip without."""
    if not DATA.is_dir():
        pytest.skip("the conformance data are not here")
    return DATA


@pytest.fixture(scope="session")
def checker(data: Path) -> ModuleType:
    """Intuit's schema and rules, as a checker of bodies."""
    spec = importlib.util.spec_from_file_location("qbo_check", data / "qbo_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
