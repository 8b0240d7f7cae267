"""A provider's JSON API: each request inside the hub's gate, each answer through one table.

For plugins of providers that speak JSON and tell errors in an object of their own:

    api = rest.Api(connection, connection.urls["api"], "Acme", {"Authorization": f"Bearer {key}"})
    api.get("customers.get", f"/v1/customers/{id}")
    api.post("invoices.create", "/v1/invoices", body, {"Idempotency-Key": push.key})

The table (RFC 9110 has the statuses): a JSON answer under 200 or 201 that is no error is the
result. An error of the provider's own under 401 or 403 is ReconnectRequired, or CredentialsExpired
where its code says that an access token has died; under another 4xx it is Rejected. 429 is
RateLimited. All else proves nothing: OutcomeUnknown for a write, Transient for a read. A provider
that means something else by a status gets an `Api` of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kable_hub import canonical, transport
from kable_hub.connection import Call, Connection
from kable_hub.dialogue import ConnectRequest
from kable_hub.domain import JSON
from kable_hub.errors import (
    CredentialsExpired,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Reason,
    ReconnectRequired,
    Rejected,
    Transient,
)

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Said:
    """A provider's own error: its words, its code, the field it is about; what it did not say
    is empty."""

    message: str
    code: str = ""
    field: str = ""


def error_object(body: Any) -> Said | None:
    """The error of `{"error": {"message": ..., "code": ..., "field": ...}}`; None for all else."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    parts = (str(error.get(name) or "") for name in ("message", "code", "field"))
    return Said(*parts)


@dataclass(frozen=True)
class Api:
    """A provider at `url`, called in the name of whoever `headers` name.

    `hub` opens the gate. `title` names the provider in errors. `limit` is the declared limit
    that a 429 pauses. `codes` are the provider's error codes that have a meaning for the hub, and
    the hub's codes for them; `unsure` are those that prove nothing, such as that of a key whose
    first request is still under way; `stale` those of an access token that has died, under 401 or
    403. `said` reads a body as the provider's own error.
    """

    hub: Connection | ConnectRequest = field(repr=False)
    url: str
    title: str
    headers: Mapping[str, str] = field(repr=False)
    limit: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    said: Callable[[Any], Said | None] = error_object

    def get(self, name: str, path: str, **query: str) -> Any:
        """Read one object or page."""
        return self.request(name, "GET", f"{path}?{urlencode(query)}" if query else path)

    def pages(
        self,
        name: str,
        path: str,
        next_page: Callable[[Any], Mapping[str, str]],
        items: str = "data",
        **query: str,
    ) -> Iterator[Any]:
        """Every object of a list, page by page. `next_page` answers what to add to the query
        for the page behind this one, or nothing."""
        more: Mapping[str, str] = query
        while True:
            page = self.get(name, path, **more)
            yield from page[items]
            further = next_page(page)
            if not further:
                return
            more = {**more, **further}

    def post(self, name: str, path: str, body: JSON, headers: Mapping[str, str] = NOTHING) -> Any:
        """Write: `body` as canonical JSON."""
        return self.request(name, "POST", path, body, headers)

    def request(
        self,
        name: str,
        method: str,
        path: str,
        body: JSON = None,
        headers: Mapping[str, str] = NOTHING,
    ) -> Any:
        """One request; the parsed answer. Raises what the table says."""
        sent = None if body is None else canonical.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        with self.hub.call(name, writes=method != "GET") as call:
            answer = transport.send(
                call,
                method,
                f"{self.url}{path}",
                to=self.title,
                headers={**self.headers, **kind, **headers},
                body=sent,
            )
            found = _parsed(answer)
            if answer.status in (200, 201) and self._is_result(call, found):
                return found
            raise self.error(call, answer, self.said(found))

    def error(self, call: Call, answer: transport.Answer, said: Said | None) -> ProviderError:
        """The error that an answer stands for; the table above."""
        message = said.message if said and said.message else f"{self.title} said {answer.status}."
        facts: Any = {
            "provider_code": said.code if said else "",
            "http_status": answer.status,
            "request_id": answer.request_id,
        }
        if answer.status == 429:
            wait = answer.retry_after()
            return RateLimited(message, limit=self.limit, retry_after=wait, **facts)
        if said is None or said.code in self.unsure or not 400 <= answer.status < 500:
            kind = OutcomeUnknown if call.writes else Transient
            return kind(message, retry_after=answer.retry_after(), **facts)
        if answer.status in (401, 403):
            return (CredentialsExpired if said.code in self.stale else ReconnectRequired)(
                message, **facts
            )
        reasons = [Reason(message, field=said.field, code=said.code)]
        return Rejected(message, reasons=reasons, code=self.codes.get(said.code, ""), **facts)

    def _is_result(self, call: Call, body: Any) -> bool:
        if isinstance(body, dict):
            return bool(body) and "error" not in body
        return isinstance(body, list) and not call.writes


def _parsed(answer: transport.Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
