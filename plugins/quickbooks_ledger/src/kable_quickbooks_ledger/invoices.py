"""Invoices: plan, push, void."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from kable_hub import (
    Connection,
    CustomerLink,
    Document,
    Invoice,
    NeedsOperator,
    ProviderError,
    Push,
    Receipt,
    Rejected,
)
from kable_quickbooks_ledger import blame, faults, mapping, receipts
from kable_quickbooks_ledger.client import Client, Row
from kable_quickbooks_ledger.company import company_of
from kable_quickbooks_ledger.finding import by_number, one_of

RATE_LASTS = timedelta(hours=6)
"""Rates of a day are corrected seldom; a check or a retry by hand reads them anew."""


def plan(connection: Connection, invoice: Invoice, link: CustomerLink) -> Document:
    """The document. Reads what nobody remembers: the company, a rate for a foreign currency."""
    company = company_of(connection)
    mapping.check_currency(invoice, link, company)
    rate = None
    if invoice.currency != company.home_currency:
        rate = exchange_rate(connection, invoice.currency, invoice.issue_date)
    settings = {**connection.settings, **link.settings}
    return mapping.to_document(invoice, link, company, settings, rate)


def exchange_rate(connection: Connection, currency: str, day: date) -> Decimal:
    """The company's own rate of that day, home currency for one of `currency`.

    Raises NeedsOperator where it has none: QuickBooks would book the invoice at 1.
    """
    client = Client.of(connection)

    def read() -> Decimal:
        rate = _rate(client, currency, day)
        if rate is None:
            # Raised in here, so that it is not remembered: a person will enter the rate.
            raise NeedsOperator(
                f"QuickBooks has no exchange rate for {currency} on {day}.",
                code="missing_exchange_rate",
            )
        return rate

    return Decimal(connection.remember(f"rate {currency} {day}", RATE_LASTS, read))


def _rate(client: Client, currency: str, day: date) -> Decimal | None:
    params = {"sourcecurrencycode": currency, "asofdate": day.isoformat()}
    try:
        row = client.read("exchangerate.read", "exchangerate", **params).get("ExchangeRate")
    except ProviderError as error:
        if isinstance(error, Rejected) or error.provider_code == faults.INACTIVE:
            return None
        raise
    rate = Decimal((row or {}).get("Rate") or 0)
    return rate if rate > 0 else None


def push(connection: Connection, push: Push) -> Receipt:
    """Create the invoice; where its number is taken, take the one that carries the marker."""
    client = Client.of(connection)
    try:
        row = client.write_one("invoice.create", "Invoice", receipts.body(push), key=push.key)
    except ProviderError as error:
        return after_refusal(connection, push, error)
    return receipts.to_receipt(row, push, connection.urls["app"], adopted=False)


def after_refusal(connection: Connection, push: Push, error: ProviderError) -> Receipt:
    """Turn a refused create into the receipt of what stands there, or into a better error."""
    client = Client.of(connection)
    if error.provider_code == faults.NUMBER_TAKEN:
        marked = [row for row in by_number(client, push) if receipts.carries(row, push.marker)]
        if marked:
            return one_of(connection, push, marked)
    raise blame.explained(connection, push, error)


def void(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void the invoice; nothing to do where it is void or gone. Raises Rejected `already_paid`."""
    client = Client.of(connection)
    row = _standing(client, receipt.external_id)
    if row is None:
        return replace(receipt, status="deleted", total=0, tax=0)
    if not receipts.voided(row):
        if Decimal(row.get("Balance") or 0) != Decimal(row.get("TotalAmt") or 0):
            raise Rejected("A payment is applied to the invoice.", code="already_paid")
        target = {"Id": row["Id"], "SyncToken": row["SyncToken"]}
        row = client.write_one("invoice.void", "Invoice", target, operation="void")
    return receipts.to_receipt(row, push, connection.urls["app"], adopted=receipt.adopted)


def _standing(client: Client, invoice_id: str) -> Row | None:
    try:
        return dict(client.read("invoice.read", f"invoice/{invoice_id}")["Invoice"])
    except ProviderError as error:
        if error.provider_code == faults.INACTIVE:
            return None
        raise
