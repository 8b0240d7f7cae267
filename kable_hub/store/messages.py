"""What was sent to an endpoint, as it is read: messages with every try of each."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from kable_hub.store import tables as t
from kable_hub.store.paging import page
from kable_hub.store.scope import Page, Scope
from kable_hub.store.scoping import within


@dataclass(frozen=True)
class TryRow:
    """One try: the endpoint's status, or why there was none (`error`)."""

    status: int | None
    error: str
    started_at: int
    duration_ms: int


@dataclass(frozen=True)
class MessageRow:
    """An event on its way to an endpoint. `state` is waiting, delivered or failed.

    `due_at` is when it is tried next; moments are epoch milliseconds.
    """

    id: str
    endpoint_id: str
    event_id: str
    type: str
    state: str
    due_at: int | None
    created_at: int
    finished_at: int | None
    body: str = ""
    tried: tuple[TryRow, ...] = ()


def listed(scope: Scope, endpoint_id: str, cursor: str, limit: int) -> Page[MessageRow]:
    """A page of an endpoint's messages, newest first, with their tries."""
    theirs = t.OutgoingMessage.endpoint_id == endpoint_id
    found = page(_select(scope).where(theirs), t.OutgoingMessage.id, cursor, limit, lambda row: row)
    tried = _tried(scope, [row.id for row in found.items])
    return Page(tuple(_row(row, tried) for row in found.items), found.next_cursor)


def get(scope: Scope, endpoint_id: str, message_id: str) -> MessageRow | None:
    """One message, or None."""
    one = (t.OutgoingMessage.endpoint_id == endpoint_id) & (t.OutgoingMessage.id == message_id)
    row = _select(scope).where(one).first()
    return None if row is None else _row(row, _tried(scope, [row.id]))


def resend(scope: Scope, message_id: str, now: int) -> None:
    """Send a message again at once, with all its tries before it; under the same event id."""
    one = within(t.OutgoingMessage, scope) & (t.OutgoingMessage.id == message_id)
    fresh = {"state": "waiting", "due_at": now, "tries": 0, "finished_at": None}
    t.OutgoingMessage.update(fresh).where(one).execute()


def _select(scope: Scope) -> Any:
    told = t.OutgoingEvent.id == t.OutgoingMessage.event_id
    query = t.OutgoingMessage.select(t.OutgoingMessage, t.OutgoingEvent.body)
    mine = within(t.OutgoingMessage, scope) & within(t.OutgoingEvent, scope)
    return query.join(t.OutgoingEvent, on=told).where(mine).objects()


def _tried(scope: Scope, ids: list[str]) -> dict[str, list[TryRow]]:
    found: dict[str, list[TryRow]] = defaultdict(list)
    theirs = within(t.OutgoingAttempt, scope) & t.OutgoingAttempt.message_id.in_(ids)
    for row in t.OutgoingAttempt.select().where(theirs).order_by(t.OutgoingAttempt.id):
        tried = TryRow(row.status, row.error, row.started_at, row.duration_ms)
        found[row.message_id].append(tried)
    return found


def _row(row: Any, tried: dict[str, list[TryRow]]) -> MessageRow:
    return MessageRow(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        type=row.type,
        state=row.state,
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        body=row.body,
        tried=tuple(tried.get(row.id, ())),
    )
