"""The simulated customers, Checkout pages in setup mode, and what comes of them."""

import re
from collections.abc import Callable

from kable_stripe_payments.simulator.asked import Asked
from kable_stripe_payments.simulator.errors import ApiError, missing
from kable_stripe_payments.simulator.state import Ledger, Object, new_id, page

_HOUR = 3600


def blank(name: str, email: str) -> Object:
    """A customer's fields at the start."""
    return {
        "name": name or None,
        "email": email or None,
        "balance": 0,
        "currency": None,
        "default_source": None,
        "invoice_prefix": new_id("p")[2:10].upper(),
        "invoice_settings": {"default_payment_method": None},
    }


def create(asked: Asked) -> Object:
    """POST /v1/customers."""
    params = asked.params
    values = blank(params.get("name", ""), params.get("email", ""))
    marks = {"metadata": dict(params.get("metadata") or {}), "address": params.get("address")}
    customer = asked.ledger.add("customer", "cus", {**values, **marks})
    customer["id"] = _short(asked.ledger, customer)
    return shown(customer)


def _short(ledger: Ledger, customer: Object) -> str:
    """Customer ids are shorter than others."""
    short: str = customer["id"][:18]
    ledger.of("customer")[short] = ledger.of("customer").pop(customer["id"])
    return short


def add(ledger: Ledger, name: str, email: str, *, with_card: bool) -> Object:
    """Seed a customer, with a default card or without."""
    customer = ledger.add("customer", "cus", blank(name, email))
    customer["id"] = _short(ledger, customer)
    if with_card:
        method = add_card(ledger, customer["id"])
        customer["invoice_settings"]["default_payment_method"] = method
    return customer


def add_card(ledger: Ledger, customer: str, *, declines: str = "") -> str:
    """Attach a card without making it the default; its id. `declines` is a decline code."""
    card = {"type": "card", "customer": customer, "_declines": declines}
    return str(ledger.add("payment_method", "pm", card)["id"])


def retrieve(asked: Asked) -> Object:
    """GET /v1/customers/{id}: a deleted one answers 200 and says so."""
    return shown(asked.ledger.get("customer", asked.id))


def list_all(asked: Asked) -> Object:
    """GET /v1/customers; the e-mail matches exactly, case and all."""
    email = asked.params.get("email")

    def keep(one: Object) -> bool:
        return not one.get("deleted") and email in (None, one["email"])

    found = asked.ledger.page("customer", asked.params, "/v1/customers", keep)
    return {**found, "data": [shown(one) for one in found["data"]]}


def search(asked: Asked) -> Object:
    """GET /v1/customers/search: `field~"part"` or `field:"whole"`, joined by OR; it lags."""
    tests = [_term(term) for term in re.split(r"\s+OR\s+", asked.params["query"])]
    seen = asked.ledger.now() - asked.sim.search_lag
    rows = [
        one
        for one in reversed(asked.ledger.of("customer").values())
        if not one.get("deleted") and one["created"] <= seen and any(test(one) for test in tests)
    ]
    found = page(rows, {"limit": asked.params.get("limit", 10)}, "/v1/customers/search")
    return {**found, "object": "search_result", "data": [shown(one) for one in found["data"]]}


def _term(term: str) -> Callable[[Object], bool]:
    match = re.fullmatch(r'(name|email)([~:])"((?:[^"\\]|\\.)*)"', term)
    if match is None:
        raise ApiError(400, f"We were unable to parse your search query: {term}", param="query")
    field, sign, text = match.group(1), match.group(2), re.sub(r"\\(.)", r"\1", match.group(3))
    if sign == "~" and len(text) < 3:
        raise ApiError(400, "Substrings need at least three characters", param="query")

    def test(one: Object) -> bool:
        have, want = (one[field] or "").lower(), text.lower()
        return want in have if sign == "~" else want == have

    return test


def update(asked: Asked) -> Object:
    """POST /v1/customers/{id}."""
    customer = asked.ledger.get("customer", asked.id)
    if customer.get("deleted"):
        raise missing("customer", asked.id, "id")
    method = (asked.params.get("invoice_settings") or {}).get("default_payment_method")
    if method:
        card = asked.ledger.get("payment_method", method, "payment_method")
        if card["customer"] != customer["id"]:
            raise ApiError(400, "The payment method belongs to another customer")
        customer["invoice_settings"]["default_payment_method"] = method
    customer["metadata"].update(asked.params.get("metadata") or {})
    asked.sim.emit(asked.ledger, "customer.updated", customer)
    return shown(customer)


def shown(customer: Object) -> Object:
    """The customer as the API shows it."""
    if customer.get("deleted"):
        return {"id": customer["id"], "object": "customer", "deleted": True}
    return {name: value for name, value in customer.items() if not name.startswith("_")}


def create_session(asked: Asked) -> Object:
    """POST /v1/checkout/sessions, setup mode only."""
    params, now = asked.params, asked.ledger.now()
    if params.get("mode") != "setup":
        raise ApiError(400, "The simulator knows setup mode only.", param="mode")
    if not params.get("currency") and not params.get("allowed_payment_method_types"):
        raise ApiError(400, "Missing required param: currency.", param="currency")
    customer = asked.ledger.get("customer", params.get("customer", ""), "customer")
    if customer.get("deleted"):
        raise missing("customer", customer["id"], "customer")
    expires = params.get("expires_at", now + 24 * _HOUR)
    if not now + _HOUR // 2 <= expires <= now + 24 * _HOUR:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise ApiError(400, message, param="expires_at")
    session = asked.ledger.add("checkout.session", "cs", _session(params, expires))
    session["url"] = f"{asked.sim.url}/c/pay/{session['id']}"
    return shown(session)


def _session(params: Object, expires: int) -> Object:
    data = params.get("setup_intent_data") or {}
    return {
        "mode": "setup",
        "status": "open",
        "customer": params["customer"],
        "client_reference_id": params.get("client_reference_id"),
        "metadata": dict(params.get("metadata") or {}),
        "expires_at": expires,
        "success_url": params.get("success_url"),
        "cancel_url": params.get("cancel_url"),
        "setup_intent": None,
        "_marks": dict(data.get("metadata") or {}),
    }


def retrieve_session(asked: Asked) -> Object:
    """GET /v1/checkout/sessions/{id}."""
    return shown(asked.ledger.get("checkout.session", asked.id))


def retrieve_intent(asked: Asked) -> Object:
    """GET /v1/setup_intents/{id}."""
    return shown(asked.ledger.get("setup_intent", asked.id))
