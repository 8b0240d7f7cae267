"""Items and tax codes of lines, by the settings; what is missing there is named, all at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kable_hub import InvoiceLine, NeedsOperator
from kable_quickbooks_ledger.company import Company

TAXED = ("tax_code", "Tax code for taxed lines")
UNTAXED = ("no_tax_code", "Tax code for untaxed lines")


def item(line: InvoiceLine, settings: Mapping[str, Any]) -> str:
    """The item's id: of the product code, else the default; empty where none is set."""
    return str(settings.get("items", {}).get(line.product_code) or settings.get("default_item", ""))


def tax(line: InvoiceLine, company: Company, settings: Mapping[str, Any]) -> str:
    """The tax code's id, empty where none is set or the company has no sales tax.

    A code of the account's own never falls back on the general ones: these would book it under
    another rate.
    """
    if not company.sales_tax:
        return ""
    if company.american:
        return "TAX" if line.tax else "NON"
    if line.tax_code:
        return str(settings.get("tax_codes", {}).get(line.tax_code, ""))
    return str(settings.get(_general(line)[0], ""))


def check(lines: Sequence[InvoiceLine], company: Company, settings: Mapping[str, Any]) -> None:
    """Raise NeedsOperator for what is missing in the settings, or for tax where there is none."""
    if not company.sales_tax and any(line.tax for line in lines):
        raise NeedsOperator(
            "Sales tax is off in QuickBooks, the invoice has tax.", code="sales_tax_off"
        )
    missing = list(dict.fromkeys(_missing(lines, company, settings)))
    if missing:
        raise NeedsOperator(
            f"Settings have to be chosen first: {'; '.join(missing)}.",
            code="missing_setting",
            on="settings",
        )


def _missing(
    lines: Sequence[InvoiceLine], company: Company, settings: Mapping[str, Any]
) -> Iterator[str]:
    if not all(item(line, settings) for line in lines):
        yield '"Default item" (default_item)'
    if not company.sales_tax or company.american:
        return
    without = [line for line in lines if not tax(line, company, settings)]
    own = list(dict.fromkeys(line.tax_code for line in without if line.tax_code))
    if own:
        yield f"tax_codes has no entry for {', '.join(own[:20])}"
    for line in without:
        if not line.tax_code:
            name, label = _general(line)
            yield f'"{label}" ({name})'


def _general(line: InvoiceLine) -> tuple[str, str]:
    return TAXED if line.tax else UNTAXED
