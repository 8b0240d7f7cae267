"""HTTP to Acme: every request inside the hub's gate, every answer through one table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kable_hub import (
    JSON,
    Call,
    Connection,
    ConnectRequest,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Reason,
    ReconnectRequired,
    Rejected,
    Transient,
    canonical,
    transport,
)

CODES = {
    "customer_not_found": "unknown_customer",
    "invoice_paid": "already_paid",
}
"""Acme's error codes that have a meaning for the hub, and the hub's codes for them."""


def of(connection: Connection) -> "Client":
    """The client of a connection."""
    return Client(connection, connection.urls["api"], connection.credentials["key"])


@dataclass(frozen=True)
class Client:
    """Acme at `url` in the name of one key. `hub` opens the gate."""

    hub: Connection | ConnectRequest = field(repr=False)
    url: str
    key: str = field(repr=False)

    def get(self, name: str, path: str, **query: str) -> Any:
        """Read one object or page."""
        return self._request(name, "GET", f"{path}?{urlencode(query)}" if query else path)

    def pages(self, name: str, path: str, **query: str) -> Iterator[Any]:
        """Every object of a list, page by page."""
        while True:
            page = self.get(name, path, **query)
            yield from page["data"]
            if not page["next"]:
                return
            query["after"] = page["next"]

    def post(self, name: str, path: str, body: JSON, key: str) -> Any:
        """Write, once per idempotency key."""
        return self._request(name, "POST", path, key, canonical.dumps(body))

    def _request(
        self, name: str, method: str, path: str, key: str = "", body: str | None = None
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        if key:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": key}
        with self.hub.call(name, writes=method != "GET") as call:
            answer = transport.send(
                call, method, f"{self.url}{path}", to="Acme", headers=headers, body=body
            )
            found = _read(answer)
            if answer.status in (200, 201) and "error" not in found and found:
                return found
            raise _error(call, answer, found.get("error"))


def _read(answer: transport.Answer) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _no_proof(call: Call) -> type[ProviderError]:
    return OutcomeUnknown if call.writes else Transient


def _error(call: Call, answer: transport.Answer, error: Any) -> ProviderError:
    """The one table: what Acme answered, and which error that is for the hub."""
    status, known = answer.status, error if isinstance(error, dict) else {}
    code, said = known.get("code", ""), known.get("message", f"Acme answered {status}.")
    facts: Any = {"provider_code": code, "http_status": status, "request_id": answer.request_id}
    later = answer.retry_after()
    if status in (401, 403) and known:
        return ReconnectRequired("Acme does not take this key.", **facts)
    if status == 429:
        return RateLimited("Acme asks to slow down.", limit="calls", retry_after=later, **facts)
    # Without Acme's own error it may be a gateway that speaks; a key in use has a twin under way.
    if not 400 <= status < 500 or not known or code == "key_in_use":
        return _no_proof(call)(said, retry_after=later, **facts)
    reason = Reason(said, field=known.get("field", ""), code=code)
    return Rejected(said, reasons=[reason], code=CODES.get(code, ""), **facts)
