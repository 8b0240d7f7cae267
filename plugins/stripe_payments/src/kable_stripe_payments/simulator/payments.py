"""The simulated collection of final invoices: a charge, a decline, a customer who has to act."""

from typing import Any

from kable_stripe_payments.simulator.asked import Asked
from kable_stripe_payments.simulator.errors import ApiError
from kable_stripe_payments.simulator.invoices import named, shown
from kable_stripe_payments.simulator.state import Ledger, Object

NO_METHOD = "This customer has no attached payment source or default payment method."
ACTION = "authentication_required"


def pay(asked: Asked) -> Object:
    """POST /v1/invoices/{id}/pay."""
    invoice = named(asked)
    if invoice["status"] not in ("open", "uncollectible"):
        raise ApiError(400, f"Invoice is already {invoice['status']}", code="invoice_not_editable")
    if refusal := attempt(asked.sim, asked.ledger, invoice):
        raise refusal
    return shown(invoice, asked)


def attempt(sim: Any, ledger: Ledger, invoice: Object) -> ApiError | None:
    """Charge the default card, if there is one; the refusal, or None where it went through."""
    customer = ledger.get("customer", invoice["customer"], "customer")
    method = customer["invoice_settings"]["default_payment_method"] or customer["default_source"]
    invoice["attempted"] = True
    if not method:
        invoice["_intent"] = {"status": "requires_payment_method"}
        sim.emit(ledger, "invoice.payment_failed", invoice)
        return ApiError(400, NO_METHOD, code="resource_missing")
    invoice["attempt_count"] += 1
    if declined := ledger.of("payment_method").get(method, {}).get("_declines"):
        return _refused(sim, ledger, invoice, declined)
    invoice.update(status="paid", amount_paid=invoice["amount_due"], _intent=None)
    sim.emit(ledger, "invoice.paid", invoice)
    return None


def _refused(sim: Any, ledger: Ledger, invoice: Object, declined: str) -> ApiError:
    error = {"code": "card_declined", "decline_code": declined, "message": "Declined."}
    if declined == ACTION:
        invoice["_intent"] = {"status": "requires_action"}
        sim.emit(ledger, "invoice.payment_action_required", invoice)
    else:
        invoice["_intent"] = {"status": "requires_payment_method", "last_payment_error": error}
        sim.emit(ledger, "invoice.payment_failed", invoice)
    refusal = ApiError(402, "Your card was declined.", type="card_error", code="card_declined")
    refusal.body["error"]["decline_code"] = declined
    return refusal
