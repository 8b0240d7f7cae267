"""The way in: a person agrees at Acme, and the tokens are renewed from then on."""

from kable_acme_payments import client
from kable_hub import ConnectRequest, CredentialsExpired, Grant, Redirect, Rejected, oauth2

SERVER = oauth2.Server(
    "Acme",
    "api/oauth/authorize",
    "api/oauth/token",
    scope="invoices",
    limit="calls",
)
"""What is Acme's own about its sign-in; `kable_hub.oauth2` knows what else can be."""


def step(request: ConnectRequest) -> Redirect | Grant:
    """Send the person to Acme; then name the account whose tokens came back."""
    if not request.query:
        return SERVER.ask(request)
    tokens = SERVER.exchange(request)
    api = client.at(request, request.urls[request.environment]["api"], tokens.access)
    try:
        account = api.get("account.get", "/v1/account")
    except CredentialsExpired as error:
        said = "Acme refuses the access it just gave: start again."
        raise Rejected(said, code="invalid_grant", provider_code=error.provider_code) from None
    if account["environment"] != request.environment:
        raise Rejected(f"This is access to {account['environment']}.", code="wrong_environment")
    granted = {request.environment: tokens.credentials}
    client_id = request.app[request.environment]["client_id"]
    return Grant(account["id"], account["name"], granted, app_id=client_id)
