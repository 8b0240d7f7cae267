"""Invoices and their lines: written, read one by one, edited by compare-and-swap."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from peewee import IntegrityError

from kable_hub.domain import Invoice, InvoiceLine
from kable_hub.store import tables as t
from kable_hub.store.loading import to_invoice
from kable_hub.store.moves import is_refusal
from kable_hub.store.rows import insert_all, insert_new
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within


class NumberTaken(Exception):
    """Another invoice has this number; the caller's transaction has to end."""


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

    def to_domain(self) -> Invoice:
        """The invoice as plugins see it; the row has to have its lines."""
        return Invoice(
            id=self.id,
            number=self.number,
            customer_id=self.customer_id,
            currency=self.currency,
            issue_date=self.issue_date,
            lines=self.lines,
            subtotal=self.subtotal,
            tax=self.tax,
            total=self.total,
            due_date=self.due_date,
            memo=self.memo,
            metadata=self.metadata,
            revision=self.revision,
        )


def add(scope: Scope, new: Sequence[InvoiceRow]) -> set[str]:
    """Write invoices with their lines; answers the ids of those whose number was free."""
    whose = owner(scope)
    written = insert_new(t.Invoice, [{**_values(row), **whose} for row in new])
    _add_lines(scope, [row for row in new if row.id in written])
    return written


def ids_by_number(scope: Scope, numbers: Collection[str]) -> dict[str, str]:
    """The ids of the invoices that have these numbers."""
    named = t.Invoice.number.in_(list(numbers))
    query = t.Invoice.select(t.Invoice.id, t.Invoice.number)
    return {row.number: row.id for row in query.where(within(t.Invoice, scope), named)}


def get(scope: Scope, invoice_id: str) -> InvoiceRow | None:
    """The invoice with its lines, or None."""
    found = list(t.Invoice.select().where(_one(scope, invoice_id)))
    return next(iter(to_rows_with_lines(scope, found)), None)


def replace(scope: Scope, row: InvoiceRow, expected_revision: int) -> bool:
    """Write a changed invoice and its lines; False where its revision is another by now.

    Customer, payment provider and the moment it was made stay. Raises NumberTaken.
    """
    values = _values(row)
    for fixed in ("id", "customer_id", "payment_provider", "auto_push", "created_at"):
        del values[fixed]
    current = _one(scope, row.id) & (t.Invoice.revision == expected_revision)
    try:
        if not t.Invoice.update(values).where(current).execute():
            return False
    except IntegrityError as error:
        if is_refusal(error):
            raise
        raise NumberTaken(row.number) from None
    gone = within(t.InvoiceLine, scope) & (t.InvoiceLine.invoice_id == row.id)
    t.InvoiceLine.delete().where(gone).execute()
    _add_lines(scope, [row])
    return True


def any_of(scope: Scope, customer_id: str) -> bool:
    """Whether the customer has invoices."""
    theirs = within(t.Invoice, scope) & (t.Invoice.customer_id == customer_id)
    return bool(t.Invoice.select().where(theirs).exists())


def to_rows_with_lines(scope: Scope, found: Sequence[Any]) -> list[InvoiceRow]:
    """What the table holds of these invoices, with their lines."""
    lines: dict[str, list[t.InvoiceLine]] = defaultdict(list)
    if found:
        ids = t.InvoiceLine.invoice_id.in_([row.id for row in found])
        query = t.InvoiceLine.select().where(within(t.InvoiceLine, scope), ids)
        for line in query.order_by(t.InvoiceLine.invoice_id, t.InvoiceLine.position):
            lines[line.invoice_id].append(line)
    return [to_row(row, to_invoice(row, lines[row.id]).lines) for row in found]


def to_row(row: Any, lines: tuple[InvoiceLine, ...] = ()) -> InvoiceRow:
    """What the table holds of an invoice, with the lines that are handed in."""
    return InvoiceRow(
        id=row.id,
        customer_id=row.customer_id,
        number=row.number,
        currency=row.currency,
        issue_date=row.issue_date,
        due_date=row.due_date,
        subtotal=row.subtotal,
        tax=row.tax,
        total=row.total,
        memo=row.memo,
        payment_provider=row.payment_provider,
        auto_push=row.auto_push,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        metadata=row.metadata,
        lines=lines,
    )


def _one(scope: Scope, invoice_id: str) -> Any:
    return within(t.Invoice, scope) & (t.Invoice.id == invoice_id)


def _values(row: InvoiceRow) -> dict[str, Any]:
    values = dict(vars(row))
    del values["lines"]
    return values


def _add_lines(scope: Scope, rows: Sequence[InvoiceRow]) -> None:
    whose = owner(scope)
    insert_all(
        t.InvoiceLine,
        [
            {**_line_values(line), "invoice_id": row.id, "position": position, **whose}
            for row in rows
            for position, line in enumerate(row.lines, 1)
        ],
    )


def _line_values(line: InvoiceLine) -> dict[str, Any]:
    return {
        "description": line.description,
        "quantity": f"{line.quantity:f}",
        "unit_price": f"{line.unit_price:f}",
        "amount": line.amount,
        "tax": line.tax,
        "tax_rate": "" if line.tax_rate is None else f"{line.tax_rate:f}",
        "tax_code": line.tax_code,
        "product_code": line.product_code,
        "service_date": line.service_date,
    }
