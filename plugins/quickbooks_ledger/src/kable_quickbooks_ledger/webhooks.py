"""Intuit's webhooks: verified on their raw bytes, taken apart, and worked by reading afresh."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from kable_hub import (
    Connection,
    Effect,
    Environment,
    Event,
    ProviderError,
    Rejected,
    WebhookRequest,
    canonical,
)
from kable_quickbooks_ledger import changes, faults
from kable_quickbooks_ledger.client import Client, Row

PASSED_OVER = frozenset({"create", "created", "emailed"})
"""What concerns nothing that was pushed; our own creations would cost a read each."""


def receive(
    request: WebhookRequest, app: Mapping[str, str], connection: Connection | None
) -> list[Event]:
    """The events about invoices and customers. Raises Rejected `bad_signature`.

    Intuit does not say whether a company is a sandbox: whose verifier token fits does.
    """
    _verify(request, app.get("verifier_token", ""))
    environment = connection.environment if connection else request.environment
    if environment is None:
        return []
    body = _parsed(request.body)
    rows = _cloud_events(body) if isinstance(body, list) else _notifications(body)
    return [
        _event(row, environment)
        for row in rows
        if row["entity"] in changes.ENTITIES and row["operation"] not in PASSED_OVER
    ]


def work(connection: Connection, event: Event) -> list[Effect]:
    """What the document or customer of the event looks like now, as effects."""
    entity, row_id = event.payload["entity"], event.payload["id"]
    row = _read(Client.of(connection), entity, row_id)
    return changes.effects(entity, row, connection.now(), event.payload.get("into", ""))


def _verify(request: WebhookRequest, token: str) -> None:
    digest = hmac.new(token.encode(), request.body, hashlib.sha256).digest()
    given = request.headers.get("intuit-signature", "").encode()
    if not token or not hmac.compare_digest(base64.b64encode(digest), given):
        raise Rejected("The signature does not match.", code="bad_signature")


def _parsed(body: bytes) -> Any:
    try:
        return canonical.loads(body)
    except ValueError:
        raise Rejected("The body is no JSON.", code="bad_body") from None


def _cloud_events(body: list[Any]) -> Iterator[dict[str, str]]:
    for one in (row for row in body if isinstance(row, Mapping)):
        _, entity, operation, *_ = f"{one.get('type', '')}...".split(".")
        yield {
            "event": str(one.get("id", "")),
            "realm": str(one.get("intuitaccountid", "")),
            "entity": entity.capitalize(),
            "id": str(one.get("intuitentityid", "")),
            "operation": operation,
            "gone": _gone(one.get("data")),
        }


def _notifications(body: Any) -> Iterator[dict[str, str]]:
    """The older shape, which has no ids of its own: a repeat is known by its content."""
    body = body if isinstance(body, Mapping) else {}
    for notice in body.get("eventNotifications") or []:
        for one in notice.get("dataChangeEvent", {}).get("entities") or []:
            yield {
                "event": canonical.digest([notice.get("realmId"), one]),
                "realm": str(notice.get("realmId", "")),
                "entity": str(one.get("name", "")),
                "id": str(one.get("id", "")),
                "operation": str(one.get("operation", "")).lower(),
                "gone": _gone(one),
            }


def _gone(data: Any) -> str:
    """The id that no longer stands after a merge; the event's own id is the one that stays."""
    told = data if isinstance(data, Mapping) else {}
    return str(told.get("deletedid") or told.get("deletedId") or "")


def _event(row: Mapping[str, str], environment: Environment) -> Event:
    about = row["gone"] or row["id"]
    into = {"into": row["id"]} if row["gone"] else {}
    return Event(
        id=row["event"],
        type=f"{row['entity'].lower()}.{row['operation']}",
        external_id=row["realm"],
        environment=environment,
        payload={"entity": row["entity"], "id": about, **into},
        document=about if row["entity"] == "Invoice" else "",
        customer=about if row["entity"] == "Customer" else "",
    )


def _read(client: Client, entity: str, row_id: str) -> Row:
    try:
        body = client.read("changes.read", f"{entity.lower()}/{row_id}")
    except ProviderError as error:
        if error.provider_code in (faults.INACTIVE, faults.BAD_REFERENCE):
            return {"Id": row_id, "status": "Deleted"}
        raise
    return dict(body.get(entity) or {})
