"""Default behaviours of an account in one environment: what holds where a request does not say.

A request that says something wins, for itself alone. What is here already stays as it is.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from kable_hub.provider import Capability, Provider
from kable_hub.store import connections, defaults
from kable_hub.store.defaults import Defaults
from kable_hub.store.scope import Scope
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_if_there

__all__ = ["Defaults", "change_defaults", "creators", "get_defaults", "places_by_default"]


def get_defaults(hub: Hub, scope: Scope) -> Defaults:
    """What holds, also where nobody ever chose."""
    with hub.database.read():
        return defaults.get(scope)


def change_defaults(
    hub: Hub,
    scope: Scope,
    auto_push: bool | None = None,
    create_at: Sequence[str] | None = None,
) -> Defaults:
    """Change what holds for what comes from now on; None leaves a value as it is.

    `create_at` names providers that can create customers; one that is not connected is passed
    over until it is. Raises Invalid.
    """
    checks = Checks()
    for place, slug in enumerate(create_at or ()):
        provider = provider_if_there(hub, slug)
        if provider is None or not provider.can(Capability.CREATE_CUSTOMER):
            said = f"{slug[:80]!r} is no provider at which customers can be created."
            checks.fault(f"createCustomersAt.{place}", "unknown_provider", said)
    checks.done()
    with hub.database.write():
        now = defaults.get(scope)
        if auto_push is not None:
            now = replace(now, auto_push=auto_push)
        if create_at is not None:
            now = replace(now, create_at=tuple(sorted(set(create_at))))
        defaults.put(scope, now)
    return now


def creators(hub: Hub) -> list[Provider]:
    """The installed providers at which customers can be created, by title."""
    found = [one for one in hub.registry.providers() if one.can(Capability.CREATE_CUSTOMER)]
    return sorted(found, key=lambda one: one.title)


def places_by_default(hub: Hub, scope: Scope, but: Collection[str]) -> list[str]:
    """Where a new customer is created unasked, `but` for these; joins the caller's read.

    Providers that are not connected are left out, and so are those whose plugin is away.
    """
    wanted = [slug for slug in defaults.get(scope).create_at if slug not in but]
    return [slug for slug in wanted if _can_create(hub, scope, slug)]


def _can_create(hub: Hub, scope: Scope, slug: str) -> bool:
    provider, row = provider_if_there(hub, slug), connections.by_provider(scope, slug)
    can = provider is not None and provider.can(Capability.CREATE_CUSTOMER)
    return can and row is not None and row.connected
