"""The ways in: Connect OAuth with the operator's platform, or a key of the account itself."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from marshmallow import Schema, fields

from kable_hub import (
    Connection,
    ConnectRequest,
    Credentials,
    Environment,
    Form,
    Grant,
    NeedsOperator,
    ReconnectRequired,
    Redirect,
    Rejected,
    Transient,
)
from kable_stripe_payments import client, oauth
from kable_stripe_payments.permissions import NEEDS

LIVE, TEST = Environment.LIVE, Environment.TEST


class KeyForm(Schema):
    """What a person pastes for the method `key`."""

    key = fields.String(
        required=True,
        metadata={"secret": True, "label": "Restricted key", "help": "rk_live_... or rk_test_..."},
    )
    webhook_secret = fields.String(
        load_default="",
        metadata={
            "secret": True,
            "label": "Webhook secret",
            "help": "whsec_... of the endpoint you made for the hub; it can be added later.",
        },
    )


def step(request: ConnectRequest) -> Form | Redirect | Grant:
    """One step of the dialogue, by method."""
    if request.method == "key":
        return _with_key(request) if request.form else _form(request)
    return _granted(request) if request.query else _authorize(request)


def _authorize(request: ConnectRequest) -> Redirect:
    """Off to Stripe's consent page: with the live client id wherever there is one, because
    only a grant given in live mode covers both environments."""
    used = _client_environment(request)
    query = {
        "response_type": "code",
        "client_id": request.app[used]["client_id"],
        "scope": "read_write",
        "state": request.state,
        "redirect_uri": request.callback_url,
    }
    url = f"{request.urls[used]['connect'].rstrip('/')}/oauth/authorize?{urlencode(query)}"
    return Redirect(url, carry={"environment": used.value})


def _client_environment(request: ConnectRequest) -> Environment:
    """Live first. A test client's grant could never serve live, so it is not even asked for."""
    candidates = (LIVE,) if request.environment is LIVE else (LIVE, TEST)
    for environment in candidates:
        if _configured(request, environment):
            return environment
    raise NeedsOperator(
        f"Client id and secret key of the Stripe platform are not set for {candidates[-1]} mode.",
        code="not_configured",
        on="settings",
        scope="connection",
    )


def _configured(request: ConnectRequest, environment: Environment) -> bool:
    app = request.app.get(environment, {})
    return bool(app.get("client_id") and app.get("secret_key"))


def _granted(request: ConnectRequest) -> Grant:
    if "error" in request.query:
        raise _denied(request.query)
    if not request.query.get("code"):
        raise Rejected("Stripe came back without a code.", code="no_code")
    used = Environment(request.carry.get("environment", request.environment.value))
    token = oauth.exchange(request, used, request.query["code"])
    _check(token, used)
    account = str(token["stripe_user_id"])
    served = [used] if used is TEST else [LIVE, *([TEST] if _has_key(request, TEST) else [])]
    secrets = {"mode": "platform", "account": account, "granted": used.value}
    return Grant(
        external_id=account,
        title=_title(request, used, account),
        environments={environment: Credentials(secrets) for environment in served},
        app_id=request.app[used]["client_id"],
        shared=used is LIVE,
    )


def _has_key(request: ConnectRequest, environment: Environment) -> bool:
    return bool(request.app.get(environment, {}).get("secret_key"))


def _denied(query: Mapping[str, str]) -> Rejected:
    if query["error"] == "access_denied":
        return Rejected("Access was denied at Stripe. Nothing was changed.", code="access_denied")
    code = query["error"] if query["error"] in oauth.CODES else "authorization_failed"
    return Rejected("Stripe refused the authorization. Start again.", code=code)


def _check(token: Mapping[str, object], used: Environment) -> None:
    if token.get("scope") != "read_write":
        raise Rejected("Stripe granted reading only. Start again.", code="read_only_grant")
    live = bool(token.get("livemode"))
    if used is LIVE and not live:
        raise Rejected(
            "This grant covers test mode only and cannot be used for live invoices.",
            code="test_grant",
        )
    if live != (used is LIVE):
        raise Rejected("Stripe's grant is for the other mode. Start again.", code="wrong_mode")


def _title(request: ConnectRequest, environment: Environment, account: str) -> str:
    """The account's name; its id where it cannot be read now, as the code is spent already."""
    key = request.app[environment]["secret_key"]
    try:
        return _name(client.during(request, environment, key, account).get(*_ACCOUNT))
    except (Transient, NeedsOperator, ReconnectRequired, Rejected):
        return account


_ACCOUNT = ("account.get", "/v1/account")


def _name(account: Mapping[str, object]) -> str:
    profile, settings = account.get("business_profile"), account.get("settings")
    dashboard = settings.get("dashboard") if isinstance(settings, Mapping) else None
    names = [
        profile.get("name") if isinstance(profile, Mapping) else None,
        dashboard.get("display_name") if isinstance(dashboard, Mapping) else None,
        account.get("id"),
    ]
    return str(next(name for name in names if name))


def _form(request: ConnectRequest, error: str = "") -> Form:
    return Form(
        KeyForm,
        title=f"Connect Stripe ({request.environment})",
        help="In Stripe's dashboard under Developers, API keys: make a restricted key with "
        f"{', '.join(NEEDS)}.",
        error=error,
    )


def _with_key(request: ConnectRequest) -> Form | Grant:
    key = request.form.get("key", "").strip()
    if wrong := _wrong_key(key, request.environment):
        return _form(request, wrong)
    try:
        account = client.during(request, request.environment, key).get(*_ACCOUNT)
    except (ReconnectRequired, NeedsOperator) as error:
        return _form(request, error.message)
    secrets = {"mode": "key", "key": key}
    if webhook := request.form.get("webhook_secret", "").strip():
        secrets["webhook_secret"] = webhook
    return Grant(
        external_id=account["id"],
        title=_name(account),
        environments={request.environment: Credentials(secrets)},
    )


def _wrong_key(key: str, environment: Environment) -> str:
    """Why this cannot be the key for this environment, or empty."""
    other = next(one for one in Environment if one is not environment)
    if key.startswith("pk_"):
        return "This is a publishable key. The hub needs a restricted key (rk_...)."
    if key.startswith((f"rk_{other}_", f"sk_{other}_")):
        return f"This is a {other} mode key, and this is the {environment} environment."
    if not key.startswith((f"rk_{environment}_", f"sk_{environment}_")) or not key.isascii():
        return f"A key for this environment begins with rk_{environment}_."
    return ""


def check(connection: Connection) -> list[str]:
    """Read the account and one invoice; warnings for people."""
    stripe = client.of(connection)
    account = stripe.get(*_ACCOUNT)
    stripe.get("invoices.list", "/v1/invoices", {"limit": 1})
    warnings = []
    if connection.environment is LIVE and not account.get("charges_enabled", True):
        warnings.append("Stripe does not let this account take payments yet.")
    if account["id"] != connection.external_id:
        warnings.append(f"The key belongs to another account ({account['id']}).")
    return warnings


def disconnect(connection: Connection, apps: Mapping[Environment, Mapping[str, str]]) -> bool:
    """Take the grant back, with the app it was given to. False where only the dashboard can:
    a pasted key."""
    credentials = connection.credentials
    if credentials.get("mode") != "platform":
        return False
    granted = Environment(credentials.get("granted", connection.environment.value))
    granting = replace(connection, app=apps.get(granted, {}))
    return oauth.deauthorize(granting, credentials["account"])
