"""Connections: an account's access to providers, without the secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kable_hub.store.scope import Scope


@dataclass(frozen=True)
class ConnectionRow:
    """A connection. `state` is active, paused or disconnected; moments are epoch milliseconds.

    `pauses` maps each reason (plan, reconnect, provider, operator) to its text.
    """

    id: str
    scope: Scope
    provider: str
    kind: str
    state: str
    external_id: str
    title: str
    app_id: str
    method: str
    shared: bool
    push_earlier: str
    push_since: date | None
    created_at: int
    connected_at: int
    checked_at: int | None
    pauses: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
    poll_cursor: Mapping[str, Any] = field(default_factory=dict, repr=False)
