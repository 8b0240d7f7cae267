"""Connections: an account's access to providers, without the secrets.

Why and how they pause is in `pauses`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import locked, owner, within


@dataclass(frozen=True)
class ConnectionRow:
    """A connection. `state` is active, paused or disconnected; moments are epoch milliseconds.

    `pauses` maps each reason (plan, reconnect, provider, operator) to its text; `reconnect_by` is
    when a person has to reconnect, or None. Reads over all tenants leave it None.
    """

    id: str
    scope: Scope
    provider: str
    kind: str
    state: str
    external_id: str
    title: str
    app_id: str
    method: str
    shared: bool
    push_earlier: str
    push_since: date | None
    created_at: int
    connected_at: int
    checked_at: int | None
    pauses: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
    poll_cursor: Mapping[str, Any] = field(default_factory=dict, repr=False)
    webhook_token: str = field(default="", repr=False)
    reconnect_by: int | None = None

    @property
    def connected(self) -> bool:
        """Whether the provider can be asked at all."""
        return self.state != "disconnected"


def get(scope: Scope, connection_id: str) -> ConnectionRow | None:
    """The connection with this id, or None."""
    row = _with_end().where(_one(scope, connection_id)).first()
    return _row(row) if row is not None else None


def by_reconnect_link(slug: str, connection_id: str) -> ConnectionRow | None:
    """The standing connection that a reconnect link names, before anybody's right is known."""
    row = t.Connection.get_or_none(t.Connection.id == connection_id)
    if row is None or row.provider != slug or row.state == "disconnected":
        return None
    return _row(row)


def by_provider(scope: Scope, slug: str, *, lock: bool = False) -> ConnectionRow | None:
    """The account's connection to a provider, disconnected ones included, or None.

    `lock` holds its row until the commit.
    """
    query = _with_end().where(within(t.Connection, scope), t.Connection.provider == slug)
    row = (locked(query) if lock else query).first()
    return _row(row) if row is not None else None


def listed(scope: Scope) -> list[ConnectionRow]:
    """All connections of the account in this environment, by provider."""
    query = _with_end().where(within(t.Connection, scope))
    return [_row(row) for row in query.order_by(t.Connection.provider)]


def holders(slug: str, environment: Environment, external_id: str) -> list[ConnectionRow]:
    """Who holds an account at a provider, over all tenants: for connecting and webhooks only."""
    query = t.Connection.select().where(
        t.Connection.provider == slug,
        t.Connection.environment == environment.value,
        t.Connection.external_id == external_id,
        t.Connection.state != "disconnected",
    )
    return [_row(row) for row in query]


def by_webhook_token(slug: str, token: str) -> ConnectionRow | None:
    """The connection whose own webhook address carries this token; the token is the scope."""
    row = t.Connection.get_or_none(
        (t.Connection.webhook_token == token)
        & (t.Connection.provider == slug)
        & (t.Connection.state != "disconnected")
    )
    return _row(row) if row is not None else None


def add(new: ConnectionRow) -> bool:
    """Write a new connection; False where the account has one to this provider already."""
    fixed = {"id": new.id, "provider": new.provider, "kind": new.kind, **owner(new.scope)}
    first: dict[str, Any] = {
        "settings": dict(new.settings),
        "push_earlier": new.push_earlier,
        "webhook_token": new.webhook_token or None,
        "created_at": new.created_at,
    }
    values = {**fixed, **first, **_grant_values(new)}
    statement = t.Connection.insert(values).on_conflict_ignore()
    return bool(statement.as_rowcount().execute())


def reconnect(row: ConnectionRow) -> None:
    """Write what a new grant brought: the account there, title, method, state and pauses."""
    t.Connection.update(_grant_values(row)).where(_one(row.scope, row.id)).execute()


def set_settings(
    scope: Scope,
    connection_id: str,
    settings: Mapping[str, Any],
    push_earlier: str,
    push_since: date | None,
) -> None:
    """Write a connection's settings."""
    values = {"settings": settings, "push_earlier": push_earlier, "push_since": push_since}
    t.Connection.update(values).where(_one(scope, connection_id)).execute()


def set_checked(scope: Scope, connection_id: str, warnings: Sequence[str], now: int) -> None:
    """Note a successful check and what it warned of."""
    values = {"warnings": list(warnings), "checked_at": now}
    t.Connection.update(values).where(_one(scope, connection_id)).execute()


def end(scope: Scope, connection_id: str, warnings: Sequence[str] = ()) -> None:
    """Mark a connection as disconnected; the row stays, for keys depend on it."""
    values = {"state": "disconnected", "pauses": {}, "warnings": list(warnings)}
    t.Connection.update(values).where(_one(scope, connection_id)).execute()


def ending(before: int) -> list[ConnectionRow]:
    """Who has to reconnect until `before`, over all tenants, soonest first."""
    end = t.Credential.reconnect_by
    joined = t.Connection.id == t.Credential.connection_id
    query = (
        t.Connection.select(t.Connection, end.alias("reconnect_by"))
        .join(t.Credential, on=joined)
        .where(end <= before, t.Connection.state != "disconnected")
    )
    return [_row(row) for row in query.order_by(end, t.Connection.id).objects()]


def _with_end() -> Any:
    """Connections with `reconnect_by` beside; the secrets stay unread."""
    mine = (
        (t.Credential.connection_id == t.Connection.id)
        & (t.Credential.account_id == t.Connection.account_id)
        & (t.Credential.environment == t.Connection.environment)
    )
    end = t.Credential.select(t.Credential.reconnect_by).where(mine)
    return t.Connection.select(t.Connection, end.alias("reconnect_by"))


def _one(scope: Scope, connection_id: str) -> Any:
    return within(t.Connection, scope) & (t.Connection.id == connection_id)


def _grant_values(row: ConnectionRow) -> dict[str, Any]:
    return {
        "state": row.state,
        "pauses": row.pauses,
        "external_id": row.external_id,
        "title": row.title,
        "app_id": row.app_id,
        "method": row.method,
        "shared": row.shared,
        "connected_at": row.connected_at,
        "poll_cursor": row.poll_cursor,
        "warnings": [],
    }


def _row(row: t.Connection) -> ConnectionRow:
    return ConnectionRow(
        id=row.id,
        scope=Scope(row.account_id, Environment(row.environment)),
        provider=row.provider,
        kind=row.kind,
        state=row.state,
        external_id=row.external_id,
        title=row.title,
        app_id=row.app_id,
        method=row.method,
        shared=row.shared,
        push_earlier=row.push_earlier,
        push_since=row.push_since,
        created_at=row.created_at,
        connected_at=row.connected_at,
        checked_at=row.checked_at,
        pauses=row.pauses,
        settings=row.settings,
        warnings=tuple(row.warnings),
        poll_cursor=row.poll_cursor,
        webhook_token=row.webhook_token or "",
        reconnect_by=getattr(row, "reconnect_by", None),
    )
