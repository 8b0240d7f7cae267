"""Invoices of the simulated QuickBooks: what is refused, what is filled in, what is computed."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from kable_quickbooks_ledger import simulator_schema as schema
from kable_quickbooks_ledger.simulator_books import Book, Row
from kable_quickbooks_ledger.simulator_current import SYSTEM, changed, current
from kable_quickbooks_ledger.simulator_customers import reference
from kable_quickbooks_ledger.simulator_faults import (
    QboFault,
    bad_reference,
    business,
    inactive,
    missing,
)
from kable_quickbooks_ledger.simulator_lines import CENT, check_kept, lines_of

_COMPUTED = (*SYSTEM, "TotalAmt", "Balance", "LinkedTxn", "TxnTaxDetail", "status")


def create(book: Book, body: Any, now: datetime) -> Row:
    """POST /invoice."""
    return book.add("Invoice", _checked(book, body, now), now)


def update(book: Book, body: Any, now: datetime) -> Row:
    """POST /invoice with an Id: everything is computed anew, what is paid stays paid."""
    row = current(book, "Invoice", body)
    paid = Decimal(row["TotalAmt"]) - Decimal(row["Balance"])
    left = changed(row, body)
    given = {name: value for name, value in left.items() if name not in _COMPUTED}
    given["Line"] = [one for one in left.get("Line", []) if "SubTotalLineDetail" not in one]
    computed = _checked(book, given, now, row)
    computed["Balance"] = Decimal(computed["TotalAmt"]) - paid
    system = {name: row[name] for name in (*SYSTEM, "LinkedTxn") if name in row}
    row.clear()
    row.update({**computed, **system})
    book.touch(row, now)
    return row


def send(book: Book, invoice_id: str, address: str, now: datetime) -> Row:
    """POST /invoice/{id}/send: QuickBooks mails it, to `address` where one is given."""
    row = book.tables["Invoice"].get(invoice_id)
    if row is None:
        raise inactive()
    known = (row.get("BillEmail") or {}).get("Address")
    if not (address or known):
        raise QboFault("6420", "Email address required", element="BillEmail")
    row.update(EmailStatus="EmailSent", BillEmail={"Address": address or known})
    book.touch(row, now)
    return row


def _checked(book: Book, body: Any, now: datetime, before: Row | None = None) -> Row:
    """The invoice as it will stand, without what every row has. `before`: it is an update."""
    schema.check("Invoice", body)
    customer = _customer(book, body)
    _check_currency(book, body, customer)
    lines = lines_of(book, body)
    check_kept(book, "Class", body.get("ClassRef"), book.classes == "invoice")
    check_kept(book, "Department", body.get("DepartmentRef"), book.departments)
    _check_period(book, body)
    number = _number(book, body, before)
    net = sum((Decimal(line["Amount"]) for line in lines), Decimal(0))
    tax = _tax(book, body, lines)
    if net + tax < 0:
        raise business("Transaction amount must be 0 or greater.")
    if body.get("EmailStatus") == "NeedToSend" and not body.get("BillEmail"):
        raise QboFault("6420", "Email address required", element="BillEmail")
    return _filled(book, body, customer, lines, net, tax, number, now)


def void(book: Book, body: Any, now: datetime) -> Row:
    """POST /invoice?operation=void: everything becomes zero, the note gets a word before it."""
    row = current(book, "Invoice", body)
    for line in row["Line"]:
        line["Amount"] = 0
        detail = line.get("SalesItemLineDetail", {})
        detail.pop("Qty", None)
        detail.pop("UnitPrice", None)
    note = row.get("PrivateNote")
    row.update(TotalAmt=0, Balance=0, TxnTaxDetail={"TotalTax": 0})
    row["PrivateNote"] = f"Voided {note}" if note else "Voided"
    book.touch(row, now)
    return row


def pay(row: Row, amount: Decimal, now: datetime) -> None:
    """Apply a payment, or take some of it away (below zero): the SyncToken stays as it is."""
    row["Balance"] = Decimal(row["Balance"]) - amount
    paid = row["Balance"] != row["TotalAmt"]
    row["LinkedTxn"] = [{"TxnId": "900", "TxnType": "Payment"}] if paid else []
    stamp = now.isoformat(timespec="seconds")
    row["MetaData"] = {**row["MetaData"], "LastUpdatedTime": stamp}


def delete(book: Book, body: Any, now: datetime) -> Row:
    """POST /invoice?operation=delete."""
    row = current(book, "Invoice", body)
    book.remove("Invoice", row["Id"], now)
    return {"domain": "QBO", "status": "Deleted", "Id": row["Id"]}


def _customer(book: Book, body: Any) -> Row:
    wanted = (body.get("CustomerRef") or {}).get("value")
    if not wanted:
        raise missing("CustomerRef")
    row = book.tables["Customer"].get(wanted)
    if row is None:
        raise bad_reference("Names", wanted)
    if not row["Active"]:
        raise inactive()
    return row


def _check_currency(book: Book, body: Any, customer: Row) -> None:
    sent = (body.get("CurrencyRef") or {}).get("value")
    if sent and not book.multicurrency and sent != book.home_currency:
        raise business("Multi currency should be enabled to perform this operation.")
    if sent and sent != customer["CurrencyRef"]["value"]:
        raise business("The currency of the transaction is invalid for customer/vendor/account.")


def _check_period(book: Book, body: Any) -> None:
    if book.closed_until and body.get("TxnDate", "9") <= book.closed_until:
        raise QboFault(
            "6210",
            "Account Period Closed, Cannot Update Through Services API",
            "The account period has closed and the account books cannot be updated.",
        )


def _number(book: Book, body: Any, before: Row | None) -> str | None:
    number: str | None = body.get("DocNumber")
    if before is not None and number in (None, before.get("DocNumber")):
        return number
    if number == "AUTO_GENERATE" or (number is None and not book.custom_numbers):
        book.next_number += 1
        return str(book.next_number - 1)
    if number is None:
        return None
    taken = book.numbered(number)
    if taken:
        raise QboFault(
            "6140",
            "Duplicate Document Number Error",
            "You must specify a different number. This number has already been used. DocNumber="
            f"{number} is assigned to TxnType={taken[0]} with TxnId={taken[1]['Id']}",
        )
    return number


def _tax(book: Book, body: Any, lines: list[Row]) -> Decimal:
    explicit = (body.get("TxnTaxDetail") or {}).get("TotalTax")
    if body.get("GlobalTaxCalculation") == "NotApplicable" and body.get("TxnTaxDetail"):
        raise QboFault("6170", "Invalid tax detail", "Not allowed with NotApplicable")
    if explicit is not None and book.country == "US":
        return Decimal(explicit)
    tax = sum((_line_tax(book, line) for line in lines), Decimal(0))
    return tax.quantize(CENT, rounding=ROUND_HALF_UP) + book.tax_delta


def _line_tax(book: Book, line: Row) -> Decimal:
    code = line["SalesItemLineDetail"]["TaxCodeRef"]["value"]
    # Automated sales tax overrules the codes of the lines.
    rate = book.automatic_rate if book.country == "US" else book.tax_rates.get(code, Decimal(0))
    return Decimal(line["Amount"]) * rate / 100


def _filled(
    book: Book,
    body: Any,
    customer: Row,
    lines: list[Row],
    net: Decimal,
    tax: Decimal,
    number: str | None,
    now: datetime,
) -> Row:
    issued = body.get("TxnDate") or now.date().isoformat()
    currency = customer["CurrencyRef"]["value"]
    subtotal = {"Amount": net, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    row = {
        **body,
        "DocNumber": number,
        "TxnDate": issued,
        "DueDate": body.get("DueDate") or _due(book, body, issued),
        "CurrencyRef": reference(currency),
        "CustomerRef": {"value": customer["Id"], "name": customer["DisplayName"]},
        "Line": [*lines, subtotal],
        "TxnTaxDetail": {"TotalTax": tax},
        "TotalAmt": net + tax,
        "Balance": net + tax,
        "LinkedTxn": [],
        "PrintStatus": "NeedToPrint",
        "EmailStatus": body.get("EmailStatus", "NotSet"),
        "BillAddr": body.get("BillAddr") or customer.get("BillAddr"),
    }
    if currency != book.home_currency:
        row["ExchangeRate"] = body.get("ExchangeRate", 1)
    return {name: value for name, value in row.items() if value is not None}


def _due(book: Book, body: Any, issued: str) -> str:
    term = (body.get("SalesTermRef") or {}).get("value")
    if term and term not in book.tables["Term"]:
        raise bad_reference("Terms", term)
    days = book.tables["Term"][term]["DueDays"] if term else 30
    return (date.fromisoformat(issued) + timedelta(days=days)).isoformat()
