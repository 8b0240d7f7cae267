"""Invoices as they are shown: with deliveries, with what happened, with where they do not go."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kable_hub.domain import Kind
from kable_hub.store import connections, customers, deliveries
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.deliveries import AttemptRow, DeliveryRow, SignalRow
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.scope import Scope


@dataclass(frozen=True)
class InvoiceView:
    """An invoice, its deliveries (the push and what came after it, per provider).

    `not_linked` names connected providers it does not go to because the customer is not
    linked there (payments providers only where no other payments provider takes it).
    """

    invoice: InvoiceRow
    client_id: str
    company_name: str = ""
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
class Surroundings:
    """What a view says besides the invoice: its customers by their id, connections, and the
    deliveries by the invoice's id."""

    customers: Mapping[str, CustomerRow]
    open_ones: Sequence[ConnectionRow]
    deliveries: Mapping[str, Sequence[DeliveryRow]]

    @classmethod
    def of(cls, scope: Scope, rows: Sequence[InvoiceRow]) -> "Surroundings":
        """Read it for these invoices."""
        named = customers.find_many(scope, {row.customer_id for row in rows})
        open_ones = [one for one in connections.listed(scope) if one.connected]
        theirs: dict[str, list[DeliveryRow]] = defaultdict(list)
        for delivery in deliveries.of_invoices(scope, [row.id for row in rows]):
            theirs[delivery.subject_id].append(delivery)
        return cls(named, open_ones, theirs)


def invoice_views(
    scope: Scope, rows: Sequence[InvoiceRow], around: Surroundings | None = None
) -> list[InvoiceView]:
    """Views of invoices, with as many queries for a thousand as for one.

    `around` is handed in where the caller has read it already.
    """
    if not rows:
        return []
    around = around or Surroundings.of(scope, rows)
    return [_view(row, around, around.deliveries.get(row.id, ())) for row in rows]


def _view(row: InvoiceRow, around: Surroundings, theirs: Sequence[DeliveryRow]) -> InvoiceView:
    customer = around.customers[row.customer_id]
    return InvoiceView(
        invoice=row,
        client_id=customer.client_id,
        company_name=customer.company_name,
        deliveries=tuple(sorted(theirs, key=lambda one: (one.provider, one.kind))),
        not_linked=_not_linked(around.open_ones, theirs),
    )


def timeline(scope: Scope, view: InvoiceView) -> tuple[TimelineEntry, ...]:
    """Everything that happened to an invoice, oldest first."""
    ids = [one.id for one in view.deliveries]
    slugs = {one.id: one.provider for one in view.deliveries}
    entries = [TimelineEntry(view.invoice.created_at, "created")]
    for one in view.deliveries:
        entries.append(TimelineEntry(one.created_at, "opened", one.provider, one.id, one.kind))
        if one.delivered_at is not None:
            entry = TimelineEntry(
                one.delivered_at, "delivered", one.provider, one.id, one.external_id
            )
            entries.append(entry)
    entries += _happened(scope, ids, slugs)
    return tuple(sorted(entries, key=lambda entry: (entry.at, _ORDER[entry.kind])))


_ORDER = {"created": 0, "opened": 1, "attempt": 2, "delivered": 3, "signal": 4}


def _happened(scope: Scope, ids: Collection[str], slugs: dict[str, str]) -> list[TimelineEntry]:
    tried = [
        TimelineEntry(
            one.started_at,
            "attempt",
            slugs[one.delivery_id],
            one.delivery_id,
            one.message,
            attempt=one,
        )
        for one in deliveries.attempts(scope, ids)
    ]
    heard = [
        TimelineEntry(
            one.as_of, "signal", slugs[one.delivery_id], one.delivery_id, one.message, signal=one
        )
        for one in deliveries.signals(scope, ids)
    ]
    return tried + heard


def _not_linked(
    open_ones: Sequence[ConnectionRow], theirs: Sequence[DeliveryRow]
) -> tuple[str, ...]:
    reached = {one.connection_id for one in theirs if one.kind == "push"}
    paid = any(one.kind == Kind.PAYMENTS and one.id in reached for one in open_ones)
    return tuple(
        one.provider
        for one in open_ones
        if one.id not in reached and not (paid and one.kind == Kind.PAYMENTS)
    )
