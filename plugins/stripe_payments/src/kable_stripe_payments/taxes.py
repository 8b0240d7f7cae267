"""The four ways of tax on a Stripe invoice, exactly one of them on each.

`amounts`: the hub's tax stands on each line. `line`: the hub's tax is lines of its own. `rates`:
Stripe's tax rates stand on each line, and Stripe works out what the hub did. `automatic`: Stripe
Tax works it out alone, on top of the invoice.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from kable_hub import (
    JSON,
    Invoice,
    InvoiceLine,
    NeedsOperator,
    ProviderError,
    Push,
    Rejected,
)
from kable_stripe_payments.declaration import captions

NO_LOCATION = frozenset({"customer_tax_location_invalid", "requires_location_inputs"})
"""How Stripe says that it cannot tell where the customer is taxed."""

LONGEST_NAME = 250


def refuse_doubled(invoice: Invoice, settings: Mapping[str, Any]) -> None:
    """Raise NeedsOperator where Stripe Tax could not work out the tax of these lines."""
    if settings["tax"] != "automatic":
        return
    for place, line in enumerate(invoice.lines, 1):
        if line.tax:
            said = f"Line {place} brings tax of its own, and Stripe Tax is to work it out."
            raise NeedsOperator(
                f"{said} Send it without tax, or choose another way of tax.",
                code="tax_twice",
                on="settings",
            )
        if line.amount < 0:
            said = f"Line {place} is negative, which Stripe Tax does not take."
            raise NeedsOperator(
                f"{said} Choose another way of tax.", code="tax_of_negative_line", on="settings"
            )


def on_line(
    row: InvoiceLine, amount: int, tax: int | None, currency: str, settings: Mapping[str, Any]
) -> dict[str, JSON]:
    """The parameters of a line that concern tax (and in `automatic` its price), in Stripe's
    units. Raises NeedsOperator (`tax_rate_missing`)."""
    match settings["tax"]:
        case "rates":
            rate = rate_of(row, settings)
            return {"amount": amount, **({"tax_rates": [rate]} if rate else {})}
        case "automatic":
            return {"price_data": _price(row, amount, currency), "quantity": 1}
        case "amounts" if tax is not None:
            part = {"amount": tax, "taxable_amount": amount, "tax_rate_data": _data(row, settings)}
            return {"amount": amount, "tax_amounts": [part]}
    return {"amount": amount}


def rate_of(row: InvoiceLine, settings: Mapping[str, Any]) -> str:
    """The `txr_...` for a line by its tax code, else by its rate; empty where it has no tax."""
    rates = {_key(name): rate for name, rate in captions(settings["tax_rates"]).items()}
    names = [name for name in (row.tax_code, _percent(row.tax_rate)) if name]
    found = next((rates[_key(name)] for name in names if _key(name) in rates), "")
    if found or not row.tax:
        return found
    wanted = " or ".join(names) or "a line with tax but neither code nor rate"
    raise NeedsOperator(
        f"There is no Stripe tax rate for {wanted}: add it to the setting tax_rates.",
        code="tax_rate_missing",
        on="settings",
    )


def _key(name: str) -> str:
    """`19`, `19.00` and `19 %` are one name; codes differ by their capitals no more."""
    text = name.strip().removesuffix("%").strip()
    try:
        return _percent(Decimal(text))
    except InvalidOperation:
        return text.casefold()


def _percent(rate: Decimal | None) -> str:
    return "" if rate is None else f"{rate.normalize():f}"


def _price(row: InvoiceLine, amount: int, currency: str) -> dict[str, JSON]:
    """A price made for this line alone: only so can be said that tax comes on top of it."""
    product: dict[str, JSON] = {"name": row.description[:LONGEST_NAME]}
    if row.tax_code.startswith("txcd_"):
        product["tax_code"] = row.tax_code
    return {
        "currency": currency.lower(),
        "unit_amount": amount,
        "tax_behavior": "exclusive",
        "product_data": product,
    }


def _data(row: InvoiceLine, settings: Mapping[str, Any]) -> dict[str, JSON]:
    return {
        "display_name": settings["tax_name"],
        "inclusive": False,
        "percentage": percentage(row),
    }


def percentage(row: InvoiceLine) -> Decimal:
    """The rate as Stripe takes it: 0 to 100, four decimals; worked out where none is given."""
    rate = row.tax_rate
    if rate is None and row.amount:
        rate = Decimal(row.tax) * 100 / Decimal(row.amount)
    if rate is None or not 0 <= rate <= 100:
        return Decimal(0)
    return Decimal(f"{rate.quantize(Decimal('0.0001')).normalize():f}")


def is_automatic(invoice: Mapping[str, Any]) -> bool:
    """Whether Stripe Tax works on a Stripe invoice."""
    return bool((invoice.get("automatic_tax") or {}).get("enabled"))


def added(invoice: Mapping[str, Any]) -> int:
    """What Stripe Tax put on top of the lines, in Stripe's units."""
    if not is_automatic(invoice):
        return 0
    parts = invoice.get("total_taxes") or ()
    return sum(part["amount"] for part in parts if part.get("tax_behavior") != "inclusive")


def lacks_location(invoice: Mapping[str, Any]) -> bool:
    """Whether Stripe Tax has said on a draft that the customer's address is of no use."""
    automatic = invoice.get("automatic_tax") or {}
    return bool(automatic.get("enabled")) and automatic.get("status") in NO_LOCATION


def goes_without(push: Push) -> bool:
    """Whether an invoice is sent without tax where Stripe Tax cannot work it out. Frozen."""
    return push.document.get("tax_failure") == "send"


def location_unusable(push: Push) -> NeedsOperator:
    """The error for a customer whom Stripe Tax cannot place."""
    return NeedsOperator(
        f"Stripe Tax cannot use the address of {push.link.reference}: correct it at Stripe, or "
        "have such invoices sent without tax (setting tax_failure).",
        code="customer_tax_location",
        on="customer",
        scope="customer",
    )


def explained(error: Rejected) -> ProviderError:
    """A refusal of a tax rate or of Stripe Tax as a matter of the settings, others as is."""
    fields = " ".join(one.field for one in error.reasons)
    if "tax_rates" in fields or (error.code == "resource_missing" and "tax rate" in error.message):
        said = f"{error.message} Tax rates belong to one Stripe account and one mode."
        return _in_settings(error, "tax_rate_unknown", f"{said} Correct the setting tax_rates.")
    if error.code == "stripe_tax_inactive" or "automatic_tax" in fields:
        return _in_settings(error, "stripe_tax_refused", error.message)
    return error


def _in_settings(error: Rejected, code: str, said: str) -> NeedsOperator:
    return NeedsOperator(
        said,
        code=code,
        on="settings",
        provider_code=error.provider_code,
        http_status=error.http_status,
        request_id=error.request_id,
    )
