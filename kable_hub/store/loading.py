"""Load what a drain needs for the deliveries it claimed, a chunk at a time, as domain objects."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from peewee import fn

from kable_hub import canonical
from kable_hub.domain import (
    Address,
    Customer,
    CustomerLink,
    Invoice,
    InvoiceLine,
    PaymentStatus,
    Receipt,
)
from kable_hub.store import tables as t
from kable_hub.store.queue import Claimed
from kable_hub.store.restored import LostTime, lost_time
from kable_hub.store.rows import rows_where


@dataclass(frozen=True)
class FrozenGeneration:
    """The generation that may have been sent, as it was frozen."""

    number: int
    key: str
    document: Any
    link: CustomerLink
    invoice_revision: int
    progress: dict[str, Any]
    sends: int
    frozen_at: int
    first_sent_at: int | None
    unsettled_at: int | None
    batch_key: str = ""
    batch_position: int = 0
    key_spent: bool = False

    def with_progress(self, progress: Mapping[str, Any]) -> "FrozenGeneration":
        """The same with what the plugin saved or found last."""
        return replace(self, progress=dict(progress))

    def in_batch(self, key: str) -> "FrozenGeneration":
        """The same as a member of a batch."""
        return replace(self, batch_key=key)


@dataclass(frozen=True)
class Subject:
    """What one claimed delivery is about. `link` is None where the customer is not linked;
    its settings are the customer's own alone.

    `link_state` is linked, pending or broken; `pushed` is the receipt that a void or a collect
    refers to;
    `first_sent_at` is when anything of it was sent first, in whatever generation; `lost`, where
    what may exist was sent in a time that the store knows nothing of.
    """

    delivery: Claimed
    invoice: Invoice | None
    customer: Customer | None
    link: CustomerLink | None
    link_state: str
    generation: FrozenGeneration | None
    pushed: Receipt | None
    first_sent_at: int | None = None
    lost: LostTime | None = None


def load_subjects(connection_id: str, claimed: Sequence[Claimed]) -> list[Subject]:
    """The subjects of a claimed chunk, in its order. Call it inside `Database.read()`."""
    invoices = _invoices({one.subject_id for one in claimed if one.kind != "create_customer"})
    customers = load_customers({one.customer_id for one in claimed})
    links = _links(connection_id, set(customers))
    generations = _generations(claimed, customers)
    first_sent = _first_sent([one.id for one in claimed if one.generation])
    after = [one for one in claimed if one.kind in ("void", "collect")]
    pushed = _pushed(connection_id, {one.subject_id for one in after})
    generations |= _pushed_generations(after, pushed, customers)
    unknown = {one.id for one in claimed if one.may_exist and one.id not in generations}
    lost = lost_time() if unknown else None
    return [
        Subject(
            delivery=one,
            invoice=invoices.get(one.subject_id),
            customer=customers.get(one.customer_id),
            link=_to_link(links.get(one.customer_id), customers),
            link_state=links[one.customer_id].state if one.customer_id in links else "",
            generation=generations.get(one.id),
            pushed=to_receipt(pushed[one.subject_id].receipt) if one.subject_id in pushed else None,
            first_sent_at=first_sent.get(one.id),
            lost=lost if one.id in unknown else None,
        )
        for one in claimed
    ]


def load_customers(ids: Iterable[str]) -> dict[str, Customer]:
    """Customers by id."""
    return {row.id: to_customer(row) for row in rows_where(t.Customer, "id", ids)}


def to_customer(row: t.Customer) -> Customer:
    """A row as the domain's customer."""
    return Customer(
        id=row.id,
        client_id=row.client_id,
        company_name=row.company_name,
        currency=row.currency,
        email=row.email,
        billing_address=Address(**row.billing_address),
    )


def to_invoice(row: t.Invoice, lines: Iterable[t.InvoiceLine]) -> Invoice:
    """A row and its lines as the domain's invoice."""
    return Invoice(
        id=row.id,
        number=row.number,
        customer_id=row.customer_id,
        currency=row.currency,
        issue_date=row.issue_date,
        due_date=row.due_date,
        lines=tuple(_to_line(line) for line in lines),
        subtotal=row.subtotal,
        tax=row.tax,
        total=row.total,
        memo=row.memo,
        metadata=row.metadata,
        revision=row.revision,
    )


def receipt_values(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the store keeps it."""
    status = receipt.payment_status
    return {
        **{name: getattr(receipt, name) for name in _RECEIPT},
        "payment_status": status.value if status else "",
    }


def to_receipt(values: dict[str, Any] | None) -> Receipt | None:
    """What the store keeps as a receipt; None for what a person settled by hand."""
    if values is None:
        return None
    known: dict[str, Any] = {name: values[name] for name in _RECEIPT if name in values}
    status = values.get("payment_status")
    defaults: dict[str, Any] = {"total": 0, "currency": "", "customer": ""}
    return Receipt(
        **{**defaults, **known}, payment_status=PaymentStatus(status) if status else None
    )


_RECEIPT = (
    "external_id",
    "total",
    "currency",
    "customer",
    "number",
    "url",
    "status",
    "tax",
    "adopted",
    "adds_tax",
)


def _to_line(row: t.InvoiceLine) -> InvoiceLine:
    return InvoiceLine(
        id=f"{row.invoice_id}/{row.position}",
        description=row.description,
        quantity=Decimal(row.quantity),
        unit_price=Decimal(row.unit_price),
        amount=row.amount,
        tax=row.tax,
        tax_rate=Decimal(row.tax_rate) if row.tax_rate else None,
        tax_code=row.tax_code,
        product_code=row.product_code,
        service_date=row.service_date,
    )


def _invoices(ids: set[str]) -> dict[str, Invoice]:
    lines: dict[str, list[t.InvoiceLine]] = defaultdict(list)
    found = rows_where(t.InvoiceLine, "invoice_id", ids)
    for line in sorted(found, key=lambda one: int(one.position)):
        lines[line.invoice_id].append(line)
    return {row.id: to_invoice(row, lines[row.id]) for row in rows_where(t.Invoice, "id", ids)}


def _links(connection_id: str, customer_ids: set[str]) -> dict[str, t.Link]:
    rows = rows_where(t.Link, "customer_id", customer_ids)
    return {row.customer_id: row for row in rows if row.connection_id == connection_id}


def _to_link(row: t.Link | None, customers: dict[str, Customer]) -> CustomerLink | None:
    if row is None:
        return None
    return CustomerLink(
        customer=customers[row.customer_id],
        reference=row.reference,
        parts=row.parts,
        currency=row.currency,
        settings=row.settings,
    )


def _generations(
    claimed: Sequence[Claimed], customers: dict[str, Customer]
) -> dict[str, FrozenGeneration]:
    current = {one.id: one for one in claimed if one.frozen or one.may_exist}
    return {
        row.delivery_id: _to_generation(row, customers[current[row.delivery_id].customer_id])
        for row in rows_where(t.Generation, "delivery_id", current)
        if row.number == current[row.delivery_id].generation
    }


def _first_sent(ids: list[str]) -> dict[str, int]:
    if not ids:
        return {}
    first: Any = t.Generation.select(t.Generation.delivery_id, fn.MIN(t.Generation.first_sent_at))
    sent = t.Generation.delivery_id.in_(ids) & t.Generation.first_sent_at.is_null(False)
    return dict(first.where(sent).group_by(t.Generation.delivery_id).tuples())


def _pushed(connection_id: str, invoice_ids: set[str]) -> dict[str, t.Delivery]:
    if not invoice_ids:
        return {}
    rows = t.Delivery.select().where(
        t.Delivery.connection_id == connection_id,
        t.Delivery.kind == "push",
        t.Delivery.subject_id.in_(list(invoice_ids)),
    )
    return {row.subject_id: row for row in rows}


def _pushed_generations(
    after: Sequence[Claimed], pushed: dict[str, t.Delivery], customers: dict[str, Customer]
) -> dict[str, FrozenGeneration]:
    """What was pushed, for what comes after it, so that the plugin knows what to look for."""
    found = {}
    for one in after:
        push = pushed.get(one.subject_id)
        row = push and t.Generation.get_or_none(
            (t.Generation.delivery_id == push.id) & (t.Generation.number == push.generation)
        )
        if row:
            found[one.id] = _to_generation(row, customers[one.customer_id])
    return found


def _to_generation(row: t.Generation, customer: Customer) -> FrozenGeneration:
    kept = row.link
    link = CustomerLink(
        customer=customer,
        reference=kept["reference"],
        parts=kept["parts"],
        currency=kept["currency"],
        settings=kept.get("settings", {}),
    )
    return FrozenGeneration(
        number=row.number,
        key=row.key,
        document=canonical.loads(row.document),
        link=link,
        invoice_revision=row.invoice_revision,
        progress=row.progress,
        sends=row.sends,
        frozen_at=row.frozen_at,
        first_sent_at=row.first_sent_at,
        unsettled_at=row.unsettled_at,
        batch_key=row.batch_key,
        batch_position=row.batch_position,
        key_spent=row.key_spent,
    )
