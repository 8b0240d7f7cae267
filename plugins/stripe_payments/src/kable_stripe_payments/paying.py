"""Charge a final invoice. Whatever comes of that is payment status, never another invoice."""

from dataclasses import replace
from typing import Any

from kable_hub import (
    Connection,
    LeaseLost,
    OutcomeUnknown,
    ProviderError,
    Push,
    Receipt,
    Transient,
)
from kable_stripe_payments import client, mapping

REFUSALS = (400, 402)
"""Declined, to be confirmed by the customer, nothing to charge, or paid by now."""


def wants_payment(push: Push, invoice: Any) -> bool:
    """Whether a final invoice is to be charged at once and nobody tried yet."""
    tried = invoice.get("attempted") or invoice.get("attempt_count")
    return bool(push.document.get("pay")) and invoice["status"] == "open" and not tried


def at_once(connection: Connection, push: Push, invoice: Any) -> Any:
    """Charge a final invoice that nobody tried to charge yet, and read how it stands then.

    The invoice is final, so nothing here is an error: what could not be done or learned now
    Stripe does and tells later.
    """
    path = f"/v1/invoices/{invoice['id']}/pay"
    try:
        if wants_payment(push, invoice):
            client.of(connection).post("invoices.pay", path, {}, f"{push.key}-pay")
    except ProviderError as error:
        _let_pass(error)
    try:
        return read(connection, invoice["id"])
    except ProviderError as error:
        _let_pass(error)
    return invoice


def _let_pass(error: ProviderError) -> None:
    """Nothing about a payment is an error by now; only the loss of the lease ends everything."""
    if isinstance(error, LeaseLost):
        raise error


def collect(connection: Connection, receipt: Receipt, key: str) -> Receipt:
    """Charge an open invoice now. A decline is payment status, not an error."""
    path = f"/v1/invoices/{receipt.external_id}/pay"
    try:
        client.of(connection).post("invoices.pay", path, {}, key)
    except (Transient, OutcomeUnknown):
        raise
    except ProviderError as error:
        if error.http_status not in REFUSALS:
            raise
    invoice = read(connection, receipt.external_id)
    standing = mapping.to_receipt(invoice, connection.now())
    return replace(standing, tax=receipt.tax, adds_tax=receipt.adds_tax)


def read(connection: Connection, invoice: str) -> Any:
    """An invoice with its payment attempts, which Stripe shows only when asked."""
    expand = {"expand": ["payments.data.payment.payment_intent"]}
    return client.of(connection).get("invoices.get", f"/v1/invoices/{invoice}", expand)
