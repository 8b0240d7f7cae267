"""Where a slice of a campaign is fought: one provider's simulator, one store, and processes of
the hub that come and go.

Everything is asked for through the hub's API. That no process may serve it just now is no
failure: whoever asks, asks again.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import requests

from kable_hub.demo.simulators import DemoSimulator, customers_of
from kable_hub.demo.stage import free_port
from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store.scope import Scope
from kable_hub.testing import observing
from kable_hub.usecases import accounts, customers
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.web.app import create_app
from kable_hub.web.server import serve_in_thread
from tests.architecture.tree import entry_points
from tests.campaigns.zygote import Forked, Zygote
from tests.integration.world import connect, running_simulators, unlimited

LATENCY = 0.02
SETTLE_AFTER = timedelta(seconds=5)
"""How long an unanswered write may still commit: these simulators never take as long, and what
waits for it should be done within a slice. The rule is the hub's own."""

CURRENCIES = ("USD", "EUR", "GBP")
LEASES = {"sqlite": "5", "postgresql": "1"}
"""Seconds. On SQLite whoever starts takes over at once; on PostgreSQL the lease of a process that
was killed has to run out first."""

HURRY = {
    "KABLE_SLICE_SECONDS": "2",
    "KABLE_SWEEP_SECONDS": "0.05",
    "KABLE_LOG_LEVEL": "ERROR",
}
UNDER_WAY = ("due", "pushing", "uncertain")


def plugins(*slugs: str) -> list[ModuleType]:
    """The real plugins, declared without limits and to be settled soon."""
    return [unlimited(entry_points()[slug], settle_after=SETTLE_AFTER) for slug in slugs]


@dataclass
class Field:
    """`goes`: for each currency the customer's reference at the provider, by slug."""

    zygote: Zygote
    folder: Path
    environ: dict[str, str]
    url: str
    simulators: Mapping[str, DemoSimulator]
    key: str
    goes: Mapping[str, Mapping[str, str]]
    served: Callable[[], int]

    def start(self, command: str, **environ: str) -> Forked:
        """A process of the hub."""
        given = {**self.environ, **environ}
        return self.zygote.start(command, given, self.log)

    @property
    def log(self) -> Path:
        """What every process of the hub says."""
        return self.folder / "log"

    def session(self) -> requests.Session:
        """For one thread to ask the API with; `url` stands before every path."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.key}"
        return session

    def ask(self, path: str) -> Any:
        """The body of a GET of the API, which has to answer within a minute."""
        return patiently(lambda: self._ask(path), 60, f"GET {path}")

    def _ask(self, path: str) -> Any:
        with self.session() as session:
            answer = session.get(f"{self.url}/api/v1{path}", timeout=30)
        return answer.json() if answer.status_code == 200 else None

    def under_way(self) -> dict[str, Any]:
        """A delivery in each state that is not quiet, by state; empty when all are quiet.

        Asked there and back: what goes from state to state meanwhile is not overlooked.
        """
        for states in (UNDER_WAY, UNDER_WAY[::-1]):
            pages = {one: self.ask(f"/deliveries?state={one}&limit=1") for one in states}
            if found := {one: page["items"][0] for one, page in pages.items() if page["items"]}:
                return found
        return {}


def patiently(ask: Callable[[], Any], seconds: float, what: str) -> Any:
    """Ask until there is an answer that is neither empty nor a broken connection."""
    end = time.monotonic() + seconds
    while True:
        said: object
        try:
            if said := ask():
                return said
        except (requests.RequestException, ConnectionError) as error:
            said = error
        if time.monotonic() > end:
            raise AssertionError(f"{what}: nothing within {seconds} s, at last {said!r}")
        time.sleep(0.02)


@contextmanager
def field(
    folder: Path, zygote: Zygote, database_url: str, *slugs: str, **settings: str
) -> Iterator[Field]:
    """Connected, with a customer for each currency, and no process of the hub yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with counting() as served, running_simulators(*slugs) as there:
        port = free_port(0)
        url = f"http://127.0.0.1:{port}"
        environ = {
            "KABLE_DATA_DIR": str(folder),
            "KABLE_PUBLIC_URL": url,
            "KABLE_PORT": str(port),
            "DATABASE_URL": database_url,
            "KABLE_LEASE_SECONDS": LEASES[database_url.partition(":")[0]],
            **HURRY,
            **settings,
        }
        for one in there.values():
            vars(one)["keep_log"] = False
            environ |= one.configuration()
        key, goes = _furnish(environ, there, port)
        for one in there.values():
            one.latency = LATENCY
        yield Field(zygote, folder, environ, url, there, key, goes, served)


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """How many requests the providers of this process have served."""
    counter = count()
    served = [0]

    def see(*_: object) -> None:
        served[0] = next(counter) + 1

    with observing(see):
        yield lambda: served[0]


def _furnish(
    environ: dict[str, str], there: Mapping[str, DemoSimulator], port: int
) -> tuple[str, dict[str, dict[str, str]]]:
    """Connect an account through each provider's consent page, and link its customers."""
    hub = open_hub(Settings.load(environ), registry=Registry.of(*plugins(*there)))
    try:
        account = accounts.create_account(hub, "Shop", "paid").id
        scope = Scope(account, Environment.LIVE)
        with serve_in_thread(create_app(hub), port):
            for slug in there:
                connect(hub, scope, slug)
        goes = _link(hub, scope, there)
        return accounts.create_api_key(hub, account, scope.environment).secret, goes
    finally:
        hub.close()


def _link(hub: Hub, scope: Scope, there: Mapping[str, DemoSimulator]) -> dict[str, dict[str, str]]:
    free = {slug: customers_of(one, scope.environment)[:3] for slug, one in there.items()}
    goes: dict[str, dict[str, str]] = {}
    for place, currency in enumerate(CURRENCIES):
        goes[currency] = {slug: found[place].reference for slug, found in free.items()}
        new = NewCustomer(f"c-{currency}", f"Customer {currency}", currency)
        customers.create_customer(hub, scope, new, goes[currency])
    return goes
