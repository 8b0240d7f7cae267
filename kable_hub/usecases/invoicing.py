"""Invoices: accepted whole or refused whole, each with its deliveries in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from kable_hub.domain import InvoiceLine
from kable_hub.store import customers, invoice_search, invoices
from kable_hub.store.connections import by_provider
from kable_hub.store.customers import CustomerRow
from kable_hub.store.ids import new_id
from kable_hub.store.invoice_search import Wanted
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.outbox import Opening
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.defaults import get_defaults
from kable_hub.usecases.errors import Conflict, FieldError, Invalid, NotFound, Problem
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.invoice_input import NewInvoice, NewLine, read_lines, to_row
from kable_hub.usecases.invoice_planning import Routes, open_all
from kable_hub.usecases.invoice_steering import cancel, change_invoice, push_by_hand, taken
from kable_hub.usecases.invoice_views import (
    InvoiceView,
    Surroundings,
    TimelineEntry,
    invoice_views,
    timeline,
)
from kable_hub.usecases.lookup import customer_named
from kable_hub.usecases.waking import wake

__all__ = [
    "ANY",
    "MAX_BULK",
    "InvoiceDetail",
    "InvoiceFilter",
    "InvoiceView",
    "ItemResult",
    "NewInvoice",
    "NewLine",
    "TimelineEntry",
    "cancel",
    "change_invoice",
    "create_invoice",
    "create_invoices",
    "get_accepted",
    "get_invoice",
    "list_invoices",
    "push_by_hand",
]

MAX_BULK = 1000


@dataclass(frozen=True)
class InvoiceDetail:
    """An invoice with everything that happened to it, oldest first."""

    view: InvoiceView
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True)
class ItemResult:
    """What became of one invoice of a bulk: accepted (`invoice_id`) or refused (`problem`).

    `invoice` is what was accepted, where it was asked for.
    """

    index: int
    invoice_id: str | None = None
    invoice: InvoiceView | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class InvoiceFilter:
    """Which invoices; empty means any. `number` is how it starts; dates are issue dates.

    `text` is how the number, the customer's client id or its name begins.
    `state` and `provider` concern one and the same delivery of the invoice.
    """

    customer: str = ""
    number: str = ""
    text: str = ""
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
    result = create_invoices(hub, scope, [new])[0]
    if result.problem is not None:
        raise result.problem
    assert result.invoice is not None
    return result.invoice


def create_invoices(
    hub: Hub, scope: Scope, many: Sequence[NewInvoice], *, brief: bool = False
) -> list[ItemResult]:
    """Accept up to MAX_BULK invoices, each for itself; results in the order of the input, which
    only name what was accepted where they are `brief`.

    Raises Invalid where there are too many, otherwise every refusal stands in its result.
    """
    if len(many) > MAX_BULK:
        said = f"{len(many)} invoices; at most {MAX_BULK} are taken at once."
        raise Invalid(FieldError("invoices", "too_many", said))
    now = hub.now()
    auto_push = get_defaults(hub, scope).auto_push
    drafts = [_Draft.of(new, auto_push) for new in many]
    with hub.database.write():
        named = _name_customers(scope, drafts, now)
        routes = _plan(hub, scope, drafts)
        _refuse_taken_numbers(scope, drafts)
        sound = [one for one in drafts if one.sound]
        written = invoices.add(scope, [one.row for one in sound if one.row])
        for draft in sound:
            if draft.row and draft.row.id not in written:
                draft.problem = taken(draft.new.number)
        openings = [opening for one in sound if one.problem is None for opening in one.openings]
        wake(hub, open_all(scope, openings, now))
        rows = [one.row for one in sound if one.row and one.problem is None and not brief]
        opened = routes.opened(openings, now) if rows else {}
        around = Surroundings(named, routes.open_ones(), opened)
        views = {view.invoice.id: view for view in invoice_views(scope, rows, around)}
    return [draft.result(index, views) for index, draft in enumerate(drafts)]


def get_invoice(hub: Hub, scope: Scope, invoice_id: str) -> InvoiceDetail:
    """One invoice with its timeline. Raises NotFound."""
    with hub.database.read():
        row = invoices.get(scope, invoice_id)
        if row is None:
            raise NotFound("invoice", invoice_id)
        view = invoice_views(scope, [row])[0]
        return InvoiceDetail(view, timeline(scope, view))


def get_accepted(hub: Hub, scope: Scope, invoice_id: str) -> InvoiceRow:
    """One invoice as it was accepted, without where it went. Raises NotFound."""
    with hub.database.read():
        row = invoices.get(scope, invoice_id)
    if row is None:
        raise NotFound("invoice", invoice_id)
    return row


def list_invoices(
    hub: Hub,
    scope: Scope,
    wanted: InvoiceFilter = ANY,
    cursor: str = "",
    limit: int = 50,
) -> Page[InvoiceView]:
    """Invoices without their lines, newest first. Raises NotFound for an unknown customer."""
    with hub.database.read():
        customer = customer_named(scope, wanted.customer).id if wanted.customer else ""
        connection = by_provider(scope, wanted.provider) if wanted.provider else None
        if wanted.provider and connection is None:
            return Page(())
        asked = Wanted(
            customer_id=customer,
            number=wanted.number,
            text=wanted.text,
            state=wanted.state,
            connection_id=connection.id if connection else "",
            issued_from=wanted.issued_from,
            issued_to=wanted.issued_to,
        )
        found = invoice_search.listed(scope, asked, cursor, limit)
        return Page(tuple(invoice_views(scope, found.items)), found.next_cursor)


@dataclass
class _Draft:
    """One invoice on its way in."""

    new: NewInvoice
    checks: Checks
    id: str
    lines: tuple[InvoiceLine, ...] | None
    row: InvoiceRow | None = None
    problem: Problem | None = None
    openings: list[Opening] = field(default_factory=list)

    @classmethod
    def of(cls, new: NewInvoice, auto_push: bool) -> "_Draft":
        """Read the input, its faults kept; `auto_push` holds where it does not say."""
        checks, invoice_id = Checks(), new_id("inv")
        if new.auto_push is None and not auto_push:
            new = replace(new, auto_push=False)
        return cls(new, checks, invoice_id, read_lines(checks, new, invoice_id))

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against it so far."""
        return self.row is not None and self.problem is None and not self.checks.errors

    def result(self, index: int, views: Mapping[str, InvoiceView]) -> ItemResult:
        """What became of it; `views` are by the invoice's id."""
        if self.checks.errors:
            return ItemResult(index, problem=Invalid(*self.checks.errors))
        if self.problem is not None or self.row is None:
            return ItemResult(index, problem=self.problem)
        return ItemResult(index, self.id, views.get(self.id))


def _name_customers(scope: Scope, drafts: Sequence[_Draft], now: int) -> dict[str, CustomerRow]:
    """Find the customers, their rows held against a link that is made at the same time; what is
    sound becomes a row.

    Answers them by id.
    """
    for draft in drafts:
        draft.checks.text("customer", draft.new.customer, least=1, most=200)
    wanted = {draft.new.customer for draft in drafts}
    found = customers.find_many(scope, wanted, lock="FOR SHARE")
    for draft in drafts:
        customer = found.get(draft.new.customer)
        if customer is None:
            said = f"There is no customer {draft.new.customer[:80]!r}."
            draft.checks.fault("customer", "unknown_customer", said)
        elif customer.status != "ACTIVE":
            detail = f"The customer {customer.client_id} is cancelled."
            fault = FieldError("customer", "customer_cancelled", detail)
            draft.problem = Conflict("customer_cancelled", detail, errors=[fault])
        elif draft.lines is not None:
            draft.row = to_row(draft.new, draft.lines, draft.id, customer.id, now)
    return {one.id: one for one in found.values()}


def _refuse_taken_numbers(scope: Scope, drafts: Sequence[_Draft]) -> None:
    sound = [draft for draft in drafts if draft.sound]
    holders = invoices.ids_by_number(scope, {draft.new.number for draft in sound})
    for draft in sound:
        if draft.new.number in holders:
            draft.problem = taken(draft.new.number, holders[draft.new.number])
        elif draft.row is not None:
            holders[draft.new.number] = draft.row.id


def _plan(hub: Hub, scope: Scope, drafts: Sequence[_Draft]) -> Routes:
    rows = [draft.row for draft in drafts if draft.sound and draft.row]
    routes = Routes.of(hub, scope, {row.customer_id for row in rows})
    for draft in drafts:
        if draft.sound and draft.row:
            draft.openings = routes.plan(draft.checks, draft.row)
    return routes
