"""The simulated webhooks: every event is kept, signed, and sent where somebody listens."""

import hashlib
import hmac
import json
import threading
from typing import TYPE_CHECKING

import requests
import stripe

from kable_stripe_payments.simulator.state import Ledger, Object, new_id

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator


def event(ledger: Ledger, kind: str, about: Object) -> Object:
    """A snapshot event of a connected account."""
    public = {name: value for name, value in about.items() if not name.startswith("_")}
    return {
        "id": new_id("evt"),
        "object": "event",
        "type": kind,
        "account": ledger.account,
        "api_version": stripe.api_version,
        "created": ledger.now(),
        "livemode": ledger.live,
        "data": {"object": public},
    }


def thin(ledger: Ledger, kind: str, about: Object) -> Object:
    """The same fact as a thin event: no snapshot, only what it is about."""
    return {
        "id": new_id("evt"),
        "object": "v2.core.event",
        "type": f"v1.{kind}",
        "context": ledger.account,
        "created": ledger.now(),
        "livemode": ledger.live,
        "related_object": {"id": about["id"], "type": about["object"], "url": ""},
    }


def signature(body: bytes, secret: str, at: int) -> str:
    """The Stripe-Signature header for a body."""
    signed = str(at).encode() + b"." + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def deliver(sim: "StripeSimulator", one: Object) -> None:
    """Send an event to whoever listens, in a thread: the sender must not hold the lock."""
    if not sim.webhook_url:
        return
    body = json.dumps(one, default=str).encode()
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": sim.sign(body, one["account"], live=one["livemode"]),
    }
    threading.Thread(target=_post, args=(sim.webhook_url, body, headers), daemon=True).start()


def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(url, data=body, headers=headers, timeout=10, allow_redirects=False)
        except requests.RequestException:
            # Stripe would send it again for days; the simulator's events can be sent by hand.
            return
