"""OAuth 2.0 with Intuit: authorize, exchange, refresh (the old token may die at once), revoke."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

from kable_hub import (
    Call,
    Connection,
    ConnectRequest,
    Credentials,
    CredentialsExpired,
    Grant,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    ReconnectRequired,
    Redirect,
    Rejected,
    Transient,
    canonical,
)
from kable_quickbooks_ledger.client import Client
from kable_quickbooks_ledger.company import read_info
from kable_quickbooks_ledger.transport import Answer, send

SCOPE = "com.intuit.quickbooks.accounting"
MARGIN = timedelta(minutes=5)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORM = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "x-include-refresh-token-hard-expires-in": "true",
}


def connect(request: ConnectRequest) -> Redirect | Grant:
    """Send the browser to Intuit, or finish with what it came back with."""
    if not request.query:
        return Redirect(authorize_url(request))
    code, realm = _callback(request)
    credentials = _exchange(request, code)
    return Grant(
        external_id=realm,
        title=_company_name(request, realm, credentials),
        environments={request.environment: credentials},
        app_id=request.app[request.environment]["client_id"],
    )


def authorize_url(request: ConnectRequest) -> str:
    """Where the person agrees; it carries the hub's own state."""
    endpoint = _trusted(request.urls[request.environment]["authorize"])
    session = OAuth2Session(
        request.app[request.environment]["client_id"],
        redirect_uri=request.callback_url,
        scope=[SCOPE],
    )
    secure, _, rest = endpoint.partition("://")
    # oauthlib builds https addresses only; a simulator on loopback has none.
    url, _ = session.authorization_url(f"https://{rest}", state=request.state)
    return f"{secure}{str(url).removeprefix('https')}"


def refresh(connection: Connection) -> Credentials:
    """Trade the refresh token. Raises ReconnectRequired where Intuit no longer takes it."""
    old = connection.credentials["refresh_token"]
    client = WebApplicationClient(connection.app["client_id"])
    body = client.prepare_refresh_body(refresh_token=old)
    answer = _token(connection.call, connection.urls["token"], connection.app, body, "refresh")
    if answer.status == 400:
        raise ReconnectRequired(
            "QuickBooks no longer accepts the stored authorisation: connect again.",
            code="invalid_grant",
            http_status=400,
            request_id=answer.request_id,
        )
    return _credentials(client, answer, connection.now(), old)


def revoke(connection: Connection) -> bool:
    """Take the grant back; True where it is gone, also where it was gone before."""
    body = canonical.dumps({"token": connection.credentials["refresh_token"]}).encode()
    with connection.call("oauth.revoke", writes=False) as call:
        answer = send(
            call,
            "POST",
            _trusted(connection.urls["revoke"]),
            ambiguous=False,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            auth=_keys(connection.app),
        )
    # Intuit answers 400 for a token it no longer knows.
    return answer.status in (200, 400)


def _callback(request: ConnectRequest) -> tuple[str, str]:
    query = request.query
    if query.get("error"):
        denied = query["error"] == "access_denied"
        raise Rejected(
            "Access was not granted at Intuit." if denied else "Intuit refused to connect.",
            code="access_denied" if denied else "connect_refused",
            provider_code=query["error"][:60],
        )
    code, realm = query.get("code", ""), query.get("realmId", "")
    if not code or not (realm.isascii() and realm.isdecimal()):
        raise Rejected("Intuit's answer names no company.", code="invalid_callback")
    if request.external_id not in ("", realm):
        raise Rejected(
            "This is another QuickBooks company than the one connected before.",
            code="different_account",
        )
    return code, realm


def _exchange(request: ConnectRequest, code: str) -> Credentials:
    app = request.app[request.environment]
    client = WebApplicationClient(app["client_id"])
    body = client.prepare_request_body(
        code=code, redirect_uri=request.callback_url, include_client_id=False
    )
    url = request.urls[request.environment]["token"]
    try:
        answer = _token(request.call, url, app, body, "exchange")
    except OutcomeUnknown as error:
        raise Transient(error.message, code=error.code) from None
    if answer.status == 400:
        raise Rejected(
            "Intuit no longer accepts this sign-in: start again.",
            code="invalid_grant",
            http_status=400,
            request_id=answer.request_id,
        )
    return _credentials(client, answer, request.now, "")


def _company_name(request: ConnectRequest, realm: str, credentials: Credentials) -> str:
    urls, token = request.urls[request.environment], credentials.secrets["access_token"]
    try:
        info = read_info(Client(urls["api"], realm, token, request.call))
    except CredentialsExpired as error:
        raise Rejected(
            "QuickBooks refuses the authorisation it just gave: start again.",
            code="invalid_grant",
            http_status=error.http_status,
            request_id=error.request_id,
        ) from None
    return str(info.get("CompanyName") or f"QuickBooks company {realm}")


def _token(
    opener: Callable[..., AbstractContextManager[Call]],
    url: str,
    app: Mapping[str, str],
    body: str,
    step: str,
) -> Answer:
    with opener(f"oauth.{step}", writes=False) as call:
        answer = send(
            call,
            "POST",
            _trusted(url),
            ambiguous=True,
            headers=_FORM,
            body=body.encode(),
            auth=_keys(app),
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


def _credentials(
    client: WebApplicationClient, answer: Answer, now: datetime, old: str
) -> Credentials:
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
        expires_at=now + timedelta(seconds=int(reply.get("expires_in") or 3600)) - MARGIN,
        reconnect_by=min(ends, default=None),
    )


def _keys(app: Mapping[str, str]) -> tuple[str, str]:
    return app["client_id"], app["client_secret"]


def _trusted(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise NeedsOperator(
        "Intuit's addresses have to begin with https.", code="insecure_url", scope="connection"
    )
