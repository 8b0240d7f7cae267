"""What stands at QuickBooks: the marker on an invoice, and an invoice as a receipt."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kable_hub import Document, Push, Receipt, money


def body(push: Push) -> Document:
    """The frozen document with the marker on it: the same for every generation and repeat."""
    note = push.document.get("PrivateNote", "")
    return {**push.document, "PrivateNote": f"hub:{push.marker}\n{note}".strip()[:4000]}


def is_twin(row: Mapping[str, Any], push: Push) -> bool:
    """Whether the push's own number stands on a row under another marker of its hub and account."""
    whose, _, _ = push.marker.rpartition("/")
    head, _, rest = str(row.get("PrivateNote") or "").partition("\n")
    number = str(push.document.get("PrivateNote", ""))
    return head.startswith(f"hub:{whose}/") and bool(number) and rest == number


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
