"""The page on which a customer leaves a card, and what its completion means."""

import uuid
from datetime import UTC, datetime, timedelta

from kable_hub import Connection, CustomerLink, HostedPage
from kable_stripe_payments import client

LIVES = timedelta(minutes=31)
"""Stripe's least is thirty minutes after it made the page; one more for clocks that differ."""


def hosted_page(
    connection: Connection, link: CustomerLink, success_url: str, failure_url: str
) -> HostedPage:
    """A Checkout page in setup mode. Each call makes a new one."""
    marks = {"hub_customer_id": link.customer.id}
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
    session = client.of(connection).post(
        "checkout.create", "/v1/checkout/sessions", params, str(uuid.uuid4())
    )
    return HostedPage(session["url"], datetime.fromtimestamp(session["expires_at"], UTC))
