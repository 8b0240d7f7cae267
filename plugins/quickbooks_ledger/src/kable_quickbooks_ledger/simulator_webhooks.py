"""Webhooks of the simulated Intuit: CloudEvents, or the older shape, in one signed body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kable_hub import canonical

_WORDS = {"created": "Create", "updated": "Update", "deleted": "Delete", "merged": "Merge"}
_WORDS |= {"voided": "Void", "emailed": "Emailed"}
"""How the older shape calls what happened."""


def signed(
    events: Sequence[tuple[str, ...]], now: datetime, token: str, *, legacy: bool = False
) -> tuple[bytes, dict[str, str]]:
    """Body and headers for (realm, entity, id, operation) of each event, with the id that is
    gone behind them where it was merged."""
    told: Any = [_event(event, now) for event in events]
    if legacy:
        told = {"eventNotifications": [_notice(event, now) for event in events]}
    body = canonical.dumps(told).encode()
    digest = hmac.new(token.encode(), body, hashlib.sha256).digest()
    return body, {"intuit-signature": base64.b64encode(digest).decode()}


def _event(event: tuple[str, ...], now: datetime) -> dict[str, Any]:
    realm, entity, row_id, operation, *gone = event
    return {
        "specversion": "1.0",
        "id": canonical.digest([*event, now.isoformat()]),
        "source": "intuit.simulator",
        "type": f"qbo.{entity.lower()}.{operation}.v1",
        "datacontenttype": "application/json",
        "time": now.isoformat(),
        "intuitentityid": row_id,
        "intuitaccountid": realm,
        "data": {"deletedid": gone[0]} if gone else {},
    }


def _notice(event: tuple[str, ...], now: datetime) -> dict[str, Any]:
    realm, entity, row_id, operation, *gone = event
    told = {"name": entity, "id": row_id, "operation": _WORDS[operation]}
    told |= {"lastUpdated": now.isoformat(timespec="milliseconds")}
    told |= {"deletedId": gone[0]} if gone else {}
    return {"realmId": realm, "dataChangeEvent": {"entities": [told]}}
