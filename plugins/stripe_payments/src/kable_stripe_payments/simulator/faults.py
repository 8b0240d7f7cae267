"""What goes wrong at Stripe, ready to be given to `StripeSimulator.fault`.

`where` are further fields of `Fault`: which requests are meant (`path`, `method`, `skip`,
`times`), and with `stage="after"` that what they ask for is done all the same.
"""

import json
from typing import Any

from kable_hub.testing import Fault


def lost_before(**where: Any) -> Fault:
    """The connection is cut and nothing was done."""
    return Fault(reset=True, **where)


def lost_after(**where: Any) -> Fault:
    """It was done, and the connection is cut before the answer."""
    return Fault(reset=True, stage="after", **where)


def rate_limited(reason: str = "", retry_after: str = "", **where: Any) -> Fault:
    """429 of Stripe's limiter; `reason` as in `endpoint-rate`, empty leaves the headers out."""
    headers = {"Stripe-Rate-Limited-Reason": reason, "Retry-After": retry_after}
    return _error(429, "rate_limit", "Request rate limit exceeded.", headers, **where)


def lock_timeout(**where: Any) -> Fault:
    """429 because somebody else holds the object."""
    return _error(429, "lock_timeout", "This object cannot be accessed right now.", {}, **where)


def key_in_use(**where: Any) -> Fault:
    """409: another request with the same key is under way."""
    return _error(409, "idempotency_key_in_use", "The key is in use.", {}, **where)


def server_error(status: int = 500, should_retry: str = "", **where: Any) -> Fault:
    """An error of Stripe's own; `should_retry` is `true`, `false` or not said."""
    headers = {"Stripe-Should-Retry": should_retry}
    return _error(status, "", "An unknown error occurred.", headers, type="api_error", **where)


def html(status: int = 503, **where: Any) -> Fault:
    """A page of some proxy instead of an answer."""
    page = "<html><body><h1>Service Unavailable</h1></body></html>"
    return Fault(status=status, body=page, headers={"Content-Type": "text/html"}, **where)


def slow(seconds: float, **where: Any) -> Fault:
    """The right answer, late."""
    return Fault(delay=seconds, **where)


def _error(
    status: int,
    code: str,
    message: str,
    headers: dict[str, str],
    type: str = "invalid_request_error",
    **where: Any,
) -> Fault:
    said = {"type": type, "code": code, "message": message}
    body = json.dumps({"error": {name: text for name, text in said.items() if text}})
    sent = {"Content-Type": "application/json", "Request-Id": "req_fault", **headers}
    return Fault(
        status=status,
        body=body,
        headers={name: text for name, text in sent.items() if text},
        **where,
    )
