"""Stored webhook events as the sync loop works them, and what their effects write."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kable_hub.domain import Environment
from kable_hub.effects import Event
from kable_hub.store import outbox
from kable_hub.store import tables as t
from kable_hub.store.pauses import Lane, load_lane


@dataclass(frozen=True)
class StoredEvent:
    """A verified event that waits to be worked."""

    id: str
    provider: str
    event: Event
    failures: int


def due_events(now: int, limit: int, of: str = "", but: Collection[str] = ()) -> list[StoredEvent]:
    """What is to be worked, oldest first: of one provider, or of all but some."""
    rows = t.WebhookEvent.select().where(t.WebhookEvent.due_at <= now)
    if of:
        rows = rows.where(t.WebhookEvent.provider == of)
    if but:
        rows = rows.where(t.WebhookEvent.provider.not_in(list(but)))
    return [_stored(row) for row in rows.order_by(t.WebhookEvent.due_at).limit(limit)]


def connection_of(stored: StoredEvent) -> Lane | None:
    """The connection an event belongs to: the one unscoped read, by external id."""
    row = t.Connection.get_or_none(
        (t.Connection.provider == stored.provider)
        & (t.Connection.environment == stored.event.environment.value)
        & (t.Connection.external_id == stored.event.external_id)
        & (t.Connection.state != "disconnected")
    )
    return None if row is None else load_lane(row.id)


def finish(stored: StoredEvent, outcome: str, now: int) -> None:
    """The event was worked (or ignored, or given up); it stays on record."""
    t.WebhookEvent.update(worked_at=now, due_at=None, outcome=outcome).where(
        t.WebhookEvent.id == stored.id
    ).execute()


def postpone(stored: StoredEvent, due_at: int) -> None:
    """It could not be worked now."""
    t.WebhookEvent.update(due_at=due_at, failures=stored.failures + 1).where(
        t.WebhookEvent.id == stored.id
    ).execute()


def concerns(lane: Lane, event: Event) -> bool:
    """Whether an event is about something the hub knows, as far as it says what it is about."""
    if event.document:
        wanted = pushes(lane) & (t.Delivery.external_id == event.document)
        return bool(t.Delivery.select().where(wanted).exists())
    if event.customer:
        return bool(
            t.Link.select().where(links_at(lane), t.Link.reference == event.customer).exists()
        )
    return True


def awaits_any(lane: Lane, documents: Sequence[str]) -> bool:
    """Whether one of these is unknown here while pushes that may exist are not settled."""
    known = t.Delivery.select().where(pushes(lane), t.Delivery.external_id.in_(documents))
    open_ones = (t.Delivery.external_id == "") & t.Delivery.may_exist
    unsettled = t.Delivery.select().where(pushes(lane), open_ones)
    return bool(known.count() < len(set(documents)) and unsettled.exists())


def wake_customer(lane: Lane, reference: str, now: int, *, certain: bool = True) -> int:
    """These linked customers can be charged: what waited for them is due again, answers how
    many deliveries. What is not `certain` is tried and not noted."""
    theirs = links_at(lane) & (t.Link.reference == reference)
    if certain:
        t.Link.update(ready=True).where(theirs).execute()
    rows = t.Link.select().where(theirs)
    return sum(
        outbox.wake_blocked(
            lane.scope, lane.id, on="customer", now=now, customer_id=row.customer_id
        )
        for row in rows
    )


def keep_cursor(lane: Lane, cursor: Mapping[str, Any]) -> None:
    """Remember how far the provider's changes were read."""
    t.Connection.update(poll_cursor=dict(cursor)).where(
        t.Connection.id == lane.id, t.Connection.account_id == lane.scope.account_id
    ).execute()


def pollable(slugs: list[str]) -> list[tuple[Lane, dict[str, Any]]]:
    """Connections of these providers that may be asked, with the cursor read last.

    A pause does not stop them, unless the provider itself refuses us.
    """
    rows = t.Connection.select().where(
        t.Connection.provider.in_(slugs), t.Connection.state != "disconnected"
    )
    found = [(load_lane(row.id), row.poll_cursor) for row in rows]
    return [(lane, cursor) for lane, cursor in found if lane is not None and lane.may_look]


def _stored(row: t.WebhookEvent) -> StoredEvent:
    event = Event(
        id=row.event_id,
        type=row.type,
        external_id=row.external_id,
        environment=Environment(row.environment),
        payload=row.payload,
        document=row.document,
        customer=row.customer,
    )
    return StoredEvent(row.id, row.provider, event, row.failures)


def pushes(lane: Lane) -> Any:
    """The pushes of a connection, as a condition."""
    return (
        (t.Delivery.connection_id == lane.id)
        & (t.Delivery.kind == "push")
        & (t.Delivery.account_id == lane.scope.account_id)
        & (t.Delivery.environment == lane.scope.environment.value)
    )


def links_at(lane: Lane) -> Any:
    """The links of a connection, as a condition."""
    return (
        (t.Link.connection_id == lane.id)
        & (t.Link.account_id == lane.scope.account_id)
        & (t.Link.environment == lane.scope.environment.value)
    )
