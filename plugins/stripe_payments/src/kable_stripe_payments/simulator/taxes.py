"""The simulated taxes: given amounts, tax rates, and a Stripe Tax that knows a few countries."""

from decimal import ROUND_HALF_UP, Decimal

from kable_stripe_payments.simulator.errors import ApiError, missing
from kable_stripe_payments.simulator.state import Ledger, Object

COUNTRIES = {"DE": Decimal(19), "FR": Decimal(20), "GB": Decimal(20), "US": Decimal("8.25")}
"""What the simulated Stripe Tax takes, in percent; elsewhere nothing."""


def add_rate(ledger: Ledger, percentage: str, *, inclusive: bool = False) -> str:
    """Seed a tax rate; its `txr_...` id."""
    values = {
        "percentage": Decimal(percentage),
        "inclusive": inclusive,
        "active": True,
        "display_name": "VAT",
    }
    return str(ledger.add("tax_rate", "txr", values)["id"])


def of_line(invoice: Object, line: Object, amount: int, at: int, ledger: Ledger) -> list[Object]:
    """The taxes of a new line; ways that do not go together are refused."""
    given, rates = line.get("tax_amounts") or [], line.get("tax_rates") or []
    enabled = invoice["automatic_tax"]["enabled"]
    if (given and rates) or (enabled and (given or rates or amount < 0)):
        message = "These ways of tax cannot be used on one invoice, nor negative amounts with tax."
        raise ApiError(400, message, param=f"lines[{at}][tax_rates]")
    if given:
        return [_part(tax["amount"], tax["taxable_amount"], "txr_given") for tax in given]
    return [_by_rate(ledger, rate, amount, f"lines[{at}][tax_rates][0]") for rate in rates]


def _by_rate(ledger: Ledger, id: str, amount: int, param: str) -> Object:
    if id not in ledger.of("tax_rate"):
        raise missing("tax rate", id, param)
    rate = ledger.of("tax_rate")[id]
    return _part(_share(amount, rate["percentage"]), amount, id, inclusive=rate["inclusive"])


def _share(amount: int, percentage: Decimal) -> int:
    return int((amount * percentage / 100).quantize(Decimal(1), ROUND_HALF_UP))


def _part(amount: int, taxable: int, rate: str, *, inclusive: bool = False) -> Object:
    return {
        "amount": amount,
        "taxable_amount": taxable,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate},
        "type": "tax_rate_details",
    }


def recompute(invoice: Object, ledger: Ledger, *, tells: bool = True) -> None:
    """Totals from the rows: an inherited coupon takes its percentage, taxes come on top."""
    rows = invoice["_rows"]
    if invoice["automatic_tax"]["enabled"]:
        work_out(invoice, ledger, tells)
    base = sum(row["amount"] for row in rows if row["discountable"])
    invoice["subtotal"] = sum(row["amount"] for row in rows)
    taxes = [tax for row in rows for tax in row["taxes"]]
    off = base * invoice["_coupon"] // 100
    on_top = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    invoice["total"] = invoice["subtotal"] - off + on_top
    invoice["total_taxes"] = taxes
    invoice["amount_due"] = max(0, invoice["total"])


def work_out(invoice: Object, ledger: Ledger, tells: bool) -> None:
    """Stripe Tax on a draft: by the country of the customer, where it has one; else the draft
    `tells` that, or only a try to finalize it does."""
    country = country_of(invoice, ledger)
    unplaced = "requires_location_inputs" if tells else None
    invoice["automatic_tax"]["status"] = "complete" if country else unplaced
    percentage = COUNTRIES.get(country, Decimal(0))
    for row in invoice["_rows"]:
        amount = _share(row["amount"], percentage)
        row["taxes"] = [_part(amount, row["amount"], "txr_automatic")] if country else []


def country_of(invoice: Object, ledger: Ledger) -> str:
    """The country of an invoice's customer, empty where Stripe Tax cannot tell."""
    customer = ledger.get("customer", invoice["customer"], "customer")
    return str((customer.get("address") or {}).get("country") or "")


def refuse_unplaced(invoice: Object, ledger: Ledger) -> None:
    """Finalizing with Stripe Tax needs a customer who can be placed."""
    if invoice["automatic_tax"]["enabled"] and not country_of(invoice, ledger):
        message = "The customer's location isn't recognized. Set a valid customer address."
        raise ApiError(400, message, code="customer_tax_location_invalid", param="automatic_tax")


def switch(invoice: Object, enabled: bool) -> None:
    """Turn Stripe Tax on or off on a draft."""
    invoice["automatic_tax"] = {"enabled": enabled, "status": None}
    for row in invoice["_rows"]:
        row["taxes"] = []
