"""The gate: nothing under /api answers without a valid key, whoever added the route."""

from flask import Flask, g, request
from structlog.contextvars import bind_contextvars

from kable_hub.usecases.accounts import authenticate
from kable_hub.usecases.errors import Forbidden, Unauthorized
from kable_hub.web.context import current_caller, current_hub

PREFIX = "/api"
SCHEME = "apiKey"
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key: `Authorization: Bearer hub_live_...`. It is shown once.",
}


def install(app: Flask) -> None:
    """Gate everything under /api, unknown addresses too."""
    app.before_request(_gate)


def _gate() -> None:
    if not _gated():
        return
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("unauthorized", "Send a key: `Authorization: Bearer <key>`.")
    g.caller = authenticate(current_hub(), key.strip())
    scope = g.caller.scope
    if scope is not None:
        bind_contextvars(account=scope.account_id, environment=scope.environment.value)


def _gated() -> bool:
    rule = request.url_rule.rule if request.url_rule else ""
    return any(path == PREFIX or path.startswith(f"{PREFIX}/") for path in (request.path, rule))


def operators_only() -> None:
    """Raise Forbidden for an account's key."""
    if not current_caller().is_operator:
        raise Forbidden("operator_key_required", "This takes an operator's key.")


def accounts_only() -> None:
    """Raise Forbidden for an operator's key."""
    if current_caller().scope is None:
        raise Forbidden(
            "account_key_required", "This takes the key of an account; operators manage accounts."
        )
