"""Invoices: accepted whole or refused whole, each with its deliveries in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from kable_hub.store.deliveries import AttemptRow, DeliveryRow, SignalRow
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.hub import Hub

MAX_BULK = 1000


@dataclass(frozen=True)
class NewLine:
    """A line as it comes in, in major units.

    One of `unit_price` and `amount` may be absent (`unit_price` only where the quantity is 1).
    `tax_amount` absent is reckoned from `tax_rate` (percent), else zero.
    """

    description: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    tax_rate: Decimal | None = None
    tax_code: str = ""
    product_code: str = ""
    service_date: date | None = None


@dataclass(frozen=True)
class NewInvoice:
    """An invoice as it comes in, in major units. `customer` is a hub id or a client id.

    `total`, where given, has to be the sum of the lines' amounts and taxes. `payment_provider`
    chooses among several linked payments providers. `auto_push=False` holds its deliveries.
    """

    customer: str
    number: str
    currency: str
    issue_date: date
    lines: tuple[NewLine, ...]
    due_date: date | None = None
    total: Decimal | None = None
    memo: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_provider: str = ""
    auto_push: bool = True


@dataclass(frozen=True)
class InvoiceView:
    """An invoice, its deliveries (the push and, where voided, the void, per provider).

    `not_linked` names connected providers it does not go to because the customer is not
    linked there (payments providers only where no other payments provider takes it).
    """

    invoice: InvoiceRow
    client_id: str
    deliveries: tuple[DeliveryRow, ...] = ()
    not_linked: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened; `attempt` or `signal` carry the particulars, where it was one.

    `kind` is created, opened, attempt, delivered or signal; `at` is epoch milliseconds.
    """

    at: int
    kind: str
    provider: str = ""
    delivery_id: str = ""
    message: str = ""
    attempt: AttemptRow | None = None
    signal: SignalRow | None = None


@dataclass(frozen=True)
class InvoiceDetail:
    """An invoice with everything that happened to it, oldest first."""

    view: InvoiceView
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True)
class ItemResult:
    """What became of one invoice of a bulk: accepted (`invoice`) or refused (`problem`)."""

    index: int
    invoice: InvoiceView | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class InvoiceFilter:
    """Which invoices; empty means any. `number` is how it starts; dates are issue dates.

    `state` and `provider` concern one and the same delivery of the invoice.
    """

    customer: str = ""
    number: str = ""
    state: str = ""
    provider: str = ""
    issued_from: date | None = None
    issued_to: date | None = None


ANY = InvoiceFilter()
"""Every invoice."""


def create_invoice(hub: Hub, scope: Scope, new: NewInvoice) -> InvoiceView:
    """Accept an invoice and open its deliveries.

    Raises Invalid (all faults at once), Conflict (`duplicate_invoice_number`,
    `customer_cancelled`).
    """
    raise NotImplementedError


def create_invoices(hub: Hub, scope: Scope, many: Sequence[NewInvoice]) -> list[ItemResult]:
    """Accept up to MAX_BULK invoices, each for itself; results in the order of the input.

    Raises Invalid where there are too many, otherwise every refusal stands in its result.
    """
    raise NotImplementedError


def change_invoice(
    hub: Hub,
    scope: Scope,
    invoice_id: str,
    change: Mapping[str, Any],
    revision: int | None = None,
) -> InvoiceView:
    """Change an invoice that stands at no provider yet.

    `change` holds new values by field name of NewInvoice (customer, payment_provider and
    auto_push cannot be changed); what is absent stays. `revision` is the one the caller read.
    Raises NotFound, Invalid, Outdated (`revision_outdated`), Conflict (`invoice_already_sent`
    as soon as it may exist anywhere, `duplicate_invoice_number`).
    """
    raise NotImplementedError


def get_invoice(hub: Hub, scope: Scope, invoice_id: str) -> InvoiceDetail:
    """One invoice with its timeline. Raises NotFound."""
    raise NotImplementedError


def list_invoices(
    hub: Hub,
    scope: Scope,
    wanted: InvoiceFilter = ANY,
    cursor: str = "",
    limit: int = 50,
) -> Page[InvoiceView]:
    """Invoices, newest first."""
    raise NotImplementedError


def push_by_hand(hub: Hub, scope: Scope, invoice_id: str, slug: str = "") -> InvoiceView:
    """Send what is held of an invoice, at one provider or at all. Raises NotFound, Conflict
    (`nothing_held`).
    """
    raise NotImplementedError


def cancel(hub: Hub, scope: Scope, invoice_id: str) -> InvoiceView:
    """Cancel every delivery that stands nowhere yet. Raises NotFound, Conflict
    (`invoice_already_sent` where one may exist or was delivered; nothing is cancelled then).
    """
    raise NotImplementedError
