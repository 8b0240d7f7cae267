"""An invoice of the hub as a QuickBooks document. Pure: no network, no time."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kable_hub import CustomerLink, Document, Invoice, NeedsOperator, Unsupported, money
from kable_quickbooks_ledger import text, tracking
from kable_quickbooks_ledger.company import Company
from kable_quickbooks_ledger.lines import to_lines


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
    check_tracking(company, settings)
    address = text.email(link.customer.email)
    document = {
        "CustomerRef": {"value": link.reference},
        "DocNumber": _number(invoice, company, settings),
        "TxnDate": invoice.issue_date.isoformat(),
        "DueDate": invoice.due_date.isoformat() if invoice.due_date else "",
        "SalesTermRef": tracking.reference("" if invoice.due_date else settings.get("term", "")),
        "PrivateNote": f"Invoice {text.cleaned(invoice.number, 1000)}",
        "CustomerMemo": _memo(invoice.memo),
        "BillEmail": {"Address": address} if address and _shows(settings) else None,
        "EmailStatus": _mailing(address, settings),
        "Line": to_lines(invoice, company, settings),
        **tracking.on_invoice(company, settings),
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


def _number(invoice: Invoice, company: Company, settings: Mapping[str, Any]) -> str:
    policy = settings.get("numbers", "company")
    ours = policy == "own" or (policy == "company" and company.custom_numbers)
    return text.document_number(invoice.number) if ours else ""


def _memo(memo: str) -> dict[str, str] | None:
    kept = text.cleaned(memo, 1000)
    return {"value": kept} if kept else None


def check_tracking(company: Company, settings: Mapping[str, Any]) -> None:
    """Raise NeedsOperator where the settings name a class or a location that would be dropped."""
    found = list(tracking.faults(company, settings))
    if found:
        raise NeedsOperator(" ".join(found), code="tracking_off", on="settings")


def _shows(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("send_email", True) or settings.get("mail_invoice"))


def _mailing(address: str, settings: Mapping[str, Any]) -> str:
    """Whether QuickBooks mails the invoice: never unless the settings ask for it."""
    if not settings.get("mail_invoice"):
        return "NotSet"
    if not address:
        raise NeedsOperator(
            "QuickBooks is to mail the invoice, and the customer has no e-mail address that it "
            "takes.",
            code="missing_email",
            on="customer",
        )
    return "NeedToSend"


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
    if not company.sales_tax:
        return {}
    if not company.american:
        return {"GlobalTaxCalculation": "TaxExcluded"}
    if not any(line.tax for line in invoice.lines):
        return {}
    # Automated sales tax computes its own figure unless it is given one.
    return {"TxnTaxDetail": {"TotalTax": money.to_major(invoice.tax, invoice.currency)}}
