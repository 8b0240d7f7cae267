"""Signatures of outgoing webhooks as Standard Webhooks has them, by one secret or several."""

import base64
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(keys: Sequence[str], event_id: str, seconds: int, body: str) -> dict[str, str]:
    """The three headers of a message sent at `seconds`: a signature for each secret."""
    signed = f"{event_id}.{seconds}.{body}".encode()
    made = [f"v1,{_signature(key, signed)}" for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(made),
    }


def _signature(key: str, signed: bytes) -> str:
    secret = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
