"""Intuit's token address: what is sent, what comes back, whom it is sent to."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from kable_hub import Call, Credentials, NeedsOperator, OutcomeUnknown, ProviderError, Transient
from kable_quickbooks_ledger.transport import Answer, send

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORM = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "x-include-refresh-token-hard-expires-in": "true",
}


def ask(
    opener: Callable[..., AbstractContextManager[Call]],
    url: str,
    app: Mapping[str, str],
    body: str,
    step: str,
) -> Answer:
    """POST to the token address: 200 with tokens, or 400. Raises for every other answer."""
    with opener(f"oauth.{step}", writes=False) as call:
        answer = send(
            call,
            "POST",
            trusted(url),
            ambiguous=True,
            headers=_FORM,
            body=body.encode(),
            auth=keys(app),
        )
    if answer.status not in (200, 400) or _says(answer, "invalid_client"):
        raise _refused(answer)
    return answer


def _refused(answer: Answer) -> ProviderError:
    known: dict[str, Any] = {"http_status": answer.status, "request_id": answer.request_id}
    if answer.status == 401 or _says(answer, "invalid_client"):
        return NeedsOperator(
            "Intuit refuses the client ID or the client secret.",
            code="bad_app_credentials",
            on="provider",
            scope="connection",
            **known,
        )
    return Transient("Intuit's sign-in service is not available.", code="unavailable", **known)


def _says(answer: Answer, error: str) -> bool:
    return f'"{error}"' in answer.text


def read(client: WebApplicationClient, answer: Answer, now: datetime, old: str) -> Credentials:
    """The credentials in a token reply. Raises OutcomeUnknown where it cannot be read."""
    try:
        reply: Mapping[str, Any] = client.parse_request_body_response(answer.text)
    except (OAuth2Error, ValueError):
        # The grant may have been used up by this very answer.
        raise OutcomeUnknown(
            "Intuit's answer cannot be read.", code="odd_reply", request_id=answer.request_id
        ) from None
    ends = [
        now + timedelta(seconds=int(reply[name]))
        for name in ("x_refresh_token_expires_in", "x_refresh_token_hard_expires_in")
        if reply.get(name)
    ]
    return Credentials(
        secrets={
            "access_token": str(reply["access_token"]),
            "refresh_token": str(reply.get("refresh_token") or old),
        },
        expires_at=now + timedelta(seconds=int(reply.get("expires_in") or 3600)),
        reconnect_by=min(ends, default=None),
    )


def keys(app: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, for basic authentication."""
    return app["client_id"], app["client_secret"]


def trusted(url: str) -> str:
    """The address, if it is https or on this machine. Raises NeedsOperator."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise NeedsOperator(
        "Intuit's addresses have to begin with https.", code="insecure_url", scope="connection"
    )
