"""The outbox as it is read: deliveries, their generations, attempts and signals."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from kable_hub.store import tables as t
from kable_hub.store.outbox import Opening
from kable_hub.store.paging import page
from kable_hub.store.scope import Page, Scope
from kable_hub.store.scoping import within

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

STATES = ("held", "due", "pushing", "uncertain", "delivered", "blocked", "rejected", "cancelled")


@dataclass(frozen=True)
class DeliveryRow:
    """One operation of the outbox. Moments are epoch milliseconds, amounts minor units.

    `kind` is push, void, collect or create_customer; `subject_id` the invoice, or the customer for
    create_customer. `state`: held, due, pushing, uncertain, delivered, blocked, rejected,
    cancelled. `receipt` is the provider's acknowledgement as JSON.
    """

    id: str
    provider: str
    connection_id: str
    kind: str
    subject_id: str
    customer_id: str
    state: str
    due_at: int
    attempts: int
    failures: int
    generation: int
    may_exist: bool
    error_code: str
    error_message: str
    blocked_on: str
    external_id: str
    variance: int
    payment_status: str
    created_at: int
    updated_at: int
    uncertain_since: int | None = None
    delivered_at: int | None = None
    payment_as_of: int | None = None
    receipt: Mapping[str, Any] | None = None
    error_details: tuple[Any, ...] = ()
    payment_details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GenerationRow:
    """What was frozen for one generation: `document` is the exact JSON text that is sent, `link`
    the counterpart it goes to (reference, currency, parts, settings).
    """

    number: int
    key: str
    batch_key: str
    document: str
    invoice_revision: int
    sends: int
    frozen_at: int
    first_sent_at: int | None
    link: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class AttemptRow:
    """One try: what was done (`step`), how it ended, and every call made."""

    id: str
    delivery_id: str
    generation: int
    step: str
    outcome: str
    code: str
    message: str
    provider_code: str
    http_status: int | None
    request_id: str
    calls: tuple[Any, ...]
    started_at: int
    duration_ms: int


@dataclass(frozen=True)
class SignalRow:
    """What happened at the provider after delivery."""

    id: str
    delivery_id: str
    kind: str
    message: str
    as_of: int
    created_at: int


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries; empty means any. `customer` and `invoice` are hub ids."""

    state: str = ""
    provider: str = ""
    code: str = ""
    kind: str = ""
    customer: str = ""
    invoice: str = ""


def listed(scope: Scope, wanted: DeliveryFilter, cursor: str, limit: int) -> Page[DeliveryRow]:
    """A page of deliveries, newest first."""
    return page(_select(scope).where(_fits(wanted)), t.Delivery.id, cursor, limit, _row)


def get(scope: Scope, delivery_id: str) -> DeliveryRow | None:
    """The delivery, or None."""
    row = _select(scope).where(t.Delivery.id == delivery_id).first()
    return _row(row) if row is not None else None


def of_invoices(scope: Scope, invoice_ids: Collection[str]) -> list[DeliveryRow]:
    """Pushes and voids of these invoices, oldest first."""
    theirs = t.Delivery.subject_id.in_(list(invoice_ids)) & (t.Delivery.kind != "create_customer")
    return [_row(row) for row in _select(scope).where(theirs).order_by(t.Delivery.id)]


def opened(opening: Opening, provider: str, now: int) -> DeliveryRow:
    """What the table holds of an operation that was opened at `now`, without reading it."""
    return DeliveryRow(
        id=opening.id,
        provider=provider,
        connection_id=opening.connection_id,
        kind=opening.kind,
        subject_id=opening.subject_id,
        customer_id=opening.customer_id,
        state=opening.state,
        due_at=now,
        attempts=0,
        failures=0,
        generation=0,
        may_exist=False,
        error_code=opening.error_code,
        error_message=opening.error_message,
        blocked_on=opening.blocked_on,
        external_id="",
        variance=0,
        payment_status="",
        created_at=now,
        updated_at=now,
        error_details=opening.error_details,
    )


def creations(scope: Scope, customer_ids: Collection[str]) -> list[DeliveryRow]:
    """The operations that create these customers at providers."""
    theirs = t.Delivery.subject_id.in_(list(customer_ids)) & (t.Delivery.kind == "create_customer")
    return [_row(row) for row in _select(scope).where(theirs)]


def ids_like(scope: Scope, wanted: DeliveryFilter, after: str, limit: int) -> list[str]:
    """Ids that fit, oldest first, behind `after`."""
    query = _select(scope).where(_fits(wanted), t.Delivery.id > after)
    return [row.id for row in query.order_by(t.Delivery.id).limit(limit)]


def counts(scope: Scope) -> list[tuple[str, str, int]]:
    """(connection id, state, how many) of everything in the outbox.

    Each number is one range of an index; a GROUP BY over as many rows takes twice as long.
    """
    states = ", ".join(f"('{state}')" for state in STATES)
    each = f"""
        WITH states(state) AS (VALUES {states})
        SELECT connection.id, states.state, (SELECT COUNT(*) FROM delivery
            WHERE delivery.connection_id = connection.id AND delivery.state = states.state)
        FROM connection CROSS JOIN states
    """  # noqa: S608 (words of our own)
    return [row for row in _of_connections(scope, each) if row[2]]


def oldest_due(scope: Scope, connection_id: str) -> int | None:
    """When the oldest due delivery of a connection came due, or None."""
    return oldest_due_each(scope).get(connection_id)


def oldest_due_each(scope: Scope) -> dict[str, int]:
    """When the oldest due delivery of each connection came due; without those that have none."""
    each = """
        SELECT connection.id, (SELECT MIN(due_at) FROM delivery
            WHERE delivery.connection_id = connection.id AND delivery.state = 'due'
            AND delivery.state IN ('due', 'uncertain'))
        FROM connection
    """  # The second condition is that of the partial index.
    return {row[0]: row[1] for row in _of_connections(scope, each) if row[1] is not None}


def in_flight(scope: Scope, connection_id: str) -> bool:
    """Whether a worker holds deliveries of the connection."""
    held = (t.Delivery.connection_id == connection_id) & (t.Delivery.state == "pushing")
    return bool(t.Delivery.select().where(within(t.Delivery, scope), held).exists())


def any_at(scope: Scope, connection_id: str) -> bool:
    """Whether the connection ever had deliveries."""
    theirs = t.Delivery.connection_id == connection_id
    return bool(t.Delivery.select().where(within(t.Delivery, scope), theirs).exists())


def any_waiting_for(scope: Scope, connection_id: str, customer_id: str) -> bool:
    """Whether deliveries to this connection wait until the customer can be charged."""
    theirs = (t.Delivery.connection_id == connection_id) & (t.Delivery.customer_id == customer_id)
    waiting = (t.Delivery.state == "blocked") & (t.Delivery.blocked_on == "customer")
    query = t.Delivery.select().where(within(t.Delivery, scope), theirs, waiting)
    return bool(query.exists())


def generations(scope: Scope, delivery_id: str) -> tuple[GenerationRow, ...]:
    """What was frozen for the delivery, oldest first."""
    theirs = within(t.Generation, scope) & (t.Generation.delivery_id == delivery_id)
    query = t.Generation.select().where(theirs).order_by(t.Generation.number)
    return tuple(_picked(GenerationRow, row) for row in query)


def attempts(scope: Scope, delivery_ids: Collection[str]) -> tuple[AttemptRow, ...]:
    """Everything tried for these deliveries, oldest first."""
    theirs = within(t.Attempt, scope) & t.Attempt.delivery_id.in_(list(delivery_ids))
    query = t.Attempt.select().where(theirs).order_by(t.Attempt.started_at, t.Attempt.id)
    return tuple(_picked(AttemptRow, row, calls=tuple(row.calls)) for row in query)


def signals(scope: Scope, delivery_ids: Collection[str]) -> tuple[SignalRow, ...]:
    """What happened to these deliveries at the provider, oldest first."""
    theirs = within(t.Signal, scope) & t.Signal.delivery_id.in_(list(delivery_ids))
    query = t.Signal.select().where(theirs).order_by(t.Signal.as_of, t.Signal.id)
    return tuple(_picked(SignalRow, row) for row in query)


def _of_connections(scope: Scope, each: str) -> list[Any]:
    """What this text says of each connection of the scope, which its deliveries share."""
    mark = t.database.param
    text = f"{each} WHERE connection.account_id = {mark} AND connection.environment = {mark}"
    values = (scope.account_id, scope.environment.value)
    return list(t.database.execute_sql(text, values).fetchall())


def _select(scope: Scope) -> Any:
    at = t.Delivery.connection_id == t.Connection.id
    query = t.Delivery.select(t.Delivery, t.Connection.provider).join(t.Connection, on=at)
    return query.where(within(t.Delivery, scope), within(t.Connection, scope)).objects()


def _fits(wanted: DeliveryFilter) -> Any:
    where = t.Delivery.id != ""
    for column, value in (
        (t.Delivery.state, wanted.state),
        (t.Connection.provider, wanted.provider),
        (t.Delivery.error_code, wanted.code),
        (t.Delivery.kind, wanted.kind),
        (t.Delivery.customer_id, wanted.customer),
        (t.Delivery.subject_id, wanted.invoice),
    ):
        if value:
            where &= column == value
    return where


def _row(row: Any) -> DeliveryRow:
    return _picked(DeliveryRow, row, error_details=tuple(row.error_details))


def _picked(make: type[T], row: Any, **changed: Any) -> T:
    return make(**{**{one: getattr(row, one) for one in _names(make)}, **changed})


@cache
def _names(make: type[T]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(make))
