"""Incoming webhooks: verified on their raw bytes, stored once, answered; worked later."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kable_hub.domain import Environment
from kable_hub.effects import Event, WebhookRequest
from kable_hub.errors import ProviderError, Rejected
from kable_hub.provider import Capability, Provider
from kable_hub.store import connections, webhook_events
from kable_hub.store.connections import ConnectionRow
from kable_hub.usecases.errors import NotFound, Problem, problem_of
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_named


def receive(hub: Hub, slug: str, headers: Mapping[str, str], body: bytes, place: str = "") -> int:
    """Verify and store the events of a webhook; answers how many are new.

    `place` is the last part of the address: empty (each configured environment is tried),
    `live` or `test`, or the token of a connection's own address. Events of unknown accounts
    and repeated events are passed over. Raises NotFound, Problem (`bad_signature`).
    """
    provider = provider_named(hub, slug)
    if not provider.can(Capability.RECEIVE_WEBHOOK):
        raise NotFound("webhook of provider", slug)
    lowered = {name.lower(): value for name, value in headers.items()}
    request = WebhookRequest(body, lowered, hub.clock.now())
    if place in ("", *Environment):
        known = _received_by_app(hub, provider, request, place)
    else:
        known = _received_by_connection(hub, provider, request, place)
    with hub.database.write():
        return webhook_events.add(slug, known, hub.now())


def webhook_url(hub: Hub, row: ConnectionRow) -> str:
    """The connection's own address for webhooks, or empty where its provider sends none."""
    provider = provider_named(hub, row.provider)
    if not provider.can(Capability.RECEIVE_WEBHOOK) or not row.webhook_token:
        return ""
    return f"{hub.settings.public_url}/webhooks/{row.provider}/{row.webhook_token}"


def _received_by_app(
    hub: Hub, provider: Provider, request: WebhookRequest, place: str
) -> list[Event]:
    """Events that an operator's secret proves, of accounts that somebody here holds.

    A secret of test proves nothing about live.
    """
    for one in Environment:
        app = hub.settings.app_settings(provider, one)
        if place not in ("", one) or not app.configured:
            continue
        try:
            events = _ask(hub, provider, replace(request, environment=one), app.values)
        except Rejected:
            continue
        live_proven = one is Environment.LIVE
        proven = [e for e in events if live_proven or e.environment is not Environment.LIVE]
        with hub.database.read():
            return [event for event in proven if _is_held(provider, event)]
    raise _unproven(provider)


def _received_by_connection(
    hub: Hub, provider: Provider, request: WebhookRequest, token: str
) -> list[Event]:
    """Events that the connection's own secret proves; they concern this connection alone."""
    with hub.database.read():
        row = connections.by_webhook_token(provider.slug, token)
    if row is None:
        raise NotFound("webhook address", "of this connection")
    request = replace(request, environment=row.scope.environment)
    app = hub.settings.app_settings(provider, row.scope.environment).values
    try:
        events: Sequence[Event] = hub.asking.ask_offline(
            row, "receive_webhook", request=request, app=app
        )
    except Rejected:
        raise _unproven(provider) from None
    except ProviderError as error:
        raise problem_of(error) from error
    mine = (row.external_id, row.scope.environment)
    return [event for event in events if (event.external_id, event.environment) == mine]


def _ask(
    hub: Hub, provider: Provider, request: WebhookRequest, app: Mapping[str, str]
) -> list[Event]:
    try:
        events: list[Event] = hub.dispatcher.call(
            provider.slug, "receive_webhook", request=request, app=app, connection=None
        )
    except Rejected:
        raise
    except ProviderError as error:
        raise problem_of(error) from error
    return events


def _is_held(provider: Provider, event: Event) -> bool:
    return bool(connections.holders(provider.slug, event.environment, event.external_id))


def _unproven(provider: Provider) -> Problem:
    said = "No configured secret proves where this webhook comes from."
    problem = Problem("bad_signature", said)
    problem.status = provider.unproven_status
    return problem
