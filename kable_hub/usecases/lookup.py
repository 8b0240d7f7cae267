"""What a request names, found or refused: a customer, a provider, a connection."""

from kable_hub.plugins import UnknownProvider
from kable_hub.provider import Capability, Provider
from kable_hub.store import connections, customers
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import Conflict, NotFound
from kable_hub.usecases.hub import Hub


def customer_named(scope: Scope, reference: str, *, lock: str = "") -> CustomerRow:
    """The customer with this hub id, else with this client id. Raises NotFound."""
    row = customers.find(scope, reference, lock=lock)
    if row is None:
        raise NotFound("customer", reference)
    return row


def provider_named(hub: Hub, slug: str) -> Provider:
    """The provider with this slug. Raises NotFound."""
    try:
        return hub.registry.provider(slug)
    except UnknownProvider:
        raise NotFound("provider", slug) from None


def provider_if_there(hub: Hub, slug: str) -> Provider | None:
    """The provider with this slug, None where its plugin is away."""
    try:
        return hub.registry.provider(slug)
    except UnknownProvider:
        return None


def connected(hub: Hub, scope: Scope, slug: str, *, lock: bool = False) -> ConnectionRow:
    """The connection to a provider. Raises NotFound, Conflict (`not_connected`)."""
    provider = provider_named(hub, slug)
    row = connections.by_provider(scope, slug, lock=lock)
    if row is None or not row.connected:
        raise not_connected(provider)
    return row


def not_connected(provider: Provider) -> Conflict:
    """The refusal where an account has no access to a provider."""
    detail = f"{provider.title} is not connected in this environment."
    return Conflict("not_connected", detail)


def need(provider: Provider, capability: Capability) -> None:
    """Raise Conflict (`not_offered`) where the provider does not have this ability."""
    if not provider.can(capability):
        detail = f"{provider.title} does not offer this: {capability.replace('_', ' ')}."
        raise Conflict("not_offered", detail)


def connection_named(scope: Scope, reference: str) -> ConnectionRow:
    """The connection with this id, else of this provider. Raises NotFound."""
    row = connections.get(scope, reference) or connections.by_provider(scope, reference)
    if row is None:
        raise NotFound("connection", reference)
    return row
