"""What a customer does otherwise than its connection: settings of its own, kept on the link."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kable_hub.domain import CustomerLink
from kable_hub.provider import Provider
from kable_hub.store import links, outbox
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.links import LinkRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.forms import FormField, form_fields, load
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_writing import to_domain
from kable_hub.usecases.lookup import connected, customer_named, provider_named
from kable_hub.usecases.waking import wake

CAUSES = ("settings", "customer")
"""What may have waited for other settings: whom a delivery needs may depend on them."""


@dataclass(frozen=True)
class LinkSettings:
    """A customer's own `values`, what holds in the end (`effective`), what may be set, and what
    holds for everybody (`general`)."""

    values: Mapping[str, Any]
    effective: Mapping[str, Any]
    fields: tuple[FormField, ...]
    general: Mapping[str, Any]


def as_link(
    provider: Provider, connection: ConnectionRow, customer: CustomerRow, link: LinkRow
) -> CustomerLink:
    """The link as plugins see it, with the settings that hold for the customer."""
    return CustomerLink(
        customer=to_domain(customer),
        reference=link.reference,
        parts=link.parts,
        currency=link.currency,
        settings=provider.settings_for(connection.settings, link.settings),
    )


def get_link_settings(hub: Hub, scope: Scope, customer: str, slug: str) -> LinkSettings:
    """A customer's settings at a provider. Raises NotFound, Conflict (`not_connected`)."""
    with hub.database.read():
        provider, connection = provider_named(hub, slug), connected(hub, scope, slug)
        link = _link(scope, connection, customer_named(scope, customer), slug)
        return _view(provider, connection, link.settings)


def put_link_settings(
    hub: Hub, scope: Scope, customer: str, slug: str, values: Mapping[str, Any]
) -> LinkSettings:
    """Replace a customer's own settings at a provider; null and absent mean the connection's.

    What is not sent yet is planned anew with them, and what waited for settings or for the
    customer goes on. Raises NotFound, Invalid (every value by name), Conflict (`not_connected`).
    """
    provider = provider_named(hub, slug)
    with hub.database.write():
        row = customer_named(scope, customer, lock="FOR UPDATE")
        connection = connected(hub, scope, slug, lock=True)
        _link(scope, connection, row, slug)
        own = _checked(provider, connection, values)
        links.set_settings(scope, connection.id, row.id, own, hub.now())
        outbox.relink(scope, connection.id, row.id, hub.now(), removes=CAUSES)
        wake(hub, [connection.id])
        return _view(provider, connection, own)


def _checked(
    provider: Provider, connection: ConnectionRow, values: Mapping[str, Any]
) -> dict[str, Any]:
    checks, allowed = Checks(), provider.per_customer()
    declared = {one.name for one in form_fields(provider.settings)}
    for name in values:
        if name not in declared:
            checks.fault(f"settings.{name}", "invalid", "There is no such setting.")
        elif name not in allowed:
            said = "This is set for the whole connection, not for a single customer."
            checks.fault(f"settings.{name}", "not_per_customer", said)
    checks.done()
    given = {name: value for name, value in values.items() if value is not None}
    standing = {name: one for name, one in connection.settings.items() if name in declared}
    stored, faults = load(provider.settings, {**standing, **given}, "settings", partial=True)
    checks.errors += faults
    checks.done()
    return {name: stored[name] for name in given}


def _link(scope: Scope, connection: ConnectionRow, customer: CustomerRow, slug: str) -> LinkRow:
    link = links.get(scope, connection.id, customer.id)
    if link is None:
        raise NotFound("link to", slug)
    return link


def _view(provider: Provider, connection: ConnectionRow, own: Mapping[str, Any]) -> LinkSettings:
    offered = tuple(one for one in form_fields(provider.settings) if one.per_customer)
    general = provider.settings_for(connection.settings)
    return LinkSettings(own, provider.settings_for(connection.settings, own), offered, general)
