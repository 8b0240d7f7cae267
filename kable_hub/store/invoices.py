"""Invoices and their lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kable_hub.domain import InvoiceLine


@dataclass(frozen=True)
class InvoiceRow:
    """An accepted invoice; amounts in minor units of `currency`, moments epoch milliseconds.

    `lines` is empty where a list left them out.
    """

    id: str
    customer_id: str
    number: str
    currency: str
    issue_date: date
    due_date: date | None
    subtotal: int
    tax: int
    total: int
    memo: str
    payment_provider: str
    auto_push: bool
    revision: int
    created_at: int
    updated_at: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[InvoiceLine, ...] = ()
