"""The end of a connection: nothing new is sent, what is in flight lands, secrets are deleted."""

import threading

from kable_hub.domain import Environment
from kable_hub.errors import ProviderError
from kable_hub.plugins import UnknownProvider
from kable_hub.provider import Capability
from kable_hub.store import connections, deliveries, memories, outbox, pauses
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.credentials import delete_credentials
from kable_hub.store.scope import Scope
from kable_hub.sync.opening import ENDED
from kable_hub.usecases.errors import Forbidden
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import connection_named

PATIENCE_SECONDS = 30.0
_LOOK_EVERY = 0.2


def disconnect(hub: Hub, scope: Scope, reference: str, *, by_person: bool = False) -> ConnectionRow:
    """End the connection: nothing more is sent, the secrets are deleted, the row stays.

    A grant shared by both environments is taken back at the provider with the last of them;
    a warning on the connection says where it still stands there. Waits up to 30 s for what is
    in flight. Twice is once. Raises NotFound, Forbidden (`live_key_required` for a grant
    shared with live).
    """
    with hub.database.read():
        row = connection_named(scope, reference)
        sharers = _sharers(row)
    if not row.connected:
        return row
    _refuse_from_test(row, sharers, by_person)
    with hub.database.write():
        pauses.pause(scope, row.id, "operator", "being disconnected", hub.now())
    _let_land(hub, row)
    warnings = [] if sharers else _take_back(hub, row)
    with hub.database.write():
        connections.end(scope, row.id, warnings)
        delete_credentials(scope, row.id)
        memories.forget(scope, row.id)
        outbox.block_connection(scope, row.id, "disconnected", ENDED, hub.now())
        return connection_named(scope, row.id)


def _sharers(row: ConnectionRow) -> list[ConnectionRow]:
    """The account's other connections that live on the same grant."""
    if not row.shared:
        return []
    scopes = [
        Scope(row.scope.account_id, one) for one in Environment if one != row.scope.environment
    ]
    others = [connections.by_provider(scope, row.provider) for scope in scopes]
    return [
        one
        for one in others
        if one and one.connected and one.shared and one.external_id == row.external_id
    ]


def _refuse_from_test(row: ConnectionRow, sharers: list[ConnectionRow], by_person: bool) -> None:
    live = any(one.scope.environment is Environment.LIVE for one in sharers)
    if live and row.scope.environment is not Environment.LIVE and not by_person:
        detail = "This access reaches live too: end it with a live key."
        raise Forbidden("live_key_required", detail)


def _let_land(hub: Hub, row: ConnectionRow) -> None:
    """Wait for what workers hold; whatever stays uncertain is kept and resumes on reconnect."""
    ends, never = hub.clock.monotonic() + PATIENCE_SECONDS, threading.Event()
    while hub.clock.monotonic() < ends:
        with hub.database.read():
            if not deliveries.in_flight(row.scope, row.id):
                return
        hub.clock.wait(never, _LOOK_EVERY)


def _take_back(hub: Hub, row: ConnectionRow) -> list[str]:
    """Revoke the grant at the provider, best effort: it ends here whatever happens there.

    Answers what a person has to know.
    """
    try:
        provider = hub.registry.provider(row.provider)
    except UnknownProvider:
        return [f"The plugin is away: take the access back at {row.provider} yourself."]
    if not provider.can(Capability.DISCONNECT):
        return []
    apps = {one: hub.settings.app_settings(provider, one).values for one in Environment}
    wish = f"take the access back at {provider.title} yourself"
    try:
        if hub.asking.ask(row, "disconnect", apps=apps):
            return []
    except ProviderError as error:
        return [f"{provider.title} could not be told ({error.code}): {wish}."]
    return [f"The hub cannot end what it was given: {wish}."]
