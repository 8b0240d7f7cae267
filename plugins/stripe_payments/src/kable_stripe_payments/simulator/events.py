"""The simulated events, as snapshots and thin, and the signature of a webhook."""

import hashlib
import hmac

import stripe

from kable_stripe_payments.simulator.state import Ledger, Object, new_id


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
    return as_thin(event(ledger, kind, about))


def as_thin(snapshot: Object) -> Object:
    """The fact of a snapshot event as a thin one with an id of its own."""
    about = snapshot["data"]["object"]
    return {
        "id": f"{snapshot['id']}_thin",
        "object": "v2.core.event",
        "type": f"v1.{snapshot['type']}",
        "context": snapshot["account"],
        "created": snapshot["created"],
        "livemode": snapshot["livemode"],
        "related_object": {"id": about["id"], "type": about["object"], "url": ""},
    }


def signature(body: bytes, secret: str, at: int) -> str:
    """The Stripe-Signature header for a body."""
    signed = str(at).encode() + b"." + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
