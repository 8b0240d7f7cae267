"""The simulated API's gate: key, limiter, idempotency, parameters, then the endpoint."""

import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import stripe
from flask import Request, Response

from kable_stripe_payments.simulator import customers, invoices, payments
from kable_stripe_payments.simulator.asked import Asked, Handler
from kable_stripe_payments.simulator.errors import ApiError
from kable_stripe_payments.simulator.params import parse
from kable_stripe_payments.simulator.state import Account, Ledger, Object, Stored, new_id

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator

KEEPS = 24 * 3600


class Route(NamedTuple):
    """An endpoint: method, path, parameter type, the permission a restricted key needs."""

    method: str
    path: str
    params: str
    permission: str
    handler: Handler


def _account(asked: Asked) -> Object:
    return asked.account.as_object()


_ID = r"([^/]+)"
ROUTES = (
    Route(
        "GET", "account", "AccountRetrieveCurrentParams", "rak_accounts_kyc_basic_read", _account
    ),
    Route("POST", "customers", "CustomerCreateParams", "rak_customer_write", customers.create),
    Route("GET", "customers", "CustomerListParams", "rak_customer_read", customers.list_all),
    Route("GET", "customers/search", "CustomerSearchParams", "rak_customer_read", customers.search),
    Route(
        "GET", f"customers/{_ID}", "CustomerRetrieveParams", "rak_customer_read", customers.retrieve
    ),
    Route(
        "POST", f"customers/{_ID}", "CustomerUpdateParams", "rak_customer_write", customers.update
    ),
    Route("POST", "invoices", "InvoiceCreateParams", "rak_invoice_write", invoices.create),
    Route("GET", "invoices", "InvoiceListParams", "rak_invoice_read", invoices.list_all),
    Route("GET", f"invoices/{_ID}", "InvoiceRetrieveParams", "rak_invoice_read", invoices.retrieve),
    Route("POST", f"invoices/{_ID}", "InvoiceUpdateParams", "rak_invoice_write", invoices.update),
    Route("DELETE", f"invoices/{_ID}", "InvoiceDeleteParams", "rak_invoice_write", invoices.delete),
    Route(
        "GET",
        f"invoices/{_ID}/lines",
        "InvoiceLineItemListParams",
        "rak_invoice_read",
        invoices.list_lines,
    ),
    Route(
        "POST",
        f"invoices/{_ID}/add_lines",
        "InvoiceAddLinesParams",
        "rak_invoice_write",
        invoices.add_lines,
    ),
    Route(
        "POST",
        f"invoices/{_ID}/finalize",
        "InvoiceFinalizeInvoiceParams",
        "rak_invoice_write",
        invoices.finalize,
    ),
    Route("POST", f"invoices/{_ID}/pay", "InvoicePayParams", "rak_invoice_write", payments.pay),
    Route(
        "POST",
        f"invoices/{_ID}/void",
        "InvoiceVoidInvoiceParams",
        "rak_invoice_write",
        invoices.void,
    ),
    Route(
        "POST",
        "checkout/sessions",
        "checkout.SessionCreateParams",
        "rak_checkout_session_write",
        customers.create_session,
    ),
    Route(
        "GET",
        f"checkout/sessions/{_ID}",
        "checkout.SessionRetrieveParams",
        "rak_checkout_session_read",
        customers.retrieve_session,
    ),
    Route(
        "GET",
        f"setup_intents/{_ID}",
        "SetupIntentRetrieveParams",
        "rak_setup_intent_read",
        customers.retrieve_intent,
    ),
)


class Caller(NamedTuple):
    """Who a request's key and headers stand for."""

    account: Account
    ledger: Ledger
    lacks: frozenset[str]


class Limiter:
    """Sliding windows of one second per account and mode, and per endpoint in them."""

    def __init__(self) -> None:
        self.windows: dict[tuple[str, ...], deque[float]] = {}

    def take(self, key: tuple[str, ...], most: int, now: float) -> bool:
        """Whether one more fits into the window; takes it where it does."""
        window = self.windows.setdefault(key, deque())
        while window and window[0] <= now - 1:
            window.popleft()
        if len(window) >= most:
            return False
        window.append(now)
        return True


def serve(sim: "StripeSimulator", request: Request, path: str) -> Response:
    """Answer one API request."""
    try:
        caller = _caller(sim, request)
        route, id = _route(request, path)
        _limit(sim, caller, route)
        text, replayed = _answer(sim, request, caller, route, id)
    except ApiError as error:
        return _response(error.status, _json(error.body), error.headers)
    return _response(
        text.status, _json(text.body), {"Idempotent-Replayed": "true"} if replayed else {}
    )


def _caller(sim: "StripeSimulator", request: Request) -> Caller:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key:
        raise ApiError(401, "You did not provide an API key.")
    _version(request)
    named = request.headers.get("Stripe-Account", "")
    for live, secret in sim.secret_keys.items():
        if key == secret:
            return _platform(sim, named, live)
    if key not in sim.keys:
        raise ApiError(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
    restricted = sim.keys[key]
    if named not in ("", restricted.account):
        raise _no_access(key, named)
    account = sim.accounts[restricted.account]
    return Caller(account, account.ledger(restricted.live), restricted.lacks)


def _version(request: Request) -> None:
    version = request.headers.get("Stripe-Version", "")
    if version != stripe.api_version:
        raise ApiError(400, f"Invalid Stripe API version: {version}")


def _platform(sim: "StripeSimulator", named: str, live: bool) -> Caller:
    account = sim.accounts.get(named)
    if account is None or not account.reachable(live):
        raise _no_access(sim.secret_keys[live], named)
    return Caller(account, account.ledger(live), frozenset())


def _no_access(key: str, account: str) -> ApiError:
    return ApiError(
        403,
        f"The provided key '{key[:8]}****{key[-4:]}' does not have access to account "
        f"'{account}' (or that account does not exist). Application access may have been revoked.",
        code="account_invalid",
    )


def _route(request: Request, path: str) -> tuple[Route, str]:
    for route in ROUTES:
        match = re.fullmatch(route.path, path)
        if match and route.method == request.method:
            return route, match.group(1) if match.groups() else ""
    raise ApiError(404, f"Unrecognized request URL ({request.method}: /v1/{path}).")


def _limit(sim: "StripeSimulator", caller: Caller, route: Route) -> None:
    if sim.limits is None:
        return
    mode = "live" if caller.ledger.live else "test"
    now, base = sim.clock.monotonic(), (caller.account.id, mode)
    endpoint = "search" if route.path.endswith("search") else "endpoint"
    for key, most, reason in (
        ((*base, route.method, route.path), sim.limits[endpoint], "endpoint-rate"),
        (base, sim.limits[mode], "global-rate"),
    ):
        if not sim.limiter.take(key, most, now):
            sim.refused += 1
            raise ApiError(
                429,
                "Request rate limit exceeded.",
                code="rate_limit",
                headers={"Stripe-Rate-Limited-Reason": reason},
            )


def _answer(
    sim: "StripeSimulator", request: Request, caller: Caller, route: Route, id: str
) -> tuple[Stored, bool]:
    body = request.get_data(as_text=True)
    form = body if request.method == "POST" else request.query_string.decode()
    key, now = request.headers.get("Idempotency-Key", ""), sim.clock.now().timestamp()
    fingerprint = f"{request.method} {request.path} {form}"
    if request.method == "POST" and key:
        if len(key) > 255:
            raise ApiError(400, "Idempotency keys have at most 255 characters.")
        known = caller.ledger.stored.get(key)
        if known is not None and known.at > now - KEEPS:
            _same(known, fingerprint, key)
            return known, True
    if route.permission in caller.lacks:
        raise _lacking(route.permission, caller.account.id)
    asked = Asked(sim, caller.account, caller.ledger, parse(route.params, form), id)
    asked.expand("")
    stored = _run(sim, route, asked, fingerprint, now)
    if request.method == "POST" and key:
        caller.ledger.stored[key] = stored
    return stored, False


def _run(
    sim: "StripeSimulator", route: Route, asked: Asked, fingerprint: str, now: float
) -> Stored:
    """Execute; what comes out is kept under the key, a 500 included."""
    failure = sim.take_failure(fingerprint)
    if failure == "before":
        return Stored(fingerprint, 500, _broken(), now)
    try:
        result = Stored(fingerprint, 200, json.loads(_json(route.handler(asked))), now)
    except ApiError as error:
        return Stored(fingerprint, error.status, error.body, now)
    return Stored(fingerprint, 500, _broken(), now) if failure else result


def _broken() -> Object:
    return {"error": {"type": "api_error", "message": "An unknown error occurred."}}


def _same(known: Stored, fingerprint: str, key: str) -> None:
    if known.request != fingerprint:
        raise ApiError(
            400,
            f"Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}'.",
            type="idempotency_error",
        )


def _lacking(permission: str, account: str) -> ApiError:
    return ApiError(
        403,
        "The provided key does not have the required permissions for this endpoint on account "
        f"'{account}'. Having the '{permission}' permission would allow this request to continue.",
    )


def _json(body: Any) -> str:
    return json.dumps(body, default=str)


def _response(status: int, text: str, headers: dict[str, str]) -> Response:
    named = {"Request-Id": new_id("req"), **headers}
    return Response(text, status, named, mimetype="application/json")
