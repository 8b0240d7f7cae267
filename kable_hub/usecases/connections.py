"""Connections that stand: their settings, their health, their end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kable_hub.domain import SettingChoices
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.connecting import FormField
from kable_hub.usecases.hub import Hub

PUSH_EARLIER = ("all", "since", "none")


@dataclass(frozen=True)
class SettingsView:
    """A connection's settings. `values` by the declared field's name, JSON as it was given.

    `push_earlier` (all, since, none) says which invoices go out when a customer is linked at
    an accounting provider; `push_since` is an issue date.
    """

    values: Mapping[str, Any]
    fields: tuple[FormField, ...]
    push_earlier: str
    push_since: date | None = None


@dataclass(frozen=True)
class Health:
    """How a connection stands. `counts` are its deliveries by state, `oldest_due` a moment
    (epoch milliseconds) or None, `reconnect_by` when a person has to reconnect, or None.
    """

    connection: ConnectionRow
    counts: Mapping[str, int] = field(default_factory=dict)
    oldest_due: int | None = None
    reconnect_by: int | None = None


def list_connections(hub: Hub, scope: Scope) -> tuple[ConnectionRow, ...]:
    """All connections of the account in this environment, by provider."""
    raise NotImplementedError


def get_connection(hub: Hub, scope: Scope, reference: str) -> ConnectionRow:
    """The connection with this id or of this provider (slug). Raises NotFound."""
    raise NotImplementedError


def get_settings(hub: Hub, scope: Scope, reference: str) -> SettingsView:
    """The connection's settings. Raises NotFound."""
    raise NotImplementedError


def put_settings(
    hub: Hub,
    scope: Scope,
    reference: str,
    values: Mapping[str, Any],
    push_earlier: str | None = None,
    push_since: date | None = None,
) -> SettingsView:
    """Replace the settings (validated by the declared schema; absent ones take their default).

    What was blocked on settings goes on. `push_earlier` None leaves it and its date as they
    are. Raises NotFound, Invalid.
    """
    raise NotImplementedError


def setting_choices(hub: Hub, scope: Scope, reference: str, name: str) -> SettingChoices:
    """Values a setting may take, read from the provider now.

    Raises NotFound (also for an undeclared setting), Conflict (`not_connected`,
    `not_offered`) and the provider's problems.
    """
    raise NotImplementedError


def health(hub: Hub, scope: Scope, reference: str) -> Health:
    """How the connection stands. Raises NotFound."""
    raise NotImplementedError


def check(hub: Hub, scope: Scope, reference: str) -> Health:
    """Try the connection at the provider now; a success lets what was paused by it go on.

    Raises NotFound, Conflict (`not_connected`, `not_offered`) and the provider's problems.
    """
    raise NotImplementedError


def pause(hub: Hub, scope: Scope, reference: str, reason: str = "") -> ConnectionRow:
    """Stop sending over this connection until `resume`. Raises NotFound, Conflict
    (`not_connected`).
    """
    raise NotImplementedError


def resume(hub: Hub, scope: Scope, reference: str) -> ConnectionRow:
    """Take a person's pause back; pauses for other reasons stay. Raises NotFound."""
    raise NotImplementedError


def disconnect(hub: Hub, scope: Scope, reference: str, *, by_person: bool = False) -> ConnectionRow:
    """End the connection: nothing more is sent, the secrets are deleted, the row stays.

    Waits up to 30 s for what is in flight. Twice is once. Raises NotFound, Forbidden
    (`live_key_required` for a grant shared with live).
    """
    raise NotImplementedError
