"""What the stages of the providers share: a hub with a real plugin and its simulator on sockets,
both in one virtual time.

Nothing works by itself: `work` does what is due now, `pass_time` lets hours pass at once,
`until_quiet` jumps from one due moment to the next. What a test does, it does through the HTTP API.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import requests
from flask import Flask
from werkzeug.test import TestResponse

from kable_hub.clock import ManualClock, epoch_ms
from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import tables as t
from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.events import EventWorker
from kable_hub.sync.steps import Rooms
from kable_hub.testing import Simulator
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import rooms_of
from kable_hub.web import context
from kable_hub.web.server import serve_in_thread
from tests import stores
from tests.stores import migrated
from tests.web.site import app_of, invoice

LIVE, TEST = Environment.LIVE, Environment.TEST
ROUNDS = 1000
DAY = 24 * 3600


class Configured(Protocol):
    """A provider's simulator, which knows the variables that point a hub at it."""

    def configuration(self) -> dict[str, str]: ...


class Front(Flask):
    """Holds the address before there is a hub, which has to know it."""

    behind: Callable[..., Iterable[bytes]]

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.behind(environ, start_response)


@dataclass(kw_only=True)
class Shop:
    """An account with its hub: `key` belongs to it in test, `live_key` in live.

    A provider's own stage is a subclass that names the provider's `slug` and adds its simulator.
    """

    slug: ClassVar[str]

    hub: Hub
    app: Flask
    url: str
    clock: ManualClock
    account: str
    key: str
    live_key: str
    operator: str
    pushers: ThreadPoolExecutor
    pace: Pace = field(default_factory=lambda: Pace(slice_seconds=60, width=4))
    numbers: int = 0

    @property
    def simulator(self) -> Simulator:
        """The provider's."""
        raise NotImplementedError

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

    def of(self, environment: Environment) -> str:
        """The account's API key of an environment."""
        return self.live_key if environment is LIVE else self.key

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
        """The push of an invoice to the provider, with everything that was tried."""
        shown = self.shown(made, key=key)["deliveries"]
        wanted = (self.slug, "push")
        ids = [one["id"] for one in shown if (one["provider"], one["kind"]) == wanted]
        assert len(ids) == 1, shown
        return self.get(f"/deliveries/{ids[0]}", key=key)

    def standing(self, made: Any, *, key: str = "") -> tuple[str, str]:
        """State and error code of an invoice's push to the provider."""
        delivery = self.delivery(made, key=key)
        return delivery["state"], delivery["errorCode"]

    def tries(self, made: Any, *, key: str = "") -> list[str]:
        """The error codes of everything that was tried, empty for what went well."""
        return [one["code"] for one in self.delivery(made, key=key)["tried"]]

    # --- work and time -----------------------------------------------------------------------

    @property
    def rooms(self) -> Rooms:
        return rooms_of(self.hub)

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
        while (wait := self.next_wait()) is not None and self.clock.monotonic() + wait < end:
            self.pass_time(wait)

    def next_wait(self) -> float | None:
        """Seconds until something is due; None where nothing will be."""
        with self.hub.database.read():
            connections = t.Connection.select(t.Connection.next_due_at)
            stored = t.WebhookEvent.select(t.WebhookEvent.due_at)
            moments = [row[0] for query in (connections, stored) for row in query.tuples()]
        due = [moment for moment in moments if moment is not None]
        return max(0.001, (min(due) - self.hub.now()) / 1000) if due else None

    # --- webhooks ----------------------------------------------------------------------------

    def told(self, body: bytes, headers: dict[str, str], place: str = "") -> requests.Response:
        """One webhook over the wire; `place` is what follows the provider in the address."""
        address = f"{self.url}/webhooks/{self.slug}{place}"
        sent = {"Content-Type": "application/json", **headers}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(address, data=body, headers=sent, timeout=60)

    def stored_events(self) -> list[tuple[str, str]]:
        """Id and outcome of every webhook event on record."""
        with self.hub.database.read():
            return [(row.event_id, row.outcome) for row in t.WebhookEvent.select()]


AShop = TypeVar("AShop", bound=Shop)


@lru_cache(8)
def tried(*plugins: object) -> Registry:
    """A registry of plugins that keep nothing, tried out once."""
    return Registry.of(*plugins)


@contextmanager
def opened(
    kind: Callable[..., AShop],
    folder: Path,
    clock: ManualClock,
    plugins: Iterable[object],
    simulator: Configured,
    own: dict[str, Any],
    environ: dict[str, str],
) -> Iterator[AShop]:
    """A stage of this kind, configured by its simulator in both modes, not connected.

    `own` is what the kind has of its own; `environ` are further variables of the hub. It is on
    an SQLite of its own where they name no DATABASE_URL.
    """
    database = environ.get("DATABASE_URL") or stores.fresh_database_url(
        "sqlite", folder, prepare=migrated
    )
    front = Front(__name__)
    with serve_in_thread(front) as server, ThreadPoolExecutor(8) as pushers:
        given = {
            "KABLE_DATA_DIR": str(folder),
            "DATABASE_URL": database,
            "KABLE_PUBLIC_URL": server.url,
            **simulator.configuration(),
            **environ,
        }
        hub = open_hub(Settings.load(given), clock=clock, registry=tried(*plugins))
        account = accounts.create_account(hub, "Shop", "paid").id
        one = kind(
            hub=hub,
            app=app_of(hub),
            url=server.url,
            clock=clock,
            account=account,
            key=accounts.create_api_key(hub, account, TEST).secret,
            live_key=accounts.create_api_key(hub, account, LIVE).secret,
            operator=accounts.create_operator_key(hub).secret,
            pushers=pushers,
            **own,
        )
        front.behind = one.app
        yield one
        one.hub.close()
