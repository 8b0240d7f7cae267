"""How the collection of a Stripe invoice stands, read off the invoice."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kable_hub import PaymentStatus

_FINAL = {
    "paid": PaymentStatus.PAID,
    "void": PaymentStatus.VOID,
    "uncollectible": PaymentStatus.UNCOLLECTIBLE,
}


def payment_status(invoice: Mapping[str, Any], now: datetime) -> PaymentStatus | None:
    """The status of an invoice at Stripe; None for a draft or a word nobody knows yet.

    What went wrong with a charge shows only where `payments.data.payment.payment_intent` is
    expanded.
    """
    status = invoice.get("status")
    if status != "open":
        return _FINAL.get(str(status))
    intent = payment_intent(invoice)
    if intent.get("status") == "requires_action":
        return PaymentStatus.REQUIRES_ACTION
    if intent.get("last_payment_error") or invoice.get("attempt_count"):
        return PaymentStatus.PAYMENT_FAILED
    if invoice.get("amount_paid"):
        return PaymentStatus.PARTIALLY_PAID
    due = invoice.get("due_date")
    return PaymentStatus.OVERDUE if due and due < now.timestamp() else PaymentStatus.OPEN


def payment_intent(invoice: Mapping[str, Any]) -> Mapping[str, Any]:
    """The newest expanded PaymentIntent of an invoice, or nothing."""
    for payment in (invoice.get("payments") or {}).get("data") or ():
        intent = (payment.get("payment") or {}).get("payment_intent")
        if isinstance(intent, Mapping):
            return intent
    return {}


def trouble(invoice: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message of what keeps an open invoice from being paid, or two empty texts."""
    intent = payment_intent(invoice)
    error = intent.get("last_payment_error") or {}
    if error:
        return error.get("decline_code") or error.get("code") or "", error.get("message") or ""
    if intent.get("status") == "requires_payment_method":
        return "requires_payment_method", "The customer has no payment method to charge."
    if intent.get("status") == "requires_action":
        return "requires_action", "The customer has to confirm the payment."
    return "", ""
