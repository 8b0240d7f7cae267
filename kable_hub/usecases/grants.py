"""What a provider agreed to, stored: law 8 of the contract."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kable_hub.dialogue import Credentials, Grant
from kable_hub.domain import Environment, SettingChoices
from kable_hub.errors import ProviderError
from kable_hub.provider import Capability, Provider
from kable_hub.store import accounts, connections, deliveries, links, memories, outbox
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.credentials import save_credentials
from kable_hub.store.ids import new_id
from kable_hub.store.pauses import PauseReason
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import Conflict, Forbidden, PaymentRequired
from kable_hub.usecases.forms import form_fields, load
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.waking import wake

ON_RECONNECT: tuple[PauseReason, ...] = ("reconnect", "provider")
"""The pauses that a new grant ends."""

RETRY_SECONDS = 120

Rows = tuple[ConnectionRow, ...]


@dataclass(frozen=True)
class Asked:
    """Who wanted to connect what. `by_person`: a signed-in person, who may connect live.

    `renews`: nobody's key stands behind it, so it may only renew the standing connection of the
    account that is granted: the one with this id, or whichever that is where it is empty.
    """

    scope: Scope
    provider: Provider
    method: str
    by_person: bool
    renews: str | None = None


def save_grant(
    hub: Hub, asked: Asked, grant: Grant, also: Callable[[Rows], None] | None = None
) -> Rows:
    """Make or renew one connection for each environment of the grant, in one transaction.

    `also` runs with the rows inside it. Raises PaymentRequired, Forbidden
    (`live_key_required`), Conflict (`environment_missing`, `different_account`,
    `held_by_another_account`).
    """
    if asked.renews is None:
        _refuse_environments(asked, grant)
    with hub.database.write():
        if asked.renews is not None:
            asked, grant = _narrowed(asked, grant)
        require_paid(asked.scope)
        saved = [_save(hub, asked, grant, one) for one in sorted(grant.environments)]
        rows = tuple(row for row, _ in saved)
        if also is not None:
            also(rows)
        wake(hub, [row.id for row in rows])
    for row, is_new in saved:
        if is_new:
            _choose_first_settings(hub, asked.provider, row)
    return rows


def require_paid(scope: Scope) -> None:
    """Raise PaymentRequired (`paid_plan_required`) on plan free; joins the caller's read."""
    account = accounts.get(scope.account_id)
    if account is None or account.plan != "paid":
        detail = "Connecting a provider needs the plan paid."
        raise PaymentRequired("paid_plan_required", detail)


def in_use(scope: Scope, connection_id: str) -> bool:
    """Whether links or deliveries depend on the account at the provider."""
    return links.any_at(scope, connection_id) or deliveries.any_at(scope, connection_id)


def standing_sibling(row: ConnectionRow) -> ConnectionRow | None:
    """The live connection on the same shared grant as this one of test, where it stands."""
    if not row.shared or row.scope.environment is Environment.LIVE:
        return None
    live = connections.by_provider(Scope(row.scope.account_id, Environment.LIVE), row.provider)
    return live if live and live.shared and _same(live, row.external_id) else None


def _same(row: ConnectionRow | None, external_id: str) -> bool:
    return row is not None and row.connected and row.external_id == external_id


def _narrowed(asked: Asked, grant: Grant) -> tuple[Asked, Grant]:
    """A renewal, turned to whoever holds the granted account, and to what stands there.

    One in test leaves live alone. Raises Conflict (`different_account`), without a word of
    whose connection it would have been.
    """
    slug, wanted = asked.provider.slug, asked.scope.environment
    held = connections.holders(slug, wanted, grant.external_id)
    meant = [one for one in held if asked.renews in ("", one.id)]
    if len(meant) != 1 or wanted not in grant.environments:
        detail = (
            f"This is not the account at {asked.provider.title} that is connected here; "
            "nothing was changed."
        )
        raise Conflict("different_account", detail)
    account = meant[0].scope.account_id
    kept = {wanted: grant.environments[wanted]}
    if wanted is Environment.LIVE and (test := grant.environments.get(Environment.TEST)):
        row = connections.by_provider(Scope(account, Environment.TEST), slug)
        if row and row.shared and _same(row, grant.external_id):
            kept[Environment.TEST] = test
    scope = Scope(account, wanted)
    return replace(asked, scope=scope), replace(grant, environments=kept)


def _refuse_environments(asked: Asked, grant: Grant) -> None:
    wanted, title = asked.scope.environment, asked.provider.title
    if wanted not in grant.environments:
        served = ", ".join(sorted(grant.environments)) or "none"
        detail = f"{title} granted access to {served}, not to {wanted}."
        raise Conflict("environment_missing", detail)
    live = Environment.LIVE in grant.environments
    if live and wanted is not Environment.LIVE and not asked.by_person:
        detail = f"This access to {title} reaches live too: connect with a live key."
        raise Forbidden("live_key_required", detail)


def _save(
    hub: Hub, asked: Asked, grant: Grant, environment: Environment
) -> tuple[ConnectionRow, bool]:
    scope = Scope(asked.scope.account_id, environment)
    _refuse_held(asked, grant, scope)
    row = connections.by_provider(scope, asked.provider.slug, lock=True)
    if asked.renews is not None and not _same(row, grant.external_id):
        raise Conflict("different_account", "The connection was ended or changed meanwhile.")
    is_new = row is None and connections.add(fresh := _fresh(hub, asked, grant, scope))
    if is_new:
        row = fresh
    else:
        found = row or connections.by_provider(scope, asked.provider.slug, lock=True)
        assert found is not None
        row = _renew(hub, asked, grant, found)
    _keep_secrets(hub, row, grant.environments[environment])
    return row, is_new


def _refuse_held(asked: Asked, grant: Grant, scope: Scope) -> None:
    held = connections.holders(asked.provider.slug, scope.environment, grant.external_id)
    if any(one.scope.account_id != scope.account_id for one in held):
        detail = f"This account at {asked.provider.title} is connected to someone else here."
        raise Conflict("held_by_another_account", detail)


def _fresh(hub: Hub, asked: Asked, grant: Grant, scope: Scope) -> ConnectionRow:
    settings, _ = load(asked.provider.settings, {}, "settings", partial=True)
    return ConnectionRow(
        id=new_id("con"),
        scope=scope,
        provider=asked.provider.slug,
        kind=asked.provider.kind.value,
        state="active",
        external_id=grant.external_id,
        title=grant.title,
        app_id=grant.app_id,
        method=asked.method,
        shared=grant.shared,
        push_earlier="all",
        push_since=None,
        created_at=hub.now(),
        connected_at=hub.now(),
        checked_at=None,
        settings=settings,
        webhook_token=secrets.token_urlsafe(24),
    )


def _renew(hub: Hub, asked: Asked, grant: Grant, row: ConnectionRow) -> ConnectionRow:
    same = row.external_id == grant.external_id
    if not same and in_use(row.scope, row.id):
        detail = (
            f"This connection belongs to {row.title or row.external_id} at "
            f"{asked.provider.title}; links or deliveries depend on it."
        )
        raise Conflict("different_account", detail, extras={"expected": row.external_id})
    pauses = {name: text for name, text in row.pauses.items() if name not in ON_RECONNECT}
    renewed = replace(
        row,
        state="paused" if pauses else "active",
        pauses=pauses,
        external_id=grant.external_id,
        title=grant.title,
        app_id=grant.app_id,
        method=asked.method,
        shared=grant.shared,
        connected_at=hub.now(),
        poll_cursor=row.poll_cursor if same else {},
    )
    connections.reconnect(renewed)
    memories.forget(row.scope, row.id)
    outbox.wake_blocked(row.scope, row.id, on="provider", now=hub.now())
    return renewed


def _keep_secrets(hub: Hub, row: ConnectionRow, credentials: Credentials) -> None:
    save_credentials(hub.vault, row.scope, row.id, credentials, hub.now())


def _choose_first_settings(hub: Hub, provider: Provider, row: ConnectionRow) -> None:
    """Let the provider say a working default for what it knows best; as far as it answers."""
    if not provider.can(Capability.SETTING_CHOICES):
        return
    chosen: dict[str, Any] = {}
    for one in form_fields(provider.settings):
        if one.from_provider and one.type != "map" and not row.settings.get(one.name):
            chosen[one.name] = _default_choice(hub, row, one.name)
    found = {name: value for name, value in chosen.items() if value}
    if found:
        with hub.database.write():
            settings = {**row.settings, **found}
            connections.set_settings(row.scope, row.id, settings, row.push_earlier, None)


def _default_choice(hub: Hub, row: ConnectionRow, name: str) -> str:
    try:
        choices: SettingChoices = hub.asking.ask(row, "setting_choices", field=name)
    except ProviderError:
        # The connection stands; a person picks the value later, and is asked to by the drain.
        return ""
    return choices.default
