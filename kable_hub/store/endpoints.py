"""Endpoints of an account that are told what happens: written, read, changed, removed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint; moments are epoch milliseconds, empty `event_types` mean all.

    `secret` and `old_secret` are sealed. `failing_since` is set while its newest try failed.
    """

    id: str
    url: str
    description: str
    event_types: tuple[str, ...]
    enabled: bool
    disabled_reason: str
    created_at: int
    updated_at: int
    failing_since: int | None = None
    old_secret_until: int | None = None
    secret: str = field(default="", repr=False)
    old_secret: str = field(default="", repr=False)


def add(scope: Scope, row: EndpointRow) -> None:
    """Write a new endpoint."""
    t.WebhookEndpoint.create(**vars(row), **owner(scope))


def listed(scope: Scope) -> list[EndpointRow]:
    """All endpoints, oldest first."""
    query = t.WebhookEndpoint.select().where(within(t.WebhookEndpoint, scope))
    return [_row(row) for row in query.order_by(t.WebhookEndpoint.id)]


def get(scope: Scope, endpoint_id: str) -> EndpointRow | None:
    """The endpoint, or None."""
    row = t.WebhookEndpoint.get_or_none(_one(scope, endpoint_id))
    return None if row is None else _row(row)


def change(scope: Scope, endpoint_id: str, values: Mapping[str, Any], now: int) -> bool:
    """Write these columns; False where there is no such endpoint."""
    changed = t.WebhookEndpoint.update({**values, "updated_at": now})
    return bool(changed.where(_one(scope, endpoint_id)).execute())


def remove(scope: Scope, endpoint_id: str) -> bool:
    """Delete the endpoint with all that was sent to it; False where there is none."""
    theirs = within(t.OutgoingMessage, scope) & (t.OutgoingMessage.endpoint_id == endpoint_id)
    sent = t.OutgoingMessage.select(t.OutgoingMessage.id).where(theirs)
    tries = within(t.OutgoingAttempt, scope) & t.OutgoingAttempt.message_id.in_(sent)
    t.OutgoingAttempt.delete().where(tries).execute()
    t.OutgoingMessage.delete().where(theirs).execute()
    return bool(t.WebhookEndpoint.delete().where(_one(scope, endpoint_id)).execute())


def _one(scope: Scope, endpoint_id: str) -> Any:
    return within(t.WebhookEndpoint, scope) & (t.WebhookEndpoint.id == endpoint_id)


def _row(row: t.WebhookEndpoint) -> EndpointRow:
    names = EndpointRow.__dataclass_fields__
    values = {name: getattr(row, name) for name in names}
    return EndpointRow(**{**values, "event_types": tuple(row.event_types)})
