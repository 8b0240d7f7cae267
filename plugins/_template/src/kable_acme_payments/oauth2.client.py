"""Acme's API, by the hub's own client: what is Acme's about it stands here."""

from collections.abc import Mapping
from typing import Any

from kable_hub import Connection, ConnectRequest, rest

CODES = {
    "customer_not_found": "unknown_customer",
    "invoice_paid": "already_paid",
}
"""Acme's error codes that have a meaning for the hub, and the hub's codes for them."""

UNSURE = frozenset({"key_in_use"})
"""The codes that prove nothing: a key in use has a twin that is under way."""

STALE = frozenset({"token_expired"})
"""The codes of an access token that has died: the hub renews it and goes on."""


def of(connection: Connection) -> rest.Api:
    """Acme in the name of a connection."""
    return at(connection, connection.urls["api"], connection.credentials["access_token"])


def at(hub: Connection | ConnectRequest, url: str, token: str) -> rest.Api:
    """Acme at `url` in the name of an access token."""
    headers = {"Authorization": f"Bearer {token}"}
    return rest.Api(
        hub, url, "Acme", headers, limit="calls", codes=CODES, unsure=UNSURE, stale=STALE
    )


def after(page: Mapping[str, Any]) -> dict[str, str]:
    """What to ask for the page behind this one; nothing behind the last."""
    return {"after": page["next"]} if page["next"] else {}
