"""The page on which a customer leaves a card, and what its completion means."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from kable_hub import Connection, CustomerLink, HostedPage
from kable_stripe_payments import client

LIVES = timedelta(minutes=31)
"""Stripe's least is thirty minutes after it made the page; one more for clocks that differ."""


def hosted_page(
    connection: Connection, link: CustomerLink, success_url: str, failure_url: str
) -> HostedPage:
    """A Checkout page in setup mode. Each call makes a new one."""
    page = str(uuid.uuid4())
    marks = {
        "hub_customer_id": link.customer.id,
        "hub_connection": connection.id,
        "hub_page": page,
    }
    params = {
        "mode": "setup",
        "customer": link.reference,
        "currency": (link.currency or link.customer.currency).lower(),
        "success_url": success_url,
        "cancel_url": failure_url,
        "expires_at": int((connection.now() + LIVES).timestamp()),
        "client_reference_id": link.customer.id,
        "metadata": marks,
        "setup_intent_data": {"metadata": marks},
    }
    session = client.of(connection).post("checkout.create", "/v1/checkout/sessions", params, page)
    return HostedPage(session["url"], datetime.fromtimestamp(session["expires_at"], UTC), page)


def page_of(connection: Connection, metadata: Mapping[str, str] | None) -> str:
    """The page that a session or setup intent belongs to; empty where it is not this
    connection's: other platforms, and other hubs, share the account."""
    marks = metadata or {}
    return marks.get("hub_page", "") if marks.get("hub_connection") == connection.id else ""
