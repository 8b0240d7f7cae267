"""A hub with three providers over real sockets: Acme and Beta collect money, Books keeps books."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields

from kable_hub import (
    Capability,
    Choice,
    ConnectRequest,
    Environment,
    Facts,
    Form,
    Grant,
    Kind,
    Lift,
    LinkedCustomer,
    ProviderError,
    Redirect,
    SettingChoices,
    hookimpl,
)
from kable_hub.clock import ManualClock
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import connections, deliveries
from kable_hub.store import tables as t
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.deliveries import DeliveryFilter, DeliveryRow
from kable_hub.store.scope import Scope
from kable_hub.testing.builders import NOW
from kable_hub.usecases import accounts, connecting, customers, invoicing, linking
from kable_hub.usecases.customers import CustomerView, NewCustomer
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.invoicing import InvoiceView, NewInvoice, NewLine
from kable_hub.usecases.link_views import LinkView
from tests.acme import PROVIDER, Acme
from tests.acme_simulator import AcmeSimulator

SECRET = "hook-secret"
FACTS = Facts(
    currencies=frozenset({"USD", "EUR", "JPY"}),
    max_lines=3,
    number_length=21,
    fractional_quantities=False,
    negative_lines=False,
)


class BooksSettings(Schema):
    item = fields.String(load_default="", metadata={"choices": True})
    terms = fields.Integer(load_default=30, metadata={"per_customer": True})
    long = fields.Boolean(load_default=False, metadata={"per_customer": True})


@dataclass(eq=False)
class Provider(Acme):
    """Acme under another name; `granted` bends what it grants, `fails` what `hook` raises."""

    declared: Any = PROVIDER
    granted: Callable[[Grant], Grant] = lambda grant: grant
    fails: dict[str, ProviderError] = field(default_factory=dict)
    second_form: bool = False
    asked: list[ConnectRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.declared)

    def trip(self, hook: str) -> None:
        if hook in self.fails:
            raise self.fails[hook]

    @hookimpl
    def connect(self, request: ConnectRequest) -> Form | Redirect | Grant:
        self.asked.append(request)
        self.trip("connect")
        step = super().connect(request)
        return self.granted(step) if isinstance(step, Grant) else step

    @hookimpl
    def link_customer(self, connection: Any, customer: Any, reference: Any, key: str) -> Any:
        self.trip("link_customer")
        return super().link_customer(connection, customer, reference, key)

    @hookimpl
    def check_connection(self, connection: Any) -> list[str]:
        self.trip("check_connection")
        return ["the trial ends soon"]

    @hookimpl
    def disconnect(self, connection: Any) -> bool:
        self.trip("disconnect")
        return super().disconnect(connection)


@dataclass(eq=False)
class Books(Provider):
    """`read` is what its plugin remembers for an hour of the items there, under `fact`."""

    fact: str = "items"
    read: Callable[[], Any] = lambda: [["7", "Services"], ["8", "Goods"]]
    reads: int = 0

    def items(self) -> Any:
        self.reads += 1
        return self.read()

    @hookimpl
    def plan_invoice(self, invoice: Any, link: Any) -> Any:
        self.trip("plan_invoice")
        return {"lines": len(invoice.lines), "terms": link.settings["terms"]}

    @hookimpl
    def setting_choices(self, connection: Any, field: str) -> SettingChoices:
        self.trip("setting_choices")
        rows = connection.remember(self.fact, timedelta(hours=1), self.items)
        return SettingChoices(tuple(Choice(*row) for row in rows), "7")

    @hookimpl
    def search_customers(self, connection: Any, query: str) -> list[LinkedCustomer]:
        self.trip("search_customers")
        return [LinkedCustomer("A-1", f"found for {query}")]


BOOKS = replace(
    PROVIDER,
    slug="books",
    title="Books",
    kind=Kind.ACCOUNTING,
    settings=BooksSettings,
    facts=FACTS,
    lifts=(Lift("max_lines", "long", True),),
    capabilities=PROVIDER.capabilities | {Capability.SETTING_CHOICES, Capability.SEARCH_CUSTOMERS},
)
BETA = replace(PROVIDER, slug="beta", title="Beta", app_settings=None)


@dataclass
class House:
    """`scope` is an account on plan paid, in test."""

    hub: Hub
    clock: ManualClock
    account: str
    acme: Provider
    books: Books
    beta: Provider
    at: Mapping[str, AcmeSimulator]
    numbers: int = 0

    @property
    def scope(self) -> Scope:
        return Scope(self.account, Environment.TEST)

    @property
    def live(self) -> Scope:
        return Scope(self.account, Environment.LIVE)

    def other_account(self, plan: str = "paid") -> Scope:
        return Scope(accounts.create_account(self.hub, "Other", plan).id, Environment.TEST)

    def connect(self, slug: str, scope: Scope | None = None) -> ConnectionRow:
        """Connect by pasting a key."""
        started = connecting.start_connecting(
            self.hub, scope or self.scope, slug, method="key", form={"api_key": "token-1"}
        )
        return started.connections[0]

    def begin(self, slug: str = "acme", **options: Any) -> tuple[connecting.Opened, str]:
        """Begin by OAuth and open the ticket; answers what was opened and the state."""
        started = connecting.start_connecting(self.hub, self.scope, slug, **options)
        opened = connecting.open_ticket(self.hub, ticket_of(started))
        return opened, opened.redirect_url.partition("state=")[2]

    def customer(self, client_id: str = "c1", *linked: str, **changes: Any) -> CustomerView:
        """A customer, linked at these providers to a counterpart made there."""
        references = {slug: self.at[slug].add_customer(name=client_id) for slug in linked}
        values = {"company_name": "Northwind Traders", "currency": "USD", **changes}
        return customers.create_customer(
            self.hub, self.scope, NewCustomer(client_id, **values), references
        )

    def link(self, client_id: str, slug: str) -> LinkView:
        reference = self.at[slug].add_customer(name=client_id)
        return linking.put_link(self.hub, self.scope, client_id, slug, reference)

    def invoice(self, *lines: NewLine, **changes: Any) -> InvoiceView:
        return invoicing.create_invoice(self.hub, self.scope, self.draft(*lines, **changes))

    def draft(self, *lines: NewLine, **changes: Any) -> NewInvoice:
        self.numbers += 1
        values: dict[str, Any] = {
            "customer": "c1",
            "number": f"INV-{self.numbers}",
            "currency": "USD",
            "issue_date": date(2026, 11, 22),
            "lines": lines or (line(),),
        }
        return NewInvoice(**{**values, **changes})

    def deliveries(self, **wanted: str) -> list[DeliveryRow]:
        with self.hub.database.read():
            page = deliveries.listed(self.scope, DeliveryFilter(**wanted), "", 1000)
        return list(reversed(page.items))

    def force(self, delivery_id: str, **values: Any) -> None:
        """Put a delivery where a drain would have put it."""
        with self.hub.database.write():
            t.Delivery.update(values).where(t.Delivery.id == delivery_id).execute()

    def connection(self, slug: str, scope: Scope | None = None) -> ConnectionRow:
        with self.hub.database.read():
            row = connections.by_provider(scope or self.scope, slug)
        assert row is not None
        return row

    def due_at(self, slug: str) -> int | None:
        """When the sync loop was told to look at the connection."""
        with self.hub.database.read():
            row = t.Connection.get_by_id(self.connection(slug).id)
        moment: int | None = row.next_due_at
        return moment

    def slept(self, slug: str) -> None:
        """As if a drain had found nothing to do."""
        with self.hub.database.write():
            mine = t.Connection.id == self.connection(slug).id
            t.Connection.update(next_due_at=None).where(mine).execute()


def line(price: str = "100.00", **changes: Any) -> NewLine:
    values = {"description": "work", "unit_price": Decimal(price)}
    return NewLine(**{**values, **changes})


def states(view: InvoiceView) -> dict[str, str]:
    return {one.provider: one.state for one in view.deliveries}


def ticket_of(started: connecting.Started) -> str:
    return started.connect_url.rpartition("/")[2]


PLUGINS = (Provider(PROVIDER), Books(BOOKS), Provider(BETA))


@cache
def registry() -> Registry:
    """All three, tried out once: that takes longer than most tests."""
    return Registry.of(*PLUGINS)


def as_new() -> None:
    """Forget what a test made of the plugins."""
    for one in PLUGINS:
        vars(one).clear()
    for one, declared in zip(PLUGINS, (PROVIDER, BOOKS, BETA), strict=True):
        one.__init__(declared)  # type: ignore[misc]


@contextmanager
def house(database_url: str, folder: Path, **environ: str) -> Iterator[House]:
    """All three providers configured in both environments, none connected."""
    names = ("acme", "books", "beta")
    with AcmeSimulator() as acme, AcmeSimulator() as books, AcmeSimulator() as beta:
        at = dict(zip(names, (acme, books, beta), strict=True))
        given = {"KABLE_DATA_DIR": str(folder), "DATABASE_URL": database_url}
        for slug, simulator in at.items():
            for environment in ("LIVE", "TEST"):
                prefix = f"KABLE_{slug.upper()}_{environment}"
                given[f"{prefix}_API_URL"] = simulator.url
                given[f"{prefix}_CLIENT_ID"] = "app"
                given[f"{prefix}_WEBHOOK_SECRET"] = f"{SECRET}-{environment.lower()}"
        settings = Settings.load({**given, **environ})
        as_new()
        clock = ManualClock(NOW)
        hub = open_hub(settings, clock=clock, registry=registry())
        assert hub.database.is_sqlite is database_url.startswith("sqlite")
        account = accounts.create_account(hub, "Shop", "paid").id
        yield House(hub, clock, account, *PLUGINS, at)
        hub.close()


def change(home: House, view: invoicing.InvoiceView, revision=None, **values):
    return invoicing.change_invoice(home.hub, home.scope, view.invoice.id, values, revision)


def everywhere(home: House) -> None:
    """All providers connected, the customer linked at Acme and Books."""
    for slug in ("acme", "books", "beta"):
        home.connect(slug)
    home.customer("c1", "acme", "books")
