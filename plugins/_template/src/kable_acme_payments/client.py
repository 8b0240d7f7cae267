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


def of(connection: Connection) -> rest.Api:
    """Acme in the name of a connection."""
    return at(connection, connection.urls["api"], connection.credentials["key"])


def at(hub: Connection | ConnectRequest, url: str, key: str) -> rest.Api:
    """Acme at `url` in the name of a key."""
    headers = {"Authorization": f"Bearer {key}"}
    return rest.Api(hub, url, "Acme", headers, limit="calls", codes=CODES, unsure=UNSURE)


def after(page: Mapping[str, Any]) -> dict[str, str]:
    """What to ask for the page behind this one; nothing behind the last."""
    return {"after": page["next"]} if page["next"] else {}
