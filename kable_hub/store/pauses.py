"""Connections as the sync loop reads them, and the reasons for which they pause.

A connection is active, paused (a set of reasons) or disconnected. Pausing never touches
deliveries or the lease: the drain sends nothing new and settles what is in flight.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kable_hub.domain import Environment
from kable_hub.store import notices
from kable_hub.store import tables as t
from kable_hub.store.rows import rows_where
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import locked, within

PauseReason = Literal["plan", "reconnect", "provider", "operator"]


@dataclass(frozen=True)
class Lane:
    """One connection as the sync loop works it."""

    id: str
    scope: Scope
    provider: str
    external_id: str
    app_id: str
    state: str
    pauses: Mapping[str, str]
    settings: Mapping[str, Any]

    @property
    def may_send(self) -> bool:
        """Whether anything new may be sent."""
        return self.state == "active"

    @property
    def may_look(self) -> bool:
        """Whether what is uncertain may be looked up: not where the provider refuses us."""
        return self.state != "disconnected" and not {"reconnect", "provider"} & set(self.pauses)


def load_lane(connection_id: str) -> Lane | None:
    """Read a connection for the sync loop, whose unit it is; None where there is none."""
    for row in rows_where(t.Connection, "id", [connection_id]):
        return _lane(row)
    return None


def _lane(row: Any) -> Lane:
    return Lane(
        id=row.id,
        scope=Scope(row.account_id, Environment(row.environment)),
        provider=row.provider,
        external_id=row.external_id,
        app_id=row.app_id,
        state=row.state,
        pauses=row.pauses,
        settings=row.settings,
    )


def pause(scope: Scope, connection_id: str, reason: PauseReason, text: str, now: int) -> None:
    """Pause for one more reason. A disconnected connection stays as it is.

    Whoever listens is told, but of a pause that a person of the account made.
    """
    row = _locked(scope, connection_id)
    if row is None or row.state == "disconnected":
        return
    _write(scope, row, {**row.pauses, reason: text})
    if reason not in row.pauses and reason != "operator":
        notices.tell_pause(scope, connection_id, reason, now)


def resume(scope: Scope, connection_id: str, *reasons: PauseReason) -> bool:
    """Take reasons away; True where the connection is active now. The caller wakes it."""
    row = _locked(scope, connection_id)
    if row is None or row.state == "disconnected":
        return False
    left = {name: text for name, text in row.pauses.items() if name not in reasons}
    _write(scope, row, left)
    return not left


def _locked(scope: Scope, connection_id: str) -> t.Connection | None:
    mine = within(t.Connection, scope) & (t.Connection.id == connection_id)
    row: t.Connection | None = locked(t.Connection.select().where(mine)).first()
    return row


def _write(scope: Scope, row: t.Connection, pauses: dict[str, str]) -> None:
    mine = within(t.Connection, scope) & (t.Connection.id == row.id)
    state = "paused" if pauses else "active"
    t.Connection.update(pauses=pauses, state=state).where(mine).execute()
