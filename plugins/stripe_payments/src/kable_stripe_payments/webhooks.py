"""Webhooks: prove that Stripe sent it, take it apart, and later read the state afresh.

Both kinds of event are understood: snapshots (`invoice.paid`) and thin ones (`v1.invoice.paid`).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import simplejson

from kable_hub import (
    Connection,
    ConnectionRevoked,
    CustomerGone,
    CustomerReady,
    DocumentChanged,
    Effect,
    Environment,
    Event,
    PageChanged,
    PaymentChanged,
    ReconnectRequired,
    Rejected,
    WebhookRequest,
)
from kable_stripe_payments import checkout, client, customers, mapping, paying, status
from kable_stripe_payments.declaration import EVENTS

TOLERANCE = 300
"""Seconds a signature's timestamp may be off, either way."""


def receive(
    request: WebhookRequest, app: Mapping[str, str], connection: Connection | None
) -> list[Event]:
    """Verify the raw bytes and make the event of them. Raises Rejected `bad_signature`."""
    names = ("connect_webhook_secret", "webhook_secret")
    secrets = [app[name] for name in names if app.get(name)]
    if connection is not None and connection.credentials.get("webhook_secret"):
        secrets = [connection.credentials["webhook_secret"]]
    _verify(request, secrets)
    try:
        body = simplejson.loads(request.body)
    except ValueError:
        raise Rejected("The signed body is not JSON.", code="bad_body") from None
    event = _event(_map(body), connection)
    return [event] if event else []


def _verify(request: WebhookRequest, secrets: Iterable[str]) -> None:
    parts = [part.partition("=") for part in request.headers.get("stripe-signature", "").split(",")]
    stamp = next((value for name, _, value in parts if name == "t"), "")
    given = [value for name, _, value in parts if name == "v1"]
    fresh = stamp.isascii() and stamp.isdigit() and len(stamp) < 13
    if not fresh or abs(request.now.timestamp() - int(stamp)) > TOLERANCE:
        raise Rejected("The signature is missing or too old.", code="bad_signature")
    signed = stamp.encode() + b"." + request.body
    for secret in secrets:
        right = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(right, one.encode()) for one in given):
            return
    raise Rejected("The signature is not Stripe's.", code="bad_signature")


def _event(body: Mapping[str, Any], connection: Connection | None) -> Event | None:
    """None for what concerns nobody here. Raises Rejected where it has not an event's shape."""
    kind = _text(body.get("type")).removeprefix("v1.")
    account = _text(body.get("account")) or _text(body.get("context"))
    if not account and connection is not None:
        account = connection.external_id
    about = _map(body.get("related_object")) or _map(_map(body.get("data")).get("object"))
    id = _text(body.get("id"))
    if not account or not id or kind not in _WORK:
        return None
    return Event(
        id=id,
        type=kind,
        external_id=account,
        environment=Environment.LIVE if body.get("livemode") else Environment.TEST,
        payload={"object": _text(about.get("id"))},
    )


def _map(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping | None):
        raise Rejected("The signed body is not an event.", code="bad_body")
    return value or {}


def _text(value: Any) -> str:
    if not isinstance(value, str | None):
        raise Rejected("The signed body is not an event.", code="bad_body")
    return value or ""


def work(connection: Connection, event: Event) -> list[Effect]:
    """The effects of a stored event, from what Stripe says now."""
    handle = _WORK.get(event.type)
    return handle(connection, event) if handle else []


def _invoice(connection: Connection, event: Event) -> list[Effect]:
    as_of = connection.now()
    try:
        invoice = paying.read(connection, event.payload["object"])
    except Rejected as error:
        if error.http_status != 404:
            raise
        return [DocumentChanged(event.payload["object"], "deleted", as_of)]
    stands = status.payment_status(invoice, as_of)
    if mapping.MARKER not in invoice["metadata"] or stands is None:
        return []
    code, message = status.told(invoice)
    url = invoice.get("hosted_invoice_url") or ""
    changed: list[Effect] = [PaymentChanged(invoice["id"], stands, as_of, code, message, url)]
    if event.type == "invoice.voided" and invoice["status"] == "void":
        changed.append(DocumentChanged(invoice["id"], "voided", as_of))
    return changed


def _session(connection: Connection, event: Event) -> list[Effect]:
    path = f"/v1/checkout/sessions/{event.payload['object']}"
    session = client.of(connection).get("checkout.get", path)
    page = checkout.page_of(connection, session["metadata"])
    if not page or session.get("mode") != "setup":
        return []
    if session.get("status") == "expired":
        return [PageChanged(page, "expired")]
    intent = session.get("setup_intent")
    if not intent or session.get("status") != "complete":
        return []
    return _adopt_method(connection, intent, session["customer"])


def _setup_intent(connection: Connection, event: Event) -> list[Effect]:
    return _adopt_method(connection, event.payload["object"])


def _adopt_method(connection: Connection, intent_id: str, customer: str = "") -> list[Effect]:
    """Make what the customer left on our page the default; another platform's page is not ours."""
    path = f"/v1/setup_intents/{intent_id}"
    intent = client.of(connection).get("setup_intents.get", path)
    page = checkout.page_of(connection, intent["metadata"])
    owner = intent.get("customer")
    saved = intent.get("status") == "succeeded" and intent.get("payment_method")
    if not page or not owner or not saved or customer not in ("", owner):
        return []
    if not customers.make_default(connection, owner, intent):
        return [CustomerGone(owner, "The customer was deleted at Stripe.")]
    return [CustomerReady(owner), PageChanged(page, "completed")]


def _customer(connection: Connection, event: Event) -> list[Effect]:
    reference = event.payload["object"]
    customer = customers.read(connection, reference)
    if customer is None:
        return [CustomerGone(reference, "The customer was deleted at Stripe.")]
    if mapping.is_ready(customer, connection.settings):
        return [CustomerReady(reference)]
    # A customer may be billed otherwise than its connection, which an event does not know.
    reached = any(mapping.is_ready(customer, {"collection_method": one}) for one in mapping.WAYS)
    return [CustomerReady(reference, certain=False)] if reached else []


def _revoked(connection: Connection, _event: Event) -> list[Effect]:
    """The event may be older than a new grant: ask, rather than believe it."""
    try:
        client.of(connection).get("account.get", "/v1/account")
    except ReconnectRequired as error:
        return [ConnectionRevoked(error.message)]
    return []


_WORK: dict[str, Callable[[Connection, Event], list[Effect]]] = {
    **{kind: _invoice for kind in EVENTS if kind.startswith("invoice.")},
    "checkout.session.completed": _session,
    "checkout.session.expired": _session,
    "setup_intent.succeeded": _setup_intent,
    "customer.updated": _customer,
    "customer.deleted": _customer,
    "account.application.deauthorized": _revoked,
}
