"""Builders of domain objects with sensible defaults, for tests of plugins and of the hub."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from kable_hub import canonical, money
from kable_hub.connection import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    Call,
    CallGuard,
    Connection,
    Memory,
)
from kable_hub.domain import (
    JSON,
    Customer,
    CustomerLink,
    Document,
    Environment,
    Invoice,
    InvoiceLine,
    Push,
)
from kable_hub.provider import Provider

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class RecordingGuard:
    """A call gate without limits that keeps every call; `before` may raise to refuse one.

    `timeout` is what each call is given: seconds to connect, and to read.
    """

    calls: list[Call] = field(default_factory=list)
    before: Callable[[str, bool], None] | None = None
    timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)

    def __call__(self, name: str, writes: bool) -> AbstractContextManager[Call]:
        """Open the gate and keep the call."""
        return self._open(name, writes)

    @contextmanager
    def _open(self, name: str, writes: bool) -> Iterator[Call]:
        if self.before is not None:
            self.before(name, writes)
        call = Call(name, writes, self.timeout)
        self.calls.append(call)
        yield call

    def names(self) -> list[str]:
        """The names of the calls made, in order."""
        return [call.name for call in self.calls]


def fresh_memory(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Memory:
    """What the hub remembers for a plugin, without a hub: in this process and by this clock."""
    known: dict[str, tuple[datetime, str]] = {}

    def remember(name: str, lasts: timedelta, read: Callable[[], JSON]) -> JSON:
        until, text = known.get(name, (clock(), ""))
        if until <= clock():
            text = canonical.dumps(read())
            known[name] = (clock() + lasts, text)
        return canonical.loads(text)

    return remember


def connection(
    provider: Provider,
    *,
    environment: Environment = Environment.TEST,
    credentials: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    app: Mapping[str, str] | None = None,
    urls: Mapping[str, str] | None = None,
    external_id: str = "ext_1",
    guard: CallGuard | None = None,
    memory: Memory | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Connection:
    """A connection to `provider`; `urls` usually point at its simulator."""
    return Connection(
        id="con_1",
        account_id="acc_1",
        environment=environment,
        provider=provider.slug,
        external_id=external_id,
        credentials=credentials or {},
        settings=settings if settings is not None else default_settings(provider),
        app=app or {},
        urls=urls or provider.urls[environment],
        deadline=clock() + timedelta(seconds=60),
        guard=guard or RecordingGuard(),
        memory=memory or fresh_memory(clock),
        clock=clock,
    )


def default_settings(provider: Provider) -> dict[str, Any]:
    """The settings of a fresh connection: what the declared schema loads from nothing."""
    return dict(provider.settings().load({})) if provider.settings else {}


def customer(**changes: Any) -> Customer:
    """A customer of the account, in USD."""
    values = {
        "id": "cus_1",
        "client_id": "client-1",
        "company_name": "Northwind Traders",
        "currency": "USD",
        "email": "billing@example.com",
    }
    return Customer(**{**values, **changes})


def link(reference: str, **changes: Any) -> CustomerLink:
    """A link of `customer()` to a reference."""
    return CustomerLink(**{"customer": customer(), "reference": reference, **changes})


def line(number: int = 1, **changes: Any) -> InvoiceLine:
    """A line of 2 x 50.00 in a two-decimal currency."""
    values = {
        "id": f"line_{number}",
        "description": f"Consulting {number}",
        "quantity": Decimal(2),
        "unit_price": Decimal("50.00"),
        "amount": 10000,
    }
    return InvoiceLine(**{**values, **changes})


def invoice(*lines: InvoiceLine, **changes: Any) -> Invoice:
    """An invoice of the given lines (one default line), with totals that add up."""
    rows = lines or (line(),)
    subtotal, tax = sum(row.amount for row in rows), sum(row.tax for row in rows)
    values = {
        "id": "inv_1",
        "number": "INV-0001",
        "customer_id": "cus_1",
        "currency": "USD",
        "issue_date": date(2026, 11, 22),
        "lines": tuple(rows),
        "subtotal": subtotal,
        "tax": tax,
        "total": subtotal + tax,
    }
    return Invoice(**{**values, **changes})


def amount(text: str, currency: str) -> int:
    """Minor units of an amount written in major units."""
    return money.to_minor(Decimal(text), currency)


def push(
    invoice: Invoice,
    link: CustomerLink,
    document: Document,
    *,
    key: str = "11111111-2222-5333-8444-555555555555",
    generation: int = 1,
    since: datetime | None = None,
    marker: str = "",
    progress: Mapping[str, JSON] | None = None,
    save: Callable[[Mapping[str, JSON]], None] | None = None,
) -> Push:
    """A first generation of a push of `invoice`."""
    return Push(
        invoice=invoice,
        link=link,
        document=document,
        key=key,
        generation=generation,
        since=since or datetime.now(UTC) - timedelta(seconds=1),
        marker=marker or f"hub_1/acc_1/{invoice.id}",
        progress=progress or {},
        save=save or (lambda _progress: None),
    )
