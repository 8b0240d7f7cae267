"""What a view finds at hand: the hub, and who is calling."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import cast

from flask import Flask, current_app, g

from kable_hub.logs import Redaction
from kable_hub.store.scope import Scope
from kable_hub.usecases.accounts import Caller
from kable_hub.usecases.hub import Hub

HUB = "kable_hub"
REDACTION = "kable_redaction"


@dataclass
class RequestHub(Hub):
    """The hub as the use cases see it in a request: `wake` waits for the request's commit."""

    opened: Hub | None = None

    def wake(self, connection_id: str) -> None:
        """Something is due there: told now, or when `transaction` has committed."""
        if self.database.in_transaction():
            g.setdefault("woken", set()).add(connection_id)
        elif self.opened is not None:
            self.opened.wake(connection_id)


def install(app: Flask, hub: Hub) -> None:
    """Give the app its hub."""
    parts = {one.name: getattr(hub, one.name) for one in fields(hub)}
    app.extensions[HUB] = RequestHub(**parts, opened=hub)
    app.extensions[REDACTION] = Redaction(hub.settings.secrets())


def current_hub() -> Hub:
    """The hub this app serves."""
    return cast(Hub, current_app.extensions[HUB])


def redacted(text: str) -> str:
    """`text` without secrets."""
    return cast(Redaction, current_app.extensions[REDACTION]).text(text)


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction over all the block does; connections it wakes are woken after the commit."""
    hub = current_hub()
    with hub.database.write():
        yield
    if not hub.database.in_transaction():
        for connection_id in g.pop("woken", ()):
            hub.wake(connection_id)


def current_caller() -> Caller:
    """Who presented the key of this request; the gate has checked it."""
    return cast(Caller, g.caller)


def current_scope() -> Scope:
    """The account and environment of the caller's key; only behind an account-only blueprint."""
    scope = current_caller().scope
    if scope is None:
        raise LookupError("an operator's key has no account; the blueprint lets operators in")
    return scope
