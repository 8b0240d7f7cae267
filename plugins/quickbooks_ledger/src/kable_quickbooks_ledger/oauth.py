"""OAuth 2.0 with Intuit, by the hub's helper: what is Intuit's own about it stands here."""

from datetime import timedelta

from kable_hub import (
    Connection,
    ConnectRequest,
    CredentialsExpired,
    Grant,
    Redirect,
    Rejected,
    canonical,
    oauth2,
)
from kable_quickbooks_ledger.client import Client
from kable_quickbooks_ledger.company import read_info
from kable_quickbooks_ledger.transport import TID, send

INTUIT = oauth2.Server(
    "Intuit",
    scope="com.intuit.quickbooks.accounting",
    headers={"x-include-refresh-token-hard-expires-in": "true"},
    lasts=timedelta(hours=1),
    ends=("x_refresh_token_expires_in", "x_refresh_token_hard_expires_in"),
    request_id=TID,
)


def connect(request: ConnectRequest) -> Redirect | Grant:
    """Send the browser to Intuit, or finish with what it came back with."""
    if not request.query:
        return INTUIT.ask(request)
    INTUIT.code(request)
    realm = _realm(request)
    tokens = INTUIT.exchange(request)
    return Grant(
        external_id=realm,
        title=_company_name(request, realm, tokens.access),
        environments={request.environment: tokens.credentials},
        app_id=request.app[request.environment]["client_id"],
    )


def revoke(connection: Connection) -> bool:
    """Take the grant back; True where it is gone, also where it was gone before."""
    body = canonical.dumps({"token": connection.credentials["refresh_token"]}).encode()
    with connection.call("oauth.revoke", writes=False) as call:
        answer = send(
            call,
            "POST",
            INTUIT.address("revoke", connection.urls),
            ambiguous=False,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            auth=(connection.app["client_id"], connection.app["client_secret"]),
        )
    # Intuit answers 400 for a token it no longer knows.
    return answer.status in (200, 400)


def _realm(request: ConnectRequest) -> str:
    realm = request.query.get("realmId", "")
    if not (realm.isascii() and realm.isdecimal()):
        raise Rejected("Intuit's answer names no company.", code="invalid_callback")
    if request.external_id not in ("", realm):
        raise Rejected(
            "This is another QuickBooks company than the one connected before.",
            code="different_account",
        )
    return realm


def _company_name(request: ConnectRequest, realm: str, token: str) -> str:
    url = request.urls[request.environment]["api"]
    try:
        info = read_info(Client(url, realm, token, request.call))
    except CredentialsExpired as error:
        raise Rejected(
            "QuickBooks refuses the authorisation it just gave: start again.",
            code="invalid_grant",
            http_status=error.http_status,
            request_id=error.request_id,
        ) from None
    return str(info.get("CompanyName") or f"QuickBooks company {realm}")
