"""Hub to QuickBooks and back. Pure: no network, no time."""

import re
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from kable_hub import (
    CustomerLink,
    Document,
    Invoice,
    InvoiceLine,
    NeedsOperator,
    Push,
    Receipt,
    Unsupported,
    money,
)
from kable_quickbooks_ledger import text
from kable_quickbooks_ledger.company import Company

DECIMALS = 7


def to_document(
    invoice: Invoice,
    link: CustomerLink,
    company: Company,
    settings: Mapping[str, Any],
    rate: Decimal | None = None,
) -> Document:
    """The body of the invoice, without the marker. `rate`: home currency for one of the invoice's.

    Raises NeedsOperator naming the setting that is missing, Unsupported for what QuickBooks
    has no document for.
    """
    check_currency(invoice, link, company)
    document = {
        "CustomerRef": {"value": link.reference},
        "DocNumber": _number(invoice, company, settings),
        "TxnDate": invoice.issue_date.isoformat(),
        "DueDate": invoice.due_date.isoformat() if invoice.due_date else "",
        "SalesTermRef": _reference("" if invoice.due_date else settings.get("term", "")),
        "PrivateNote": f"Invoice {text.cleaned(invoice.number, 1000)}",
        "CustomerMemo": _memo(invoice.memo),
        "BillEmail": _email(link, settings),
        "EmailStatus": "NotSet",
        "Line": [_line(line, invoice.currency, company, settings) for line in invoice.lines],
        **_currency(invoice, company, rate),
        **_tax(invoice, company),
    }
    return {name: value for name, value in document.items() if value not in ("", None)}


def check_currency(invoice: Invoice, link: CustomerLink, company: Company) -> None:
    """Raise where QuickBooks cannot book this currency for this customer."""
    if money.exponent(invoice.currency) > 2:
        raise Unsupported(
            f"QuickBooks keeps two decimals, {invoice.currency} has more.", fact="currencies"
        )
    if invoice.total < 0:
        raise Unsupported(
            "QuickBooks has no invoice with a negative total: use a credit memo.",
            fact="negative_total",
        )
    if invoice.currency != company.home_currency and not company.multicurrency:
        raise NeedsOperator(
            f"Multicurrency is off in QuickBooks: it takes {company.home_currency} only, the "
            f"invoice is in {invoice.currency}.",
            code="multicurrency_off",
        )
    if link.currency and link.currency != invoice.currency:
        raise NeedsOperator(
            f"The linked customer is kept in {link.currency} in QuickBooks, the invoice is in "
            f"{invoice.currency}.",
            code="currency_mismatch",
            on="link",
        )


def body(push: Push) -> Document:
    """The frozen document with the marker on it: the same for every generation and repeat."""
    note = push.document.get("PrivateNote", "")
    return {**push.document, "PrivateNote": f"hub:{push.marker}\n{note}".strip()[:4000]}


def carries(row: Mapping[str, Any], marker: str) -> bool:
    """Whether the marker stands on this invoice; voiding only puts a word before it."""
    pattern = re.escape(f"hub:{marker}") + r"(?!\S)"
    return re.search(pattern, str(row.get("PrivateNote") or "")) is not None


def reference_of(row: Mapping[str, Any], name: str) -> str:
    """The id in a reference, or empty."""
    return str((row.get(name) or {}).get("value") or "")


def voided(row: Mapping[str, Any]) -> bool:
    """Whether somebody voided this invoice."""
    note = str(row.get("PrivateNote") or "")
    return note.startswith("Voided") and Decimal(row.get("TotalAmt") or 0) == 0


def to_receipt(row: Mapping[str, Any], push: Push, app_url: str, *, adopted: bool) -> Receipt:
    """The receipt for an invoice as QuickBooks shows it."""
    currency = reference_of(row, "CurrencyRef") or push.invoice.currency
    tax = (row.get("TxnTaxDetail") or {}).get("TotalTax") or 0
    return Receipt(
        external_id=str(row["Id"]),
        total=money.round_to_minor(Decimal(row.get("TotalAmt") or 0), currency),
        currency=currency,
        customer=reference_of(row, "CustomerRef"),
        number=str(row.get("DocNumber") or ""),
        url=f"{app_url.rstrip('/')}/app/invoice?txnId={row['Id']}",
        status="voided" if voided(row) else "open",
        tax=money.round_to_minor(Decimal(tax), currency),
        adopted=adopted,
    )


def _number(invoice: Invoice, company: Company, settings: Mapping[str, Any]) -> str:
    policy = settings.get("numbers", "company")
    ours = policy == "own" or (policy == "company" and company.custom_numbers)
    return text.document_number(invoice.number) if ours else ""


def _memo(memo: str) -> dict[str, str] | None:
    kept = text.cleaned(memo, 1000)
    return {"value": kept} if kept else None


def _email(link: CustomerLink, settings: Mapping[str, Any]) -> dict[str, str] | None:
    address = text.email(link.customer.email) if settings.get("send_email", True) else ""
    return {"Address": address} if address else None


def _reference(value: str) -> dict[str, str] | None:
    return {"value": value} if value else None


def _line(
    line: InvoiceLine, currency: str, company: Company, settings: Mapping[str, Any]
) -> dict[str, Any]:
    amount = money.to_major(line.amount, currency)
    quantity, price, prefix = _product(line, amount)
    detail = {
        "ItemRef": {"value": _item(line, settings)},
        "Qty": quantity,
        "UnitPrice": price,
        "TaxCodeRef": _reference(_tax_code(line, company, settings)),
        "ClassRef": _reference(settings.get("item_class", "")),
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
    if company.american:
        return _american_code(taxed, company)
    mapped = settings.get("tax_codes", {}).get(line.tax_code)
    setting, label = (
        ("tax_code", "Tax code for taxed lines")
        if taxed
        else ("no_tax_code", "Tax code for untaxed lines")
    )
    code = mapped or settings.get(setting, "")
    if not code:
        raise _missing(setting, label)
    return str(code)


def _american_code(taxed: bool, company: Company) -> str:
    if not company.sales_tax:
        if taxed:
            raise NeedsOperator(
                "Sales tax is off in QuickBooks, the invoice has tax.", code="sales_tax_off"
            )
        return ""
    return "TAX" if taxed else "NON"


def _missing(setting: str, label: str) -> NeedsOperator:
    return NeedsOperator(
        f'The setting "{label}" ({setting}) has to be chosen first.',
        code="missing_setting",
        on="settings",
    )


def _currency(invoice: Invoice, company: Company, rate: Decimal | None) -> dict[str, Any]:
    if not company.multicurrency:
        return {}
    reference = {"CurrencyRef": {"value": invoice.currency}}
    if invoice.currency == company.home_currency:
        return reference
    if rate is None:
        raise NeedsOperator(
            f"QuickBooks has no exchange rate for {invoice.currency} on {invoice.issue_date}.",
            code="missing_exchange_rate",
        )
    return {**reference, "ExchangeRate": rate}


def _tax(invoice: Invoice, company: Company) -> dict[str, Any]:
    if not company.american:
        return {"GlobalTaxCalculation": "TaxExcluded"}
    if not company.sales_tax or not any(line.tax for line in invoice.lines):
        return {}
    # Automated sales tax computes its own figure unless it is given one.
    return {"TxnTaxDetail": {"TotalTax": money.to_major(invoice.tax, invoice.currency)}}
