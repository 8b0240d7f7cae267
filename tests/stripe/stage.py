"""A hub with the real Stripe plugin and a simulated Stripe, both on sockets, in one virtual time.

Nothing works by itself: `work` does what is due now, `pass_time` lets hours pass at once, `hear`
brings the simulator's webhooks. What a test does, it does through the HTTP API.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kable_stripe_payments
import requests
from flask import Flask
from kable_stripe_payments.simulator import StripeSimulator, events
from kable_stripe_payments.simulator.customers import add_card
from kable_stripe_payments.simulator.state import Ledger, Object
from werkzeug.test import TestResponse

from kable_hub.clock import ManualClock, epoch_ms
from kable_hub.demo.browsing import Browser
from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import tables as t
from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.events import EventWorker
from kable_hub.sync.steps import Rooms
from kable_hub.testing.builders import NOW
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.web import context
from kable_hub.web.app import create_app
from kable_hub.web.server import ThreadServer, serve_in_thread
from tests import stores
from tests.web.site import customer, invoice, migrated

LIVE, TEST = Environment.LIVE, Environment.TEST
ROUNDS = 1000
DAY = 24 * 3600


class Front(Flask):
    """Holds the address before there is a hub, which has to know it."""

    behind: Callable[..., Iterable[bytes]]

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.behind(environ, start_response)


@dataclass
class Stage:
    """`key` belongs to the account in test, `live_key` in live; `merchant` is its `acct_...`."""

    hub: Hub
    app: Flask
    url: str
    stripe: StripeSimulator
    clock: ManualClock
    account: str
    key: str
    live_key: str
    operator: str
    merchant: str
    pushers: ThreadPoolExecutor
    pace: Pace = field(default_factory=lambda: Pace(slice_seconds=60, width=4))
    heard: int = 0
    numbers: int = 0

    # --- the HTTP API ------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: Any = None, *, key: str = "", **options: Any
    ) -> TestResponse:
        """One request to the API, by the account's test key where none is named."""
        sent = {"Authorization": f"Bearer {key or self.key}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        with self.app.test_client() as client:
            return client.open(f"/api/v1{path}", method=method, headers=sent, **options)

    def get(self, path: str, **options: Any) -> Any:
        """The body of a GET that has to succeed."""
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, body, **options)

    def made(self, path: str, body: Any = None, **options: Any) -> Any:
        """The body of a POST that has to succeed."""
        answer = self.post(path, body, **options)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    # --- connecting, customers, invoices -----------------------------------------------------

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

    def of(self, environment: Environment) -> str:
        """The account's API key of an environment."""
        return self.live_key if environment is LIVE else self.key

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

    def invoice(self, number: str = "", *, key: str = "", **changes: Any) -> Any:
        """Accept an invoice of 19.99 USD for `c1`; answers it."""
        self.numbers += 1
        body = invoice(number or f"INV-{self.numbers}", **changes)
        return self.made("/invoices", body, key=key)

    def push(self, number: str = "", **changes: Any) -> Any:
        """Accept an invoice, work, and show it."""
        made = self.invoice(number, **changes)
        self.work()
        return self.shown(made, key=changes.get("key", ""))

    def shown(self, made: Any, *, key: str = "") -> Any:
        """An invoice now, with its deliveries and its timeline."""
        return self.get(f"/invoices/{made['id']}", key=key)

    def delivery(self, made: Any, *, key: str = "") -> Any:
        """The push of an invoice to Stripe, with everything that was tried."""
        shown = self.shown(made, key=key)["deliveries"]
        ids = [one["id"] for one in shown if (one["provider"], one["kind"]) == ("stripe", "push")]
        assert len(ids) == 1, shown
        return self.get(f"/deliveries/{ids[0]}", key=key)

    def standing(self, made: Any, *, key: str = "") -> tuple[str, str]:
        """State and error code of an invoice's push to Stripe."""
        delivery = self.delivery(made, key=key)
        return delivery["state"], delivery["errorCode"]

    def tries(self, made: Any, *, key: str = "") -> list[str]:
        """The error codes of everything that was tried, empty for what went well."""
        return [one["code"] for one in self.delivery(made, key=key)["tried"]]

    # --- work and time -----------------------------------------------------------------------

    @property
    def rooms(self) -> Rooms:
        hub = self.hub
        return Rooms(
            hub.clock,
            hub.database,
            hub.queue,
            hub.dispatcher,
            hub.access,
            hub.budget,
            hub.instance_id,
        )

    @property
    def event_worker(self) -> EventWorker:
        hub = self.hub
        return EventWorker(hub.database, hub.dispatcher, hub.asking, hub.clock, hub.wake)

    def work(self) -> None:
        """Do what is due now, and what comes due by that, until nothing is."""
        for _ in range(ROUNDS):
            if not self.event_worker.work_stored() + self.drain():
                return
        raise AssertionError(f"still busy after {ROUNDS} rounds")

    def drain(self) -> int:
        """One drain of every connection with something due; answers how many those were."""
        now = epoch_ms(self.clock.now())
        due = [
            connection
            for provider in self.hub.registry.providers()
            for connection in self.hub.queue.due_connections(now, 100, provider.slug)
        ]
        for connection in due:
            drain(self.rooms, connection, self.pace, self.pushers, threading.Event())
        return len(due)

    def pass_time(self, seconds: float) -> None:
        """Let time pass without work, as if the hub had been down, then work."""
        self.clock.advance(seconds)
        self.work()

    def restart(self) -> None:
        """The hub's process ends and a new one opens the store, as the engine does at its start."""
        self.hub.close()
        self.hub = open_hub(self.hub.settings, clock=self.clock, registry=self.hub.registry)
        self.hub.queue.void_leases()
        context.install(self.app, self.hub)

    def until_quiet(self, seconds: float = 2 * DAY) -> None:
        """Work, and jump to whatever is due next, as long as that is within so much time."""
        end = self.clock.monotonic() + seconds
        self.work()
        while (wait := self._next_wait()) is not None and self.clock.monotonic() + wait < end:
            self.pass_time(wait)

    def _next_wait(self) -> float | None:
        with self.hub.database.read():
            connections = t.Connection.select(t.Connection.next_due_at)
            stored = t.WebhookEvent.select(t.WebhookEvent.due_at)
            moments = [row[0] for query in (connections, stored) for row in query.tuples()]
        due = [moment for moment in moments if moment is not None]
        return max(0.001, (min(due) - self.hub.now()) / 1000) if due else None

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
        address = f"{self.url}/webhooks/stripe{place}"
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(address, data=body, headers=headers, timeout=30)

    @property
    def _granted_live(self) -> bool:
        return any(True in one.granted for one in self.stripe.accounts.values())

    def stored_events(self) -> list[tuple[str, str]]:
        """Id and outcome of every webhook event on record."""
        with self.hub.database.read():
            return [(row.event_id, row.outcome) for row in t.WebhookEvent.select()]

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
    database = stores.fresh_database_url("sqlite", folder, prepare=migrated)
    front = Front(__name__)
    with StripeSimulator(clock=clock) as stripe, serve_in_thread(front) as server:
        given = {
            "KABLE_DATA_DIR": str(folder),
            "DATABASE_URL": database,
            "KABLE_PUBLIC_URL": server.url,
            **stripe.configuration(),
            **environ,
        }
        registry = Registry.of(kable_stripe_payments, *plugins)
        hub = open_hub(Settings.load(given), clock=clock, registry=registry)
        with ThreadPoolExecutor(8) as pushers:
            one = _stage(hub, server, stripe, clock, pushers)
            front.behind = one.app
            yield one
        one.hub.close()


_apps: dict[tuple[str, ...], Flask] = {}


def app_of(hub: Hub) -> Flask:
    """The app with this hub behind it. It is made once for the same providers and then handed on
    from stage to stage, as making it takes longer than a test."""
    slugs = tuple(one.slug for one in hub.registry.providers())
    if slugs not in _apps:
        _apps[slugs] = create_app(hub)
    context.install(_apps[slugs], hub)
    return _apps[slugs]


def _stage(
    hub: Hub,
    server: ThreadServer,
    stripe: StripeSimulator,
    clock: ManualClock,
    pushers: ThreadPoolExecutor,
) -> Stage:
    account = accounts.create_account(hub, "Shop", "paid").id
    return Stage(
        hub=hub,
        app=app_of(hub),
        url=server.url,
        stripe=stripe,
        clock=clock,
        account=account,
        key=accounts.create_api_key(hub, account, TEST).secret,
        live_key=accounts.create_api_key(hub, account, LIVE).secret,
        operator=accounts.create_operator_key(hub).secret,
        merchant=stripe.add_account().id,
        pushers=pushers,
    )
