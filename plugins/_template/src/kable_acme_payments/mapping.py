"""Hub invoice to Acme's, Acme's objects to the hub's. Pure: no network, no state.

Acme counts money in minor units by ISO 4217, as the hub does.
"""

from collections.abc import Mapping
from typing import Any

from kable_hub import (
    JSON,
    Customer,
    CustomerLink,
    Document,
    Invoice,
    InvoiceLine,
    LinkedCustomer,
    PaymentStatus,
    Push,
    Receipt,
)

MARKER = "hub_marker"
STATUS = {
    "open": PaymentStatus.OPEN,
    "paid": PaymentStatus.PAID,
    "void": PaymentStatus.VOID,
}


def to_document(invoice: Invoice, link: CustomerLink, settings: Mapping[str, Any]) -> Document:
    """The body of POST /v1/invoices, without the marker, which only the push knows."""
    return {
        "customer": link.reference,
        "number": invoice.number,
        "currency": invoice.currency,
        "due_date": invoice.due_date.isoformat() if invoice.due_date else None,
        "memo": invoice.memo[:500],
        "footer": settings["footer"],
        "lines": [_line(row) for row in invoice.lines],
        "total": invoice.total,
    }


def _line(row: InvoiceLine) -> dict[str, JSON]:
    return {
        "description": row.description[:200],
        "quantity": row.quantity,
        "unit_price": row.unit_price,
        "amount": row.amount,
        "tax": row.tax,
    }


def with_marker(push: Push) -> Document:
    """The frozen document of `push` with the mark by which it will be found again."""
    return {**push.document, "metadata": {MARKER: push.marker}}


def to_receipt(invoice: Mapping[str, Any], *, adopted: bool = False) -> Receipt:
    """An Acme invoice as a receipt."""
    return Receipt(
        external_id=invoice["id"],
        number=invoice["number"],
        customer=invoice["customer"],
        currency=invoice["currency"],
        total=invoice["total"],
        tax=sum(line["tax"] for line in invoice["lines"]),
        url=invoice["url"],
        status=invoice["status"],
        payment_status=STATUS.get(invoice["status"]),
        adopted=adopted,
    )


def to_customer_body(customer: Customer) -> dict[str, JSON]:
    """The body of POST /v1/customers."""
    return {
        "name": customer.company_name[:200],
        "email": customer.email,
        "external_id": customer.id,
    }


def to_linked_customer(customer: Mapping[str, Any]) -> LinkedCustomer:
    """An Acme customer as the hub's."""
    return LinkedCustomer(customer["id"], customer["name"], customer["email"])
