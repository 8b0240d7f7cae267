"""Endpoints: addresses of the account's own software that are told what happens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kable_hub.domain import Environment
from kable_hub.store import endpoints, messages, notices
from kable_hub.store.endpoints import EndpointRow
from kable_hub.store.ids import new_id
from kable_hub.store.messages import MessageRow
from kable_hub.store.notices import EVENT_TYPES
from kable_hub.store.scope import Page, Scope
from kable_hub.sync import reach, signing
from kable_hub.usecases.addresses import address_fault
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import Conflict, NotFound
from kable_hub.usecases.hub import Hub

__all__ = ["EVENT_TYPES", "EndpointRow", "MessageRow", "NewEndpoint"]

MOST = 16
"""Endpoints of an account in one environment."""
OLD_SECRET_MS = 24 * 3_600_000
"""So long the secret before the last rotation signs too."""


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint and its fresh `secret`: shown this once."""

    endpoint: EndpointRow
    secret: str = field(repr=False)


def add_endpoint(
    hub: Hub, scope: Scope, url: str, description: str = "", event_types: Sequence[str] = ()
) -> NewEndpoint:
    """Have an address told; no `event_types` mean all. Raises Invalid, Conflict
    (`too_many_endpoints`).
    """
    _check(hub, scope, url=url, description=description, event_types=event_types)
    endpoint_id, secret, now = new_id("end"), signing.new_secret(), hub.now()
    row = EndpointRow(
        id=endpoint_id,
        url=url,
        description=description,
        event_types=_in_order(event_types),
        enabled=True,
        disabled_reason="",
        created_at=now,
        updated_at=now,
        secret=hub.vault.seal(endpoint_id, secret),
    )
    with hub.database.write():
        if len(endpoints.listed(scope)) >= MOST:
            said = f"There are {MOST} endpoints already; remove one first."
            raise Conflict("too_many_endpoints", said)
        endpoints.add(scope, row)
    return NewEndpoint(row, secret)


def list_endpoints(hub: Hub, scope: Scope) -> list[EndpointRow]:
    """All endpoints, oldest first."""
    with hub.database.read():
        return endpoints.listed(scope)


def get_endpoint(hub: Hub, scope: Scope, endpoint_id: str) -> EndpointRow:
    """One endpoint. Raises NotFound."""
    with hub.database.read():
        return _found(scope, endpoint_id)


def change_endpoint(
    hub: Hub,
    scope: Scope,
    endpoint_id: str,
    *,
    url: str | None = None,
    description: str | None = None,
    event_types: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> EndpointRow:
    """Change an endpoint; None leaves a value as it is.

    One that is enabled again starts afresh, and is sent what still waits. Raises Invalid,
    NotFound.
    """
    _check(hub, scope, url=url, description=description, event_types=event_types)
    given = {"url": url, "description": description, "enabled": enabled}
    values: dict[str, Any] = {name: one for name, one in given.items() if one is not None}
    if event_types is not None:
        values["event_types"] = list(_in_order(event_types))
    if enabled is not None:
        values |= {"disabled_reason": "", "failures": 0, "failing_since": None, "paused_until": 0}
    with hub.database.write():
        if not endpoints.change(scope, endpoint_id, values, hub.now()):
            raise NotFound("endpoint", endpoint_id)
        return _found(scope, endpoint_id)


def remove_endpoint(hub: Hub, scope: Scope, endpoint_id: str) -> None:
    """Tell an endpoint nothing more, and forget what it was sent. Raises NotFound."""
    with hub.database.write():
        if not endpoints.remove(scope, endpoint_id):
            raise NotFound("endpoint", endpoint_id)


def rotate_secret(hub: Hub, scope: Scope, endpoint_id: str) -> NewEndpoint:
    """Make a new secret; for 24 hours the present one signs too. Raises NotFound."""
    secret, now = signing.new_secret(), hub.now()
    with hub.database.write():
        row = _found(scope, endpoint_id)
        values = {
            "secret": hub.vault.seal(endpoint_id, secret),
            "old_secret": row.secret,
            "old_secret_until": now + OLD_SECRET_MS,
        }
        endpoints.change(scope, endpoint_id, values, now)
        return NewEndpoint(_found(scope, endpoint_id), secret)


def send_test(hub: Hub, scope: Scope, endpoint_id: str) -> MessageRow:
    """Put a test event on its way to one endpoint. Raises NotFound, Conflict
    (`endpoint_disabled`).
    """
    with hub.database.write():
        row = _enabled(scope, endpoint_id)
        told = {"endpoint": {"id": row.id, "url": row.url, "description": row.description}}
        sent = notices.write(scope, notices.TEST, told, [row.id], hub.now())
        return _message(scope, endpoint_id, sent[0])


def list_messages(
    hub: Hub, scope: Scope, endpoint_id: str, cursor: str = "", limit: int = 50
) -> Page[MessageRow]:
    """What was sent to an endpoint in the last 30 days, newest first. Raises NotFound."""
    with hub.database.read():
        _found(scope, endpoint_id)
        return messages.listed(scope, endpoint_id, cursor, limit)


def get_message(hub: Hub, scope: Scope, endpoint_id: str, message_id: str) -> MessageRow:
    """One message with its text and its tries. Raises NotFound."""
    with hub.database.read():
        _found(scope, endpoint_id)
        return _message(scope, endpoint_id, message_id)


def resend(hub: Hub, scope: Scope, endpoint_id: str, message_id: str) -> MessageRow:
    """Send a message again at once, under the same event id and with the same text.

    Raises NotFound, Conflict (`endpoint_disabled`).
    """
    with hub.database.write():
        _enabled(scope, endpoint_id)
        _message(scope, endpoint_id, message_id)
        messages.resend(scope, message_id, hub.now())
        return _message(scope, endpoint_id, message_id)


def _found(scope: Scope, endpoint_id: str) -> EndpointRow:
    row = endpoints.get(scope, endpoint_id)
    if row is None:
        raise NotFound("endpoint", endpoint_id)
    return row


def _enabled(scope: Scope, endpoint_id: str) -> EndpointRow:
    row = _found(scope, endpoint_id)
    if not row.enabled:
        raise Conflict("endpoint_disabled", "The endpoint is disabled; enable it first.")
    return row


def _message(scope: Scope, endpoint_id: str, message_id: str) -> MessageRow:
    row = messages.get(scope, endpoint_id, message_id)
    if row is None:
        raise NotFound("message", message_id)
    return row


def _check(
    hub: Hub,
    scope: Scope,
    *,
    url: str | None,
    description: str | None,
    event_types: Sequence[str] | None,
) -> None:
    checks = Checks()
    if url is not None:
        _check_url(hub, scope, checks, url)
    checks.text("description", description or "", most=200)
    for place, one in enumerate(event_types or ()):
        checks.one_of(f"eventTypes.{place}", one, EVENT_TYPES)
    checks.done()


def _check_url(hub: Hub, scope: Scope, checks: Checks, url: str) -> None:
    """https, but in test and on this machine; nowhere in a private network unless allowed."""
    local = hub.settings.private_webhooks and reach.is_loopback(_host(url))
    fault = address_fault(url, Environment.TEST if local else scope.environment)
    if fault is not None:
        checks.fault("url", *fault)
    elif not hub.settings.private_webhooks and (said := reach.name_fault(_host(url))):
        allow = "The operator of this hub can allow it (KABLE_PRIVATE_WEBHOOKS)."
        checks.fault("url", "private_address", f"{said} {allow}")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _in_order(event_types: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in EVENT_TYPES if one in event_types)
