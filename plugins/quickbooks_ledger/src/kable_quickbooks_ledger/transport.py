"""One HTTP request to Intuit, by the hub's transport."""

from base64 import b64encode
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import urlencode

from kable_hub import Call, transport

Answer: TypeAlias = transport.Answer

TID = "intuit_tid"
"""The header of Intuit's own id of a request."""


def send(
    call: Call,
    method: str,
    url: str,
    *,
    ambiguous: bool,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
    auth: tuple[str, str] | None = None,
) -> Answer:
    """Send one request inside `call` and note the answer there.

    `auth` is user and password of a basic authorization. Raises Transient where nothing was
    sent, or nothing can have changed; OutcomeUnknown where an `ambiguous` request (one that
    changes something) got no whole answer.
    """
    return transport.send(
        call,
        method,
        f"{url}?{urlencode(params)}" if params else url,
        to="QuickBooks",
        headers={**headers, **_basic(auth)},
        body=body,
        ambiguous=ambiguous,
        request_id=TID,
    )


def _basic(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": f"Basic {b64encode(':'.join(auth).encode()).decode()}"}
