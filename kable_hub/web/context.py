"""What a view finds at hand: the hub, and who is calling."""

from typing import cast

from flask import Flask, current_app, g

from kable_hub.logs import Redaction
from kable_hub.store.scope import Scope
from kable_hub.usecases.accounts import Caller
from kable_hub.usecases.hub import Hub

HUB = "kable_hub"
REDACTION = "kable_redaction"


def install(app: Flask, hub: Hub) -> None:
    """Give the app its hub, and cookies signed with keys derived from the hub's own."""
    app.extensions[HUB] = hub
    app.extensions[REDACTION] = Redaction(hub.settings.secrets())
    newest, *older = hub.vault.derived("dashboard session")
    app.config.update(
        SECRET_KEY=newest,
        SECRET_KEY_FALLBACKS=older,
        SESSION_COOKIE_SECURE=hub.settings.public_url.startswith("https:"),
    )


def current_hub() -> Hub:
    """The hub this app serves."""
    return cast(Hub, current_app.extensions[HUB])


def redacted(text: str) -> str:
    """`text` without secrets."""
    return cast(Redaction, current_app.extensions[REDACTION]).text(text)


def current_caller() -> Caller:
    """Who presented the key of this request; the gate has checked it."""
    return cast(Caller, g.caller)


def current_scope() -> Scope:
    """The account and environment of the caller's key; only behind an account-only blueprint."""
    scope = current_caller().scope
    assert scope is not None, "this blueprint lets operators in"
    return scope
