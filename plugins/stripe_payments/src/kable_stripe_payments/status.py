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
    if intent.get("last_payment_error") or invoice.get("attempt_count") or lacks_method(invoice):
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


def lacks_method(invoice: Mapping[str, Any]) -> bool:
    """Whether Stripe went to charge and found nothing to charge: not the same as a decline, and
    before a first attempt every intent stands like that."""
    intent = payment_intent(invoice)
    waits = intent.get("status") == "requires_payment_method"
    return bool(waits and invoice.get("attempted") and not intent.get("last_payment_error"))


def told(invoice: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message of what keeps an open invoice from being paid, or of how one came to be
    paid without a charge; two empty texts where there is nothing to tell."""
    if invoice.get("status") == "paid":
        return _without_charge(invoice)
    return _trouble(invoice) if invoice.get("status") == "open" else ("", "")


def _trouble(invoice: Mapping[str, Any]) -> tuple[str, str]:
    intent = payment_intent(invoice)
    if intent.get("status") == "requires_action":
        return "requires_action", "The customer has to confirm the payment."
    error = intent.get("last_payment_error") or {}
    if error:
        return error.get("decline_code") or error.get("code") or "", error.get("message") or ""
    if lacks_method(invoice):
        return "requires_payment_method", "The customer has no payment method to charge."
    return "", ""


def _without_charge(invoice: Mapping[str, Any]) -> tuple[str, str]:
    """Paid is not collected: a sum under Stripe's minimum is carried, a credit is used up."""
    if invoice.get("amount_paid_off_stripe"):
        return "paid_elsewhere", "It was marked as paid outside Stripe."
    if invoice.get("amount_paid"):
        return "", ""
    if not invoice.get("total"):
        return "no_charge", "There was nothing to pay."
    if (invoice.get("ending_balance") or 0) > 0:
        return "carried_to_balance", (
            "Paid without a charge: it is below Stripe's minimum, and was carried to the "
            "customer's balance, to be paid with a later invoice."
        )
    if (invoice.get("starting_balance") or 0) < 0:
        return "paid_from_balance", "Paid out of the customer's credit balance, without a charge."
    return "", ""
