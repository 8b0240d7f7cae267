"""Lines of an invoice: amounts that multiply out, items, tax codes."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from kable_hub import InvoiceLine, NeedsOperator, money
from kable_quickbooks_ledger import text
from kable_quickbooks_ledger.company import Company

DECIMALS = 7
"""QuickBooks keeps so many decimals of a quantity and a unit price."""
TAXED = ("tax_code", "Tax code for taxed lines")
UNTAXED = ("no_tax_code", "Tax code for untaxed lines")


def to_line(
    line: InvoiceLine, currency: str, company: Company, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """One line of the document; what it says multiplies out to the amount exactly."""
    amount = money.to_major(line.amount, currency)
    quantity, price, prefix = _product(line, amount)
    detail = {
        "ItemRef": {"value": _item(line, settings)},
        "Qty": quantity,
        "UnitPrice": price,
        "TaxCodeRef": reference(_tax_code(line, company, settings)),
        "ClassRef": reference(settings.get("item_class", "")),
        "ServiceDate": line.service_date.isoformat() if line.service_date else None,
    }
    written = {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "Description": text.cleaned(prefix + line.description, 4000),
        "SalesItemLineDetail": {key: value for key, value in detail.items() if value is not None},
    }
    return {key: value for key, value in written.items() if value != ""}


def _product(line: InvoiceLine, amount: Decimal) -> tuple[Decimal, Decimal, str]:
    """Quantity and unit price whose product is exactly the amount, and what to tell instead."""
    with localcontext() as context:
        context.prec = 60
        exact = line.quantity != 0 and line.quantity * line.unit_price == amount
        short = _decimals(line.quantity) <= DECIMALS and _decimals(line.unit_price) <= DECIMALS
    if exact and short:
        return _plain(line.quantity), _plain(line.unit_price), ""
    told = "" if line.quantity == 1 else f"{_plain(line.quantity)} × {_plain(line.unit_price)}: "
    return Decimal(1), amount, told


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _plain(number: Decimal) -> Decimal:
    return Decimal(f"{number.normalize():f}")


def _item(line: InvoiceLine, settings: Mapping[str, Any]) -> str:
    item = settings.get("items", {}).get(line.product_code) or settings.get("default_item", "")
    if not item:
        raise _missing("default_item", "Default item")
    return str(item)


def _tax_code(line: InvoiceLine, company: Company, settings: Mapping[str, Any]) -> str:
    taxed = line.tax != 0
    if not company.sales_tax:
        if taxed:
            raise NeedsOperator(
                "Sales tax is off in QuickBooks, the invoice has tax.", code="sales_tax_off"
            )
        return ""
    if company.american:
        return "TAX" if taxed else "NON"
    setting, label = TAXED if taxed else UNTAXED
    code = settings.get("tax_codes", {}).get(line.tax_code) or settings.get(setting, "")
    if not code:
        raise _missing(setting, label)
    return str(code)


def _missing(setting: str, label: str) -> NeedsOperator:
    return NeedsOperator(
        f'The setting "{label}" ({setting}) has to be chosen first.',
        code="missing_setting",
        on="settings",
    )


def reference(value: str) -> dict[str, str] | None:
    """A reference as QuickBooks writes it, or None."""
    return {"value": value} if value else None
