"""HTTP to Stripe: one request per method, inside the hub's gate, errors by the one table.

The transport is the hub's rather than the SDK's: it takes a timeout per call, follows no
redirect, tells whether a request left the machine, and costs a tenth of the CPU of a typed call.
The API version is the one the installed SDK was made for.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import stripe

from kable_hub import (
    JSON,
    Call,
    Connection,
    ConnectRequest,
    Environment,
    NeedsOperator,
    transport,
)
from kable_stripe_payments.errors import Answer, error_of
from kable_stripe_payments.forms import encode

PAGE = 100
"""Stripe's largest page of a list."""

Sent: TypeAlias = transport.Answer


@dataclass(frozen=True)
class Client:
    """Stripe in the name of one account. `gate` is the hub's `call`."""

    gate: Callable[..., AbstractContextManager[Call]]
    api: str
    key: str = field(repr=False)
    environment: Environment
    clock: Callable[[], datetime] = field(repr=False)
    account: str = ""

    def get(self, call: str, path: str, params: Mapping[str, JSON] | None = None) -> Any:
        """Read one object or page."""
        return self._request(call, "GET", path, params or {})

    def post(self, call: str, path: str, params: Mapping[str, JSON], key: str) -> Any:
        """Write, once per idempotency key of at most 255 characters."""
        return self._request(call, "POST", path, params, key)

    def delete(self, call: str, path: str) -> Any:
        """Remove an object."""
        return self._request(call, "DELETE", path, {})

    def pages(self, call: str, path: str, params: Mapping[str, JSON]) -> Iterator[Any]:
        """Every object of a list, newest first, page by page."""
        after: str | None = None
        while True:
            page = self.get(call, path, {**params, "limit": PAGE, "starting_after": after})
            yield from page["data"]
            if not page["has_more"]:
                return
            after = page["data"][-1]["id"]

    def _request(
        self, call: str, method: str, path: str, params: Mapping[str, JSON], key: str = ""
    ) -> Any:
        writes, form = method != "GET", encode(params)
        url = f"{self.api.rstrip('/')}{path}" + (f"?{form}" if form and not writes else "")
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": stripe.api_version}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.account:
            headers["Stripe-Account"] = self.account
        if key:
            headers["Idempotency-Key"] = key
        with self.gate(call, writes=writes) as gate:
            response = send(gate, method, url, headers, form if method == "POST" else None)
            body = read(response)
            # Every object of Stripe says what it is; what does not is none of Stripe's.
            if response.status == 200 and body and "object" in body:
                return body
            raise error_of(self._answer(gate, response, body))

    def _answer(self, gate: Call, response: Sent, body: dict[str, Any] | None) -> Answer:
        error = (body or {}).get("error")
        return Answer(
            call=gate.name,
            writes=gate.writes,
            status=response.status,
            headers=response.headers,
            environment=self.environment,
            platform=bool(self.account),
            readable=isinstance(error, dict),
            now=self.clock(),
            error=error if isinstance(error, dict) else {},
        )


def send(gate: Call, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Sent:
    """One HTTP request, whole. Raises Transient where it provably never left, or only read;
    OutcomeUnknown where a write got no readable answer."""
    return transport.send(gate, method, url, to="Stripe", headers=headers, body=body)


def read(response: Sent) -> dict[str, Any] | None:
    """The JSON object in an answer; None where there is none."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def of(connection: Connection) -> Client:
    """The client of a connection: its own key, or the platform's in the account's name."""
    if connection.credentials.get("mode") == "platform":
        key, account = platform_key(connection.app), connection.credentials["account"]
    else:
        key, account = connection.credentials["key"], ""
    return Client(
        gate=connection.call,
        api=connection.urls["api"],
        key=key,
        environment=connection.environment,
        clock=connection.now,
        account=account,
    )


def during(
    request: ConnectRequest, environment: Environment, key: str, account: str = ""
) -> Client:
    """The client of a connect dialogue, before there is a connection."""
    return Client(
        gate=request.call,
        api=request.urls[environment]["api"],
        key=key,
        environment=environment,
        clock=lambda: request.now,
        account=account,
    )


def platform_key(app: Mapping[str, str]) -> str:
    """The operator's secret key. Raises NeedsOperator where it is not set."""
    key = app.get("secret_key", "")
    if not key:
        raise NeedsOperator(
            "The secret key of the Stripe platform is not set.",
            code="not_configured",
            on="settings",
            scope="connection",
        )
    return key
