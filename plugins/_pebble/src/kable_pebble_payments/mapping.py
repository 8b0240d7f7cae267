"""Hub invoice to Pebble's bill and back. Pure."""

from collections.abc import Mapping
from typing import Any

from kable_hub import CustomerLink, Document, Invoice, PaymentStatus, Receipt, Unsupported, rest

STATUS = {"open": PaymentStatus.OPEN, "paid": PaymentStatus.PAID}


def to_bill(invoice: Invoice, link: CustomerLink) -> Document:
    """The body of POST /bills: whole pieces at a price in cents, or one piece at the amount."""
    if invoice.tax:
        raise Unsupported("Pebble adds the tax itself.", fact="adds_tax")
    return {
        "person": link.reference,
        "number": invoice.number,
        "currency": invoice.currency,
        "rows": [_row(line.description, line.quantity, line.amount) for line in invoice.lines],
    }


def _row(text: str, quantity: Any, amount: int) -> dict[str, Any]:
    pieces = int(quantity)
    if pieces < 1 or amount % pieces:
        # The price of a piece is no whole number of cents: one piece at the whole amount is.
        text, pieces = f"{quantity.normalize():f} x {text}", 1
    return {"text": text[:100], "pieces": pieces, "cents": amount // pieces}


def same(bill: Mapping[str, Any], wanted: Document) -> bool:
    """Whether a bill with the right number is the one that was to be made."""
    return all(bill[name] == wanted[name] for name in ("person", "currency", "rows"))


def to_receipt(bill: Mapping[str, Any], *, adopted: bool = False) -> Receipt:
    """A bill as a receipt; Pebble's own tax is in its total."""
    return Receipt(
        external_id=bill["id"],
        number=bill["number"],
        customer=bill["person"],
        currency=bill["currency"],
        total=bill["total"],
        tax=bill["tax"],
        url=bill["link"],
        status=bill["status"],
        payment_status=STATUS.get(bill["status"]),
        adopted=adopted,
    )


def said(body: Any) -> rest.Said | None:
    """Pebble's own error: `{"problem": "...", "about": "..."}`."""
    if not isinstance(body, dict) or "problem" not in body:
        return None
    return rest.Said(str(body["problem"]), field=str(body.get("about", "")))
