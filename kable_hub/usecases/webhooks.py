"""Incoming webhooks: verified on their raw bytes, stored once, answered; worked later."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kable_hub.domain import Environment
from kable_hub.effects import Event, WebhookRequest
from kable_hub.errors import ProviderError, Rejected
from kable_hub.provider import Capability, Provider
from kable_hub.store import webhook_events
from kable_hub.store.connections import holders
from kable_hub.usecases.errors import NotFound, Problem, problem_of
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_named


def receive(
    hub: Hub,
    slug: str,
    headers: Mapping[str, str],
    body: bytes,
    environment: str = "",
) -> int:
    """Verify and store the events of a webhook; answers how many are new.

    `environment` (live, test) where the address names one, else each configured one is tried.
    Events of unknown accounts and repeated events are passed over. Raises NotFound, Problem
    (`bad_signature`).
    """
    provider = provider_named(hub, slug)
    if not provider.can(Capability.RECEIVE_WEBHOOK):
        raise NotFound("webhook of provider", slug)
    verified, events = _verify(hub, provider, headers, body, environment)
    with hub.database.write():
        known = [one for one in events if _concerns_us(slug, verified, one)]
        return webhook_events.add(slug, known, hub.now())


def _verify(
    hub: Hub, provider: Provider, headers: Mapping[str, str], body: bytes, environment: str
) -> tuple[Environment, Sequence[Event]]:
    request = WebhookRequest(
        body, {name.lower(): value for name, value in headers.items()}, hub.clock.now()
    )
    for one in Environment:
        app = hub.settings.app_settings(provider, one)
        if environment not in ("", one) or not app.configured:
            continue
        try:
            return one, _ask(hub, provider, replace(request, environment=one), app.values)
        except Rejected:
            continue
    raise Problem("bad_signature", "No configured secret proves where this webhook comes from.")


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


def _concerns_us(slug: str, verified: Environment, event: Event) -> bool:
    """Whether somebody here holds the account. A secret of test proves nothing about live."""
    if event.environment is Environment.LIVE and verified is not Environment.LIVE:
        return False
    return bool(holders(slug, event.environment, event.external_id))
