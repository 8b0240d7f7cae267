"""Customers at Stripe: check one, look for one, make one, and is there something to charge."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kable_hub import (
    Candidate,
    Connection,
    Customer,
    Environment,
    LinkedCustomer,
    NeedsCustomer,
    NeedsOperator,
    Rejected,
    canonical,
)
from kable_stripe_payments import client, mapping

SKEW = timedelta(minutes=5)
"""How far Stripe's clock and the hub's may be apart."""

SUGGESTED = 25
"""How many suggestions a person is shown."""

_NO_ACCESS = ("permission_missing", "account_invalid")

CARD = "hub_card"
"""The customer's metadata that says when, and by which setup intent, the card was saved that
the hub made the default."""


def check(connection: Connection, reference: str) -> LinkedCustomer:
    """The customer behind a reference. Raises Rejected where it cannot be charged through
    this connection: unknown, deleted, or of the other environment."""
    try:
        customer = client.of(connection).get("customers.get", f"/v1/customers/{reference}")
    except Rejected as error:
        raise _explained(error, reference, connection.environment) from None
    if customer.get("deleted"):
        raise Rejected(f"{reference} was deleted at Stripe.", code="inactive_customer")
    if customer["livemode"] != (connection.environment is Environment.LIVE):
        raise _wrong_environment(reference, connection.environment)
    return _linked(connection, customer)


def _linked(connection: Connection, customer: mapping.Stripe) -> LinkedCustomer:
    found = mapping.to_linked_customer(customer, _warnings(connection, customer))
    return replace(found, ready=mapping.is_ready(customer, connection.settings))


def _explained(error: Rejected, reference: str, environment: Environment) -> Rejected:
    if error.http_status != 404:
        return error
    if "similar object exists" in error.message:
        return _wrong_environment(reference, environment)
    return Rejected(
        f"There is no customer {reference} in this Stripe account.",
        code="unknown_customer",
        provider_code=error.provider_code,
        http_status=404,
        request_id=error.request_id,
    )


def _wrong_environment(reference: str, environment: Environment) -> Rejected:
    other = next(one for one in Environment if one is not environment)
    return Rejected(
        f"{reference} exists in {other} mode, and this is {environment} mode. "
        f"Link it in the hub's {other} environment.",
        code="wrong_environment",
    )


def _warnings(connection: Connection, customer: mapping.Stripe) -> tuple[str, ...]:
    if mapping.is_ready(customer, connection.settings):
        return ()
    if connection.settings["collection_method"] == "send_invoice":
        return ("The customer has no e-mail address: Stripe cannot mail invoices.",)
    return ("The customer has no default payment method: invoices wait until there is one.",)


def create(connection: Connection, customer: Customer, key: str, since: datetime) -> LinkedCustomer:
    """The customer made for this hub customer: the one that stands there, or a new one."""
    stripe = client.of(connection)
    found = _look(stripe, customer, since, connection.now())
    if found is None:
        params = mapping.to_customer_params(customer)
        # Stripe keeps refusals under a key too; a customer corrected since gets a key of its own.
        key = f"{key}-{canonical.digest(params)[:16]}"
        found = stripe.post("customers.create", "/v1/customers", params, key)
    return _linked(connection, found)


def _look(stripe: client.Client, customer: Customer, since: datetime, now: datetime) -> Any:
    """By mail address first, whenever it was made; on a repeat also by the whole window, since
    the address may have changed on either side. Lists never lag, the search index does."""
    window = {"created": {"gte": int((since - SKEW).timestamp())}}
    email = mapping.first_email(customer.email)
    filters: list[Mapping[str, Any]] = [{"email": email}] if email else []
    if now - since > timedelta(minutes=1) or not email:
        filters.append(window)
    for one in filters:
        hits = [
            found
            for found in stripe.pages("customers.list", "/v1/customers", one)
            if found["metadata"].get("hub_customer_id") == customer.id
        ]
        if len(hits) > 1:
            raise NeedsOperator(
                "Several customers at Stripe carry this customer's mark. Pick one.",
                code="several_customers",
                on="link",
                scope="customer",
                choices=[Candidate(hit["id"], hit.get("name") or hit["id"]) for hit in hits],
            )
        if hits:
            return hits[0]
    return None


def require_chargeable(connection: Connection, reference: str, settings: Mapping[str, Any]) -> None:
    """Raise where an invoice for this customer would go nowhere, before anything is made.

    NeedsCustomer `requires_payment_method`; NeedsOperator `customer_gone`, `customer_email`.
    """
    customer = read(connection, reference)
    if customer is None:
        raise gone(reference)
    if mapping.is_ready(customer, settings):
        return
    if settings["collection_method"] == "send_invoice":
        raise NeedsOperator(
            "The customer has no e-mail address at Stripe, so no invoice can be mailed.",
            code="customer_email",
            on="customer",
            scope="customer",
        )
    raise NeedsCustomer(
        "The customer has no default payment method at Stripe.",
        code="requires_payment_method",
        on="customer",
        scope="customer",
    )


def read(connection: Connection, reference: str) -> Any:
    """The customer as it stands at Stripe, None where it was deleted."""
    try:
        customer = client.of(connection).get("customers.get", f"/v1/customers/{reference}")
    except Rejected as error:
        if error.http_status != 404:
            raise
        return None
    return None if customer.get("deleted") else customer


def gone(reference: str) -> NeedsOperator:
    """The error for a linked customer that Stripe no longer has."""
    return NeedsOperator(
        f"The linked customer {reference} no longer exists at Stripe. Link another one.",
        code="customer_gone",
        on="link",
        scope="customer",
    )


def search(connection: Connection, query: str) -> list[LinkedCustomer]:
    """At most 25 suggestions for what a person typed: an id, a name, an e-mail address.

    The list by e-mail address never lags, but takes the address letter for letter; the search
    finds the rest, some time after it was made.
    """
    text = query.strip()
    if text.startswith("cus_"):
        return _by_id(connection, text)
    if not text:
        return []
    stripe = client.of(connection)
    params = {"email": text, "limit": SUGGESTED}
    exact = _page(stripe, params) if "@" in text else []
    found = {one["id"]: one for one in (*exact, *_search(stripe, text))}
    return [mapping.to_linked_customer(one) for one in list(found.values())[:SUGGESTED]]


def _search(stripe: client.Client, text: str) -> list[Any]:
    """By Stripe's search; where the account has none (in India, say), the newest that fit."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    sign = "~" if len(text) >= 3 else ":"
    params = {"query": f'name{sign}"{quoted}" OR email{sign}"{quoted}"', "limit": SUGGESTED}
    try:
        found: list[Any] = stripe.get("customers.search", "/v1/customers/search", params)["data"]
    except (Rejected, NeedsOperator) as error:
        if error.http_status not in (400, 403) or error.code in _NO_ACCESS:
            raise
        newest = _page(stripe, {"limit": client.PAGE})
        found = [one for one in newest if text.casefold() in _words(one)]
    return found


def _words(customer: mapping.Stripe) -> str:
    return f"{customer.get('name') or ''} {customer.get('email') or ''}".casefold()


def _page(stripe: client.Client, params: Mapping[str, Any]) -> list[Any]:
    page: list[Any] = stripe.get("customers.list", "/v1/customers", params)["data"]
    return page


def _by_id(connection: Connection, reference: str) -> list[LinkedCustomer]:
    if not reference.removeprefix("cus_").isalnum():
        return []
    try:
        return [check(connection, reference)]
    except Rejected:
        return []


def make_default(connection: Connection, reference: str, intent: mapping.Stripe) -> bool:
    """Charge what a setup intent saved from now on; False where the customer is gone.

    Two events tell of one card, in any order and days apart: what was saved before the card
    that was taken over last, or is that card, changes nothing any more.
    """
    customer = read(connection, reference)
    if customer is None:
        return False
    stored, _, known = customer["metadata"].get(CARD, "").partition(" ")
    last = int(stored) if stored.isascii() and stored.isdigit() else 0
    if last > intent["created"] or known == intent["id"]:
        return True
    params = {
        "invoice_settings": {"default_payment_method": intent["payment_method"]},
        "metadata": {CARD: f"{intent['created']} {intent['id']}"},
    }
    key = f"hub-default-{reference}-{intent['id']}"
    client.of(connection).post("customers.update", f"/v1/customers/{reference}", params, key)
    return True
