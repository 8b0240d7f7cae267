"""Webhooks of the simulated Intuit: CloudEvents in one signed body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from kable_hub import canonical


def signed(
    events: Sequence[tuple[str, str, str, str]], now: datetime, token: str
) -> tuple[bytes, dict[str, str]]:
    """Body and headers for (realm, entity, id, operation) of each event."""
    body = canonical.dumps(
        [
            {
                "specversion": "1.0",
                "id": canonical.digest([*event, now.isoformat()]),
                "source": "intuit.simulator",
                "type": f"qbo.{event[1].lower()}.{event[3]}.v1",
                "time": now.isoformat(),
                "intuitentityid": event[2],
                "intuitaccountid": event[0],
                "data": {},
            }
            for event in events
        ]
    ).encode()
    digest = hmac.new(token.encode(), body, hashlib.sha256).digest()
    return body, {"intuit-signature": base64.b64encode(digest).decode()}
