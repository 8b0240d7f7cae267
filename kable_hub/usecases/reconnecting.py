"""Reconnecting without a key: a public address at which a standing connection can be renewed.

Whoever opens it proves nothing to the hub. The proof is the provider's consent: only a grant for
the very account that a standing connection belongs to is kept, and it renews that connection.
"""

from kable_hub.domain import Environment
from kable_hub.provider import Provider
from kable_hub.store import connect_attempts, connections
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.connect_dialogue import Dialogue, configured
from kable_hub.usecases.connecting import Started, begun
from kable_hub.usecases.errors import Conflict, Crowded, FieldError, Invalid
from kable_hub.usecases.grants import RETRY_SECONDS, Asked, standing_sibling
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_named
from kable_hub.usecases.tickets import fresh_secret

CROWD = 1000
"""So many dialogues that nobody's key began may be under way at once, per provider."""


def reconnect_url(hub: Hub, row: ConnectionRow) -> str:
    """The lasting address at which a person renews this connection; empty once it was ended."""
    if not row.connected:
        return ""
    return f"{reconnect_address(hub, row.provider)}?connection={row.id}"


def reconnect_address(hub: Hub, slug: str) -> str:
    """Where any standing connection to a provider is renewed: what an operator registers there."""
    return f"{hub.settings.public_url}/connect/{slug}/reconnect"


def provider_to_reconnect(hub: Hub, slug: str) -> Provider:
    """The provider whose page is asked for. Raises NotFound."""
    return provider_named(hub, slug)


def start_reconnecting(
    hub: Hub, slug: str, *, connection: str = "", environment: str = ""
) -> Started:
    """Begin a dialogue that may only renew; go on at `connect_url`.

    `connection` narrows it to one connection; one that does not stand is found out only at the
    end, so that nobody learns which do. `environment` is for an address without a connection:
    live where the provider is set up for it. Raises NotFound, Invalid, Conflict
    (`not_configured`), Crowded (`too_many_dialogues`) and the provider's problems.
    """
    provider = provider_named(hub, slug)
    asked = _asked(hub, provider, connection, environment)
    dialogue = Dialogue(hub, asked, fresh_secret())
    step = dialogue.first_step()
    with hub.database.write():
        if connect_attempts.begun_by_nobody(slug, asked.scope.environment, hub.now()) >= CROWD:
            detail = "Many are reconnecting just now: try again in some minutes."
            raise Crowded("too_many_dialogues", detail, extras={"retryAfter": RETRY_SECONDS})
        return begun(dialogue, step, "")


def _asked(hub: Hub, provider: Provider, connection: str, environment: str) -> Asked:
    if environment not in ("", *Environment):
        said = f"It is live or test, not {environment[:20]!r}."
        raise Invalid(FieldError("environment", "unknown_value", said))
    wanted = Environment(environment) if environment else _main(hub, provider)
    renews, method = connection, ""
    if connection:
        with hub.database.read():
            row = connections.by_reconnect_link(provider.slug, connection)
            row = (row and standing_sibling(row)) or row
        if row is not None:
            renews, wanted, method = row.id, row.scope.environment, row.method
    try:
        asked = configured(hub, Scope("", wanted), provider.slug, method, by_person=False)
    except Conflict:
        detail = f"{provider.title} is not set up here for {wanted}."
        raise Conflict("not_configured", detail) from None
    return Asked(asked.scope, provider, asked.method, by_person=False, renews=renews)


def _main(hub: Hub, provider: Provider) -> Environment:
    """Live where the provider is set up for it, else test."""
    method = provider.connect_methods[0].name
    live = hub.settings.app_settings(provider, Environment.LIVE, method)
    return Environment.LIVE if live.configured else Environment.TEST
