"""Payments in the simulated QuickBooks: what they are applied to is paid."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from kable_quickbooks_ledger import simulator_schema as schema
from kable_quickbooks_ledger.simulator_books import Book, Row
from kable_quickbooks_ledger.simulator_current import current
from kable_quickbooks_ledger.simulator_faults import bad_reference, business, inactive, missing


def create(book: Book, body: Any, now: datetime) -> Row:
    """POST /payment: the linked invoices of the same customer are paid."""
    schema.check("Payment", body)
    for name in ("CustomerRef", "TotalAmt"):
        if body.get(name) is None:
            raise missing(name)
    customer = book.tables["Customer"].get(body["CustomerRef"]["value"])
    if customer is None:
        raise bad_reference("Names", body["CustomerRef"]["value"])
    applied = [_applied(book, line, customer) for line in body.get("Line", [])]
    total, spent = Decimal(body["TotalAmt"]), sum((one for _, one in applied), Decimal(0))
    if spent > total:
        raise business("The amount applied is larger than the amount received.")
    whom = {"value": customer["Id"], "name": customer["DisplayName"]}
    filled = {"CurrencyRef": customer["CurrencyRef"], "UnappliedAmt": total - spent}
    row = book.add("Payment", {**body, **filled, "CustomerRef": whom}, now)
    for invoice, amount in applied:
        link = {"TxnId": row["Id"], "TxnType": "Payment"}
        _apply(invoice, amount, [*invoice["LinkedTxn"], link], now)
    return row


def delete(book: Book, body: Any, now: datetime) -> Row:
    """POST /payment?operation=delete: what it paid is open again."""
    row = current(book, "Payment", body)
    for line in row.get("Line", []):
        for linked in line.get("LinkedTxn", []):
            invoice = book.tables["Invoice"].get(linked["TxnId"])
            if invoice is not None:
                rest = [one for one in invoice["LinkedTxn"] if one["TxnId"] != row["Id"]]
                _apply(invoice, -Decimal(line["Amount"]), rest, now)
    book.remove("Payment", row["Id"], now)
    return {"domain": "QBO", "status": "Deleted", "Id": row["Id"]}


def _applied(book: Book, line: Row, customer: Row) -> tuple[Row, Decimal]:
    linked = line.get("LinkedTxn") or []
    if not linked or line.get("Amount") is None:
        raise missing("LinkedTxn" if not linked else "Amount")
    invoice = book.tables["Invoice"].get(linked[0].get("TxnId", ""))
    if invoice is None or linked[0].get("TxnType") != "Invoice":
        raise inactive()
    if invoice["CustomerRef"]["value"] != customer["Id"]:
        raise business("The customer of the payment is not the invoice's.")
    amount = Decimal(line["Amount"])
    if amount > Decimal(invoice["Balance"]):
        raise business("The amount applied is larger than what is open.")
    return invoice, amount


def _apply(invoice: Row, amount: Decimal, links: list[Row], now: datetime) -> None:
    """The SyncToken stays as it is: a payment is no edit of the invoice."""
    invoice["Balance"] = Decimal(invoice["Balance"]) - amount
    invoice["LinkedTxn"] = links
    stamp = now.isoformat(timespec="seconds")
    invoice["MetaData"] = {**invoice["MetaData"], "LastUpdatedTime": stamp}
