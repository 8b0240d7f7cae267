"""OAuth 2.0 with Intuit: authorize, exchange, refresh (the old token may die at once), revoke."""

from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session

from kable_hub import (
    Connection,
    ConnectRequest,
    Credentials,
    CredentialsExpired,
    Grant,
    OutcomeUnknown,
    ReconnectRequired,
    Redirect,
    Rejected,
    Transient,
    canonical,
)
from kable_quickbooks_ledger import tokens
from kable_quickbooks_ledger.client import Client
from kable_quickbooks_ledger.company import read_info
from kable_quickbooks_ledger.transport import send

SCOPE = "com.intuit.quickbooks.accounting"


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
    endpoint = tokens.trusted(request.urls[request.environment]["authorize"])
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
    answer = tokens.ask(connection.call, connection.urls["token"], connection.app, body, "refresh")
    if answer.status == 400:
        raise ReconnectRequired(
            "QuickBooks no longer accepts the stored authorisation: connect again.",
            code="invalid_grant",
            http_status=400,
            request_id=answer.request_id,
        )
    return tokens.read(client, answer, connection.now(), old)


def revoke(connection: Connection) -> bool:
    """Take the grant back; True where it is gone, also where it was gone before."""
    body = canonical.dumps({"token": connection.credentials["refresh_token"]}).encode()
    with connection.call("oauth.revoke", writes=False) as call:
        answer = send(
            call,
            "POST",
            tokens.trusted(connection.urls["revoke"]),
            ambiguous=False,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            auth=tokens.keys(connection.app),
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
        answer = tokens.ask(request.call, url, app, body, "exchange")
    except OutcomeUnknown as error:
        raise Transient(error.message, code=error.code) from None
    if answer.status == 400:
        raise Rejected(
            "Intuit no longer accepts this sign-in: start again.",
            code="invalid_grant",
            http_status=400,
            request_id=answer.request_id,
        )
    return tokens.read(client, answer, request.now, "")


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
