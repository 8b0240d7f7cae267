"""HTTP to Stripe: one request per method, inside the hub's gate, errors by the one table.

The transport is `requests` rather than the SDK's: it takes a timeout per call, follows no
redirect, shows whether a request left the machine, and costs half the CPU of `raw_request`.
The API version is the one the installed SDK was made for.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
import simplejson
import stripe
from urllib3.exceptions import NameResolutionError, NewConnectionError

from kable_hub import (
    JSON,
    Call,
    Connection,
    ConnectRequest,
    Environment,
    NeedsOperator,
    OutcomeUnknown,
    Transient,
)
from kable_stripe_payments.errors import Answer, error_of
from kable_stripe_payments.forms import encode

PAGE = 100
"""Stripe's largest page of a list."""

_threads = threading.local()


def _session() -> requests.Session:
    """This thread's session: `requests` sessions are not safe to share."""
    session: requests.Session | None = getattr(_threads, "session", None)
    if session is None:
        session = _threads.session = requests.Session()
        session.trust_env = False
        session.headers.clear()
        session.headers.update({"User-Agent": "kable-hub", "Accept-Encoding": "gzip"})
    return session


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
            response = send(
                gate, method, url, headers=headers, data=form if method == "POST" else None
            )
            body = _read(response)
            if response.status_code == 200 and body is not None:
                return body
            raise error_of(self._answer(gate, response, body))

    def _answer(
        self, gate: Call, response: requests.Response, body: dict[str, Any] | None
    ) -> Answer:
        error = (body or {}).get("error")
        return Answer(
            call=gate.name,
            writes=gate.writes,
            status=response.status_code,
            headers=response.headers,
            environment=self.environment,
            platform=bool(self.account),
            readable=isinstance(error, dict),
            now=self.clock(),
            error=error if isinstance(error, dict) else {},
        )


def send(gate: Call, method: str, url: str, **options: Any) -> requests.Response:
    """One HTTP request, whole. Raises Transient where it provably never left, or only read;
    OutcomeUnknown where a write got no readable answer."""
    try:
        response = _session().request(
            method, url, timeout=gate.timeout, allow_redirects=False, **options
        )
    except requests.RequestException as error:
        if not gate.writes or _never_sent(error):
            raise Transient(
                f"Stripe could not be reached ({gate.name}).", code="unreachable"
            ) from None
        raise OutcomeUnknown(
            f"Stripe's answer to {gate.name} was lost.", code="no_answer"
        ) from None
    gate.answered(response.status_code, response.headers.get("Request-Id", ""))
    return response


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the connection failed before any byte of the request was on its way."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause: object = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    return isinstance(cause, NewConnectionError | NameResolutionError)


def _read(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = simplejson.loads(response.content, use_decimal=True)
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
