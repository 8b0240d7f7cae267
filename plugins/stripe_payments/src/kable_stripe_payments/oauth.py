"""Stripe's OAuth endpoints, which live on another host and have errors of another shape."""

from collections.abc import Mapping
from typing import Any

from kable_hub import (
    Call,
    Connection,
    ConnectRequest,
    Environment,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Transient,
)
from kable_stripe_payments.client import platform_key, read, send
from kable_stripe_payments.errors import safe
from kable_stripe_payments.forms import encode

CODES = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_redirect_uri",
        "invalid_request",
        "invalid_scope",
        "unsupported_grant_type",
        "unsupported_response_type",
    }
)
"""The error words of docs.stripe.com/connect/oauth-reference that become our codes."""


def exchange(request: ConnectRequest, used: Environment, code: str) -> Mapping[str, Any]:
    """The token answer for a code, which Stripe takes once and for five minutes.

    Raises Rejected (`invalid_grant`, ...), NeedsOperator (`platform_key_refused`), and
    Transient where Stripe was away: no document is at stake, the person starts again.
    """
    url = f"{request.urls[used]['connect'].rstrip('/')}/oauth/token"
    form = {"grant_type": "authorization_code", "code": code}
    try:
        with request.call("oauth.token", writes=True) as gate:
            return _post(gate, url, form, platform_key(request.app[used]))
    except OutcomeUnknown as error:
        raise Transient(
            "Stripe did not answer. Start again.", code=error.code, http_status=error.http_status
        ) from None


def deauthorize(connection: Connection, account: str) -> bool:
    """End the platform's access to the account; True also where it had none."""
    url = f"{connection.urls['connect'].rstrip('/')}/oauth/deauthorize"
    form = {"client_id": connection.app.get("client_id", ""), "stripe_user_id": account}
    try:
        with connection.call("oauth.deauthorize", writes=True) as gate:
            _post(gate, url, form, platform_key(connection.app))
    except Rejected as error:
        # The same code stands for a wrong client id; only the text tells them apart.
        if error.code != "invalid_client" or "not connected" not in error.message:
            raise
    return True


def _post(gate: Call, url: str, form: Mapping[str, str], key: str) -> Mapping[str, Any]:
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    response = send(gate, "POST", url, headers, encode(form))
    body = read(response)
    if response.status == 200 and body is not None:
        return body
    raise _error(response.status, body, response.request_id)


def _error(status: int, body: Mapping[str, Any] | None, request_id: str) -> ProviderError:
    word = (body or {}).get("error")
    if body is None or status >= 500 or status < 400:
        return OutcomeUnknown(
            "Stripe gave no readable answer.",
            code=f"http_{status}",
            http_status=status,
            request_id=request_id,
        )
    if status == 401 and word != "invalid_client":
        return NeedsOperator(
            "Stripe refuses the platform's secret key.",
            code="platform_key_refused",
            on="settings",
            scope="connection",
            http_status=status,
            request_id=request_id,
        )
    text = safe(str(body.get("error_description") or "Stripe refused the authorization."))
    code = str(word) if word in CODES else "authorization_failed"
    return Rejected(f"{text} Start again.", code=code, http_status=status, request_id=request_id)
