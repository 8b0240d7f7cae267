"""HTTP to Acme: every request inside the hub's gate, every answer through one table."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

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
)

CODES = {
    "customer_not_found": "unknown_customer",
    "invoice_paid": "already_paid",
}
"""Acme's error codes that have a meaning for the hub, and the hub's codes for them."""

_threads = threading.local()


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
        return self._request(name, "GET", path, {}, params=query)

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
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._request(name, "POST", path, headers, data=canonical.dumps(body).encode())

    def _request(
        self, name: str, method: str, path: str, headers: dict[str, str], **sent: Any
    ) -> Any:
        headers["Authorization"] = f"Bearer {self.key}"
        with self.hub.call(name, writes=method != "GET") as call:
            answer = _send(call, method, f"{self.url}{path}", headers=headers, **sent)
            call.answered(answer.status_code, answer.headers.get("Request-Id", ""))
            body = _read(answer)
            if answer.status_code in (200, 201) and "error" not in body and body:
                return body
            raise _error(call, answer, body.get("error"))


def _send(call: Call, method: str, url: str, **sent: Any) -> requests.Response:
    try:
        return _session().request(method, url, timeout=call.timeout, allow_redirects=False, **sent)
    except requests.RequestException as error:
        cause = getattr(error.args[0] if error.args else None, "reason", None)
        unsent = isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError)
        raise _no_proof(call, unsent=unsent)("Acme did not answer.", code="no_answer") from None


def _session() -> requests.Session:
    if not hasattr(_threads, "session"):
        _threads.session = requests.Session()
        _threads.session.trust_env = False
    session: requests.Session = _threads.session
    return session


def _read(answer: requests.Response) -> dict[str, Any]:
    try:
        body = canonical.loads(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _no_proof(call: Call, *, unsent: bool = False) -> type[ProviderError]:
    return Transient if unsent or not call.writes else OutcomeUnknown


def _error(call: Call, answer: requests.Response, error: Any) -> ProviderError:
    """The one table: what Acme answered, and which error that is for the hub."""
    status, known = answer.status_code, error if isinstance(error, dict) else {}
    code, said = known.get("code", ""), known.get("message", f"Acme answered {status}.")
    facts: Any = {"provider_code": code, "http_status": status, "request_id": call.request_id}
    wait = answer.headers.get("Retry-After", "")
    later = timedelta(seconds=int(wait)) if wait.isdecimal() else None
    if status in (401, 403) and known:
        return ReconnectRequired("Acme does not take this key.", **facts)
    if status == 429:
        return RateLimited("Acme asks to slow down.", limit="calls", retry_after=later, **facts)
    # Without Acme's own error it may be a gateway that speaks; a key in use has a twin under way.
    if not 400 <= status < 500 or not known or code == "key_in_use":
        return _no_proof(call)(said, retry_after=later, **facts)
    reason = Reason(said, field=known.get("field", ""), code=code)
    return Rejected(said, reasons=[reason], code=CODES.get(code, ""), **facts)
