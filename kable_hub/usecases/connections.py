"""Connections that stand: their settings, their health, their pauses. The end: `ending`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kable_hub.domain import SettingChoices
from kable_hub.errors import NeedsOperator
from kable_hub.provider import Capability, Provider
from kable_hub.store import connections, deliveries, memories, outbox, pauses
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.ending import disconnect
from kable_hub.usecases.errors import NotFound, provider_problems
from kable_hub.usecases.forms import FormField, form_fields, load
from kable_hub.usecases.grants import ON_RECONNECT
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_settings import CAUSES
from kable_hub.usecases.lookup import connection_named, need, not_connected, provider_named
from kable_hub.usecases.waking import wake
from kable_hub.usecases.webhooks import webhook_url

__all__ = [
    "PUSH_EARLIER",
    "Health",
    "SettingsView",
    "check",
    "disconnect",
    "get_connection",
    "get_settings",
    "health",
    "list_connections",
    "pause",
    "put_settings",
    "resume",
    "setting_choices",
]

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
    (epoch milliseconds) or None, `webhook_url` the connection's own address for webhooks, where
    its provider sends some.
    """

    connection: ConnectionRow
    counts: Mapping[str, int] = field(default_factory=dict)
    oldest_due: int | None = None
    webhook_url: str = ""


def list_connections(hub: Hub, scope: Scope) -> tuple[ConnectionRow, ...]:
    """All connections of the account in this environment, by provider."""
    with hub.database.read():
        return tuple(connections.listed(scope))


def get_connection(hub: Hub, scope: Scope, reference: str) -> ConnectionRow:
    """The connection with this id or of this provider (slug). Raises NotFound."""
    with hub.database.read():
        return connection_named(scope, reference)


def get_settings(hub: Hub, scope: Scope, reference: str) -> SettingsView:
    """The connection's settings. Raises NotFound."""
    row = get_connection(hub, scope, reference)
    return _settings_view(hub, row)


def put_settings(
    hub: Hub,
    scope: Scope,
    reference: str,
    values: Mapping[str, Any],
    push_earlier: str | None = None,
    push_since: date | None = None,
) -> SettingsView:
    """Replace the settings (validated by the declared schema; absent ones take their default).

    What was blocked on settings goes on, and what waited for customers is tried: who has to do
    what may depend on them. `push_earlier` None leaves it and its date as they
    are. Raises NotFound, Invalid.
    """
    row = get_connection(hub, scope, reference)
    checks = Checks()
    stored, faults = load(provider_named(hub, row.provider).settings, values, "settings")
    checks.errors += faults
    earlier, since = row.push_earlier, row.push_since
    if push_earlier is not None:
        checks.one_of("pushEarlier", push_earlier, PUSH_EARLIER)
        if push_earlier == "since" and push_since is None:
            checks.fault("pushSince", "required", "Since needs the first issue date.")
        earlier, since = push_earlier, push_since if push_earlier == "since" else None
    checks.done()
    with hub.database.write():
        connections.set_settings(scope, row.id, stored, earlier, since)
        memories.forget(scope, row.id)
        outbox.outdate_plans(scope, row.id, hub.now())
        for cause in CAUSES:
            outbox.wake_blocked(scope, row.id, on=cause, now=hub.now())
        wake(hub, [row.id])
    return get_settings(hub, scope, row.id)


def setting_choices(hub: Hub, scope: Scope, reference: str, name: str) -> SettingChoices:
    """Values a setting may take, read from the provider (or remembered by its plugin).

    Raises NotFound (also for an undeclared setting), Conflict (`not_connected`,
    `not_offered`) and the provider's problems.
    """
    row, provider = _reachable(hub, scope, reference)
    need(provider, Capability.SETTING_CHOICES)
    declared = form_fields(provider.settings)
    if not any(one.name == name and one.from_provider for one in declared):
        raise NotFound("setting with choices", name)
    with provider_problems():
        choices: SettingChoices = hub.asking.ask(row, "setting_choices", field=name)
    return choices


def health(hub: Hub, scope: Scope, reference: str) -> Health:
    """How the connection stands. Raises NotFound."""
    with hub.database.read():
        row = connection_named(scope, reference)
        counted = deliveries.counts(scope)
        return Health(
            connection=row,
            counts={state: count for place, state, count in counted if place == row.id},
            oldest_due=deliveries.oldest_due(scope, row.id),
            webhook_url=webhook_url(hub, row),
        )


def check(hub: Hub, scope: Scope, reference: str) -> Health:
    """Try the connection at the provider now, with nothing remembered of it.

    A success lets go on what was paused by it, and what waited for the provider or for settings,
    which may name what stands there again. Raises NotFound, Conflict (`not_connected`,
    `not_offered`) and the provider's problems.
    """
    row, provider = _reachable(hub, scope, reference)
    need(provider, Capability.CHECK_CONNECTION)
    with hub.database.write():
        memories.forget(scope, row.id)
    with provider_problems():
        warnings = _ask_check(hub, row)
    with hub.database.write():
        connections.set_checked(scope, row.id, warnings, hub.now())
        pauses.resume(scope, row.id, *ON_RECONNECT)
        outbox.outdate_plans(scope, row.id, hub.now())
        for cause in ("provider", "settings"):
            outbox.wake_blocked(scope, row.id, on=cause, now=hub.now())
        wake(hub, [row.id])
    return health(hub, scope, row.id)


def pause(hub: Hub, scope: Scope, reference: str, reason: str = "") -> ConnectionRow:
    """Stop sending over this connection until `resume`.

    Raises NotFound, Invalid, Conflict (`not_connected`).
    """
    checks = Checks()
    checks.text("reason", reason, most=500)
    checks.done()
    row, _ = _reachable(hub, scope, reference)
    with hub.database.write():
        pauses.pause(scope, row.id, "operator", reason or "paused by a person", hub.now())
    return get_connection(hub, scope, row.id)


def resume(hub: Hub, scope: Scope, reference: str) -> ConnectionRow:
    """Take a person's pause back; pauses for other reasons stay. Raises NotFound."""
    row = get_connection(hub, scope, reference)
    with hub.database.write():
        if pauses.resume(scope, row.id, "operator"):
            wake(hub, [row.id])
    return get_connection(hub, scope, row.id)


def _ask_check(hub: Hub, row: ConnectionRow) -> list[str]:
    try:
        return list(hub.asking.ask(row, "check_connection"))
    except NeedsOperator as error:
        if error.scope == "connection":
            with hub.database.write():
                pauses.pause(row.scope, row.id, "provider", error.message, hub.now())
        raise


def _reachable(hub: Hub, scope: Scope, reference: str) -> tuple[ConnectionRow, Provider]:
    row = get_connection(hub, scope, reference)
    provider = provider_named(hub, row.provider)
    if not row.connected:
        raise not_connected(provider)
    return row, provider


def _settings_view(hub: Hub, row: ConnectionRow) -> SettingsView:
    provider = provider_named(hub, row.provider)
    values, fields = provider.settings_for(row.settings), form_fields(provider.settings)
    return SettingsView(values, fields, row.push_earlier, row.push_since)
