"""Lines of an invoice: amounts that multiply out, items, tax codes."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

from kable_hub import Invoice, InvoiceLine, Unsupported, combining, money
from kable_quickbooks_ledger import codes, text, tracking
from kable_quickbooks_ledger.company import Company
from kable_quickbooks_ledger.settings import MAX_LINES

DECIMALS = 7
"""QuickBooks keeps so many decimals of a quantity and a unit price."""
LONGEST = 4000
"""Characters of a description."""


def to_lines(
    invoice: Invoice, company: Company, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The lines of the document, put together where there are too many and the settings say so.

    Raises NeedsOperator for a missing setting, Unsupported (`max_lines`).
    """
    codes.check(invoice.lines, company, settings)
    rows = _fitted(invoice.lines, company, settings)
    return [_to_line(row, invoice.currency, company, settings) for row in rows]


def _fitted(
    lines: Sequence[InvoiceLine], company: Company, settings: Mapping[str, Any]
) -> list[InvoiceLine]:
    if len(lines) <= MAX_LINES:
        return list(lines)
    if settings.get("many_lines") != "combine":
        raise Unsupported(
            f"The invoice has {len(lines)} lines, QuickBooks takes {MAX_LINES}. The setting "
            "many_lines lets the last ones be put together.",
            fact="max_lines",
        )

    def kind(line: InvoiceLine) -> Hashable:
        return line.product_code, codes.tax(line, company, settings), line.tax_code

    alike = _one_code_per_item(lines, settings)
    return combining.fitted(alike, MAX_LINES, longest=LONGEST, kind=kind)


def _one_code_per_item(
    lines: Sequence[InvoiceLine], settings: Mapping[str, Any]
) -> list[InvoiceLine]:
    """Product codes that are booked to the same item become one, so that their lines are alike."""
    first: dict[str, str] = {}
    named = [
        (line, first.setdefault(codes.item(line, settings), line.product_code)) for line in lines
    ]
    return [
        line if line.product_code == code else replace(line, product_code=code)
        for line, code in named
    ]


def _to_line(
    line: InvoiceLine, currency: str, company: Company, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """One line of the document; what it says multiplies out to the amount exactly."""
    amount = money.to_major(line.amount, currency)
    quantity, price, prefix = _product(line, amount)
    detail = {
        "ItemRef": {"value": codes.item(line, settings)},
        "Qty": quantity,
        "UnitPrice": price,
        "TaxCodeRef": tracking.reference(codes.tax(line, company, settings)),
        "ClassRef": tracking.on_line(company, settings),
        "ServiceDate": line.service_date.isoformat() if line.service_date else None,
    }
    written = {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "Description": text.cleaned(prefix + line.description, LONGEST),
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
