"""Hub invoice to Stripe's parameters, Stripe's objects to the hub's. Pure: no network, no state.

A document is `{"invoice": params of POST /v1/invoices, "lines": lines of add_lines,
"total": int, "tax": int}`, amounts in Stripe's smallest unit.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from kable_hub import (
    JSON,
    Customer,
    CustomerLink,
    Document,
    Invoice,
    InvoiceLine,
    LinkedCustomer,
    Push,
    Receipt,
    Unsupported,
)
from kable_stripe_payments.amounts import from_stripe, split
from kable_stripe_payments.declaration import MAX_LINES, captions
from kable_stripe_payments.status import payment_status

MARKER = "hub_marker"
Stripe = Mapping[str, Any]
"""A Stripe object as it came over the wire."""


def to_document(
    invoice: Invoice, link: CustomerLink, settings: Mapping[str, Any], today: date
) -> Document:
    """The exact parameters for `invoice`, without the marker, which only the push knows.

    Raises Unsupported where Stripe cannot take it: a negative total, too many lines.
    """
    if invoice.total < 0:
        raise Unsupported("Stripe takes no credit notes as invoices.", fact="negative_total")
    lines = list(_lines(invoice, settings))
    if len(lines) > MAX_LINES:
        raise Unsupported(
            f"The invoice needs {len(lines)} lines at Stripe, which takes {MAX_LINES}.",
            fact="max_lines",
        )
    tax = sum(part["amount"] for line in lines for part in line.get("tax_amounts", ()))
    return {
        "invoice": _head(invoice, link, settings, today),
        "lines": lines,
        "total": sum(line["amount"] for line in lines) + tax,
        "tax": tax + sum(line["amount"] for line in lines if "hub_tax" in line["metadata"]),
    }


def _head(
    invoice: Invoice, link: CustomerLink, settings: Mapping[str, Any], today: date
) -> dict[str, JSON]:
    head: dict[str, JSON] = {
        "customer": link.reference,
        "currency": invoice.currency.lower(),
        "auto_advance": False,
        "automatic_tax": {"enabled": False},
        "discounts": "",
        "pending_invoice_items_behavior": "exclude",
        "metadata": {
            "hub_invoice_id": invoice.id,
            "hub_customer_id": link.customer.id,
            "hub_client_id": link.customer.client_id[:500],
            "hub_number": invoice.number[:500],
        },
        **_collection(invoice, settings, today),
    }
    texts = {
        "description": invoice.memo[:1500],
        "footer": settings["footer"],
        "statement_descriptor": settings["statement_descriptor"],
        "custom_fields": _custom_fields(invoice, settings),
    }
    return {**head, **{name: value for name, value in texts.items() if value}}


def _collection(invoice: Invoice, settings: Mapping[str, Any], today: date) -> dict[str, JSON]:
    method = settings["collection_method"]
    if method != "send_invoice":
        return {"collection_method": method}
    if invoice.due_date is None:
        return {"collection_method": method, "days_until_due": settings["days_until_due"]}
    if invoice.due_date <= today:
        return {"collection_method": method, "days_until_due": 0}
    return {"collection_method": method, "due_date": _midnight(invoice.due_date)}


def _custom_fields(invoice: Invoice, settings: Mapping[str, Any]) -> list[JSON]:
    shown = {
        settings["number_field"]: invoice.number[:140],
        **captions(settings["custom_fields"]),
    }
    return [{"name": name, "value": value} for name, value in shown.items() if name and value]


def _lines(invoice: Invoice, settings: Mapping[str, Any]) -> Iterator[dict[str, JSON]]:
    rows, taxed = invoice.lines, [line for line in invoice.lines if line.tax]
    amounts = split([row.amount for row in rows] + [row.tax for row in taxed], invoice.currency)
    taxes = dict(zip((row.id for row in taxed), amounts[len(rows) :], strict=True))
    as_lines = settings["tax"] == "line"
    for row, amount in zip(rows, amounts, strict=False):
        parts = {} if as_lines else _tax_amounts(row, amount, taxes.get(row.id), settings)
        yield {**_line(row, amount, invoice.currency), **parts}
    if as_lines:
        yield from _tax_lines(taxed, taxes, settings["tax_name"])


def _line(row: InvoiceLine, amount: int, currency: str) -> dict[str, JSON]:
    line: dict[str, JSON] = {
        "amount": amount,
        "description": _described(row, currency),
        "discountable": False,
        "metadata": {"hub_line_id": row.id[:500]},
    }
    if row.service_date is not None:
        moment = _midnight(row.service_date)
        line["period"] = {"start": moment, "end": moment}
    return line


def _described(row: InvoiceLine, currency: str) -> str:
    """The line's text and how its amount came about, which a bare amount would not show."""
    if row.quantity == 1:
        return row.description[:5000]
    sum_of = f" ({row.quantity:f} × {row.unit_price:f} {currency})"
    return row.description[: 5000 - len(sum_of)] + sum_of


def _tax_amounts(
    row: InvoiceLine, amount: int, tax: int | None, settings: Mapping[str, Any]
) -> dict[str, JSON]:
    if tax is None:
        return {}
    rate = {
        "display_name": settings["tax_name"],
        "inclusive": False,
        "percentage": _percentage(row),
    }
    return {"tax_amounts": [{"amount": tax, "taxable_amount": amount, "tax_rate_data": rate}]}


def _percentage(row: InvoiceLine) -> Decimal:
    """The rate as Stripe takes it: 0 to 100, four decimals; worked out where none is given."""
    rate = row.tax_rate
    if rate is None and row.amount:
        rate = Decimal(row.tax) * 100 / Decimal(row.amount)
    if rate is None or not 0 <= rate <= 100:
        return Decimal(0)
    return Decimal(f"{rate.quantize(Decimal('0.0001')).normalize():f}")


def _tax_lines(
    taxed: list[InvoiceLine], taxes: Mapping[str, int], name: str
) -> Iterator[dict[str, JSON]]:
    sums: dict[Decimal | None, int] = {}
    for row in taxed:
        sums[row.tax_rate] = sums.get(row.tax_rate, 0) + taxes[row.id]
    for rate, amount in sums.items():
        label = name if rate is None else f"{name} {rate.normalize():f} %"
        yield {
            "amount": amount,
            "description": label,
            "discountable": False,
            "metadata": {"hub_tax": "true" if rate is None else f"{rate:f}"},
        }


def with_marker(push: Push) -> dict[str, JSON]:
    """The frozen invoice parameters of `push` plus its marker and generation."""
    head = dict(push.document["invoice"])
    marks = {MARKER: push.marker, "hub_generation": str(push.generation)}
    return {**head, "metadata": {**head["metadata"], **marks}}


def to_receipt(invoice: Stripe, now: datetime, tax: int = 0, *, adopted: bool = False) -> Receipt:
    """A final Stripe invoice as a receipt. `tax`: what stands on it as plain lines."""
    currency = invoice["currency"].upper()
    taxes = sum(part["amount"] for part in invoice.get("total_taxes") or ())
    return Receipt(
        external_id=invoice["id"],
        number=invoice.get("number") or "",
        url=invoice.get("hosted_invoice_url") or "",
        status=invoice["status"],
        total=from_stripe(invoice["total"], currency),
        tax=from_stripe(taxes or tax, currency),
        currency=currency,
        customer=invoice.get("customer") or "",
        payment_status=payment_status(invoice, now),
        adopted=adopted,
    )


def to_customer_params(customer: Customer) -> dict[str, JSON]:
    """The parameters of POST /v1/customers for a hub customer."""
    address = customer.billing_address
    parts = {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "state": address.region,
        "postal_code": address.postal_code,
        "country": address.country,
    }
    params: dict[str, JSON] = {
        "name": customer.company_name[:150],
        "email": first_email(customer.email),
        "address": {name: value for name, value in parts.items() if value},
    }
    marks = {"hub_customer_id": customer.id, "hub_client_id": customer.client_id[:500]}
    return {**{name: value for name, value in params.items() if value}, "metadata": marks}


def first_email(text: str) -> str:
    """The first address of a list: Stripe keeps one, of at most 512 characters."""
    return text.replace(";", ",").split(",")[0].strip()[:512]


def to_linked_customer(customer: Stripe, warnings: tuple[str, ...] = ()) -> LinkedCustomer:
    """A Stripe customer as the hub's."""
    return LinkedCustomer(
        reference=customer["id"],
        title=customer.get("name") or customer.get("email") or customer["id"],
        email=customer.get("email") or "",
        currency=(customer.get("currency") or "").upper(),
        warnings=warnings,
    )


def has_payment_method(customer: Stripe) -> bool:
    """Whether Stripe would have something to charge: a default, not just something attached."""
    settings = customer.get("invoice_settings") or {}
    return bool(settings.get("default_payment_method") or customer.get("default_source"))


def is_ready(customer: Stripe, settings: Mapping[str, Any]) -> bool:
    """Whether an invoice for this customer would reach anything: a card, or a mailbox."""
    if settings["collection_method"] == "send_invoice":
        return bool(customer.get("email"))
    return has_payment_method(customer)


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
