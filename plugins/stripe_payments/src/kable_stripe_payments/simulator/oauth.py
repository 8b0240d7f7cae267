"""The simulated consent page and OAuth endpoints of connect.stripe.com."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import Flask, Request, Response, json, redirect, request
from markupsafe import Markup

from kable_stripe_payments.simulator.state import new_id

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator

LIVES = 300


@dataclass
class Code:
    """An authorization code: five minutes, once."""

    account: str
    live: bool
    scope: str
    expires: float


def routes(app: Flask, sim: "StripeSimulator") -> None:
    """Register the pages and endpoints."""

    @app.get("/oauth/authorize")
    def authorize() -> Response:
        refusal = _refusal(sim, request)
        if refusal:
            return Response(_PAGE.format(title="Stripe cannot go on", body=refusal), 400)
        if sim.auto_approve:
            return _approved(sim, sim.auto_approve, request.args.to_dict())
        return Response(_PAGE.format(title="Connect to Stripe", body=_consent(sim, request)))

    @app.post("/oauth/decision")
    def decide() -> Response:
        query = {name: request.form[name] for name in _CARRIED if name in request.form}
        refusal = _refusal(sim, request)
        if refusal:
            return Response(_PAGE.format(title="Stripe cannot go on", body=refusal), 400)
        if request.form.get("decision") == "approve":
            return _approved(sim, request.form["account"], query)
        return _back(query, {"error": "access_denied", "error_description": "The user denied."})

    @app.post("/oauth/token")
    def token() -> Response:
        return _token(sim, request)

    @app.post("/oauth/deauthorize")
    def deauthorize() -> Response:
        return _deauthorize(sim, request)


_CARRIED = ("response_type", "client_id", "scope", "state", "redirect_uri")


def _refusal(sim: "StripeSimulator", request: Request) -> str:
    values = request.values
    if values.get("client_id") not in sim.client_ids.values():
        return "No application matches the supplied client identifier."
    if values.get("response_type") != "code":
        return "Only response_type=code is supported."
    if urlsplit(values.get("redirect_uri", "")).scheme not in ("http", "https"):
        return "Invalid redirect URI."
    return ""


def _consent(sim: "StripeSimulator", request: Request) -> Markup:
    hidden = Markup("").join(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, request.args[name])
        for name in _CARRIED
        if name in request.args
    )
    options = Markup("").join(
        Markup('<option value="{}">{}</option>').format(one.id, one.name)
        for one in sim.accounts.values()
    )
    return Markup(
        '<form method="post" action="/oauth/decision">{}'
        "<p>The hub asks for access to your account.</p>"
        '<p><label>Account <select name="account">{}</select></label></p>'
        '<button name="decision" value="approve">Approve</button> '
        '<button name="decision" value="deny">Deny</button></form>'
    ).format(hidden, options)


_PAGE = Markup(
    "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    "<body><main><h1>{title}</h1>{body}</main></body></html>"
)


def _approved(sim: "StripeSimulator", account: str, query: dict[str, str]) -> Response:
    live = query["client_id"] == sim.client_ids[True]
    code = new_id("ac")
    expires = sim.clock.now().timestamp() + LIVES
    # Without the scope named, Stripe grants reading only.
    scope = sim.granted_scope or query.get("scope", "read_only")
    sim.codes[code] = Code(account, live, scope, expires)
    return _back(query, {"code": code, "scope": scope})


def _back(query: dict[str, str], answer: dict[str, str]) -> Response:
    parts = {**answer, "state": query.get("state", "")}
    target = query["redirect_uri"]
    sign = "&" if urlsplit(target).query else "?"
    response: Response = redirect(f"{target}{sign}{urlencode(parts)}")  # type: ignore[assignment]
    return response


def _token(sim: "StripeSimulator", request: Request) -> Response:
    live = _mode_of(sim, request)
    if live is None:
        return _error(401, "invalid_request", "Invalid API Key provided.")
    if request.form.get("grant_type") != "authorization_code":
        return _error(400, "unsupported_grant_type", "Use authorization_code.")
    code = sim.codes.pop(request.form.get("code", ""), None)
    if code is None or code.expires < sim.clock.now().timestamp() or code.live != live:
        return _error(
            400, "invalid_grant", "Authorization code does not exist, is used or has expired."
        )
    account = sim.accounts[code.account]
    account.granted.add(live)
    return _json(
        {
            "stripe_user_id": account.id,
            "livemode": live if sim.granted_mode is None else sim.granted_mode,
            "scope": code.scope,
            "token_type": "bearer",
            "access_token": new_id("sk"),
            "refresh_token": new_id("rt"),
            "stripe_publishable_key": new_id("pk"),
        }
    )


def _deauthorize(sim: "StripeSimulator", request: Request) -> Response:
    live, account = _mode_of(sim, request), request.form.get("stripe_user_id", "")
    if live is None:
        return _error(401, "invalid_request", "Invalid API Key provided.")
    if request.form.get("client_id") != sim.client_ids[live]:
        return _error(401, "invalid_client", "No such application.")
    if account not in sim.accounts or live not in sim.accounts[account].granted:
        text = f"This application is not connected to stripe account {account}."
        return _error(401, "invalid_client", text)
    sim.revoke(account, live=live)
    return _json({"stripe_user_id": account})


def _mode_of(sim: "StripeSimulator", request: Request) -> bool | None:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return next((live for live, secret in sim.secret_keys.items() if secret == key), None)


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def _error(status: int, error: str, description: str) -> Response:
    return _json({"error": error, "error_description": description}, status)
