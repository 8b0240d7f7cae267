"""Hub invoice to Stripe's parameters, Stripe's objects to the hub's. Pure: no network, no state.

A document is `{"invoice": params of POST /v1/invoices, "lines": lines of add_lines,
"total": int, "tax": int, "pay": whether it is charged at once, "tax_failure": what follows
where Stripe Tax cannot work}`, amounts in Stripe's smallest unit.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from kable_hub import (
    JSON,
    Customer,
    CustomerLink,
    Document,
    Invoice,
    LinkedCustomer,
    Push,
    Receipt,
    Unsupported,
)
from kable_stripe_payments import taxes
from kable_stripe_payments.amounts import from_stripe
from kable_stripe_payments.declaration import captions
from kable_stripe_payments.lines import lines_of, midnight
from kable_stripe_payments.status import payment_status, told

MARKER = "hub_marker"
HUB_MARKS = 6
"""How many of Stripe's 50 entries of metadata are the hub's own."""

WAYS = ("charge_automatically", "send_invoice")
"""How Stripe collects."""

Stripe = Mapping[str, Any]
"""A Stripe object as it came over the wire."""


def to_document(
    invoice: Invoice, link: CustomerLink, settings: Mapping[str, Any], today: date
) -> Document:
    """The exact parameters for `invoice`, without the marker, which only the push knows.

    Raises Unsupported where Stripe cannot take it (a negative total, too many lines), and
    NeedsOperator where its tax and the settings do not fit.
    """
    if invoice.total < 0:
        raise Unsupported("Stripe takes no credit notes as invoices.", fact="negative_total")
    lines = lines_of(invoice, settings)
    charged = settings["collection_method"] == "charge_automatically"
    return {
        "invoice": _head(invoice, link, settings, today),
        "lines": list(lines.params),
        "total": lines.total,
        "tax": lines.tax,
        "pay": charged and settings["pay_at_once"],
        "tax_failure": settings["tax_failure"],
    }


def _head(
    invoice: Invoice, link: CustomerLink, settings: Mapping[str, Any], today: date
) -> dict[str, JSON]:
    head: dict[str, JSON] = {
        "customer": link.reference,
        "currency": invoice.currency.lower(),
        "auto_advance": False,
        "automatic_tax": {"enabled": settings["tax"] == "automatic"},
        "discounts": "",
        "pending_invoice_items_behavior": "exclude",
        "metadata": {
            **_own_marks(invoice.metadata),
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


def _own_marks(metadata: Mapping[str, str]) -> dict[str, str]:
    """The account's own metadata, as far as Stripe takes it; the hub's names are not theirs."""
    fitting = {
        name: value[:500]
        for name, value in metadata.items()
        if len(name) <= 40 and not set("[]") & set(name) and not name.startswith("hub_")
    }
    return dict(list(fitting.items())[: 50 - HUB_MARKS])


def _collection(invoice: Invoice, settings: Mapping[str, Any], today: date) -> dict[str, JSON]:
    method = settings["collection_method"]
    if method != "send_invoice":
        return {"collection_method": method}
    if invoice.due_date is None:
        return {"collection_method": method, "days_until_due": settings["days_until_due"]}
    if invoice.due_date <= today:
        return {"collection_method": method, "days_until_due": 0}
    return {"collection_method": method, "due_date": midnight(invoice.due_date)}


def _custom_fields(invoice: Invoice, settings: Mapping[str, Any]) -> list[JSON]:
    shown = {
        settings["number_field"]: invoice.number[:140],
        **captions(settings["custom_fields"]),
    }
    return [{"name": name, "value": value} for name, value in shown.items() if name and value]


def with_marker(push: Push) -> dict[str, JSON]:
    """The frozen invoice parameters of `push` plus its marker and generation."""
    head = dict(push.document["invoice"])
    marks = {MARKER: push.marker, "hub_generation": str(push.generation)}
    return {**head, "metadata": {**head["metadata"], **marks}}


def is_twin(push: Push, invoice: Stripe) -> bool:
    """Whether an invoice that is not void has the push's number, under another marker of its hub
    and account."""
    marks, (whose, _, _) = invoice["metadata"], push.marker.rpartition("/")
    if invoice["status"] == "void" or marks.get("hub_number") != push.invoice.number[:500]:
        return False
    return str(marks.get(MARKER, "")).startswith(f"{whose}/")


def to_receipt(invoice: Stripe, now: datetime, tax: int = 0, *, adopted: bool = False) -> Receipt:
    """A final Stripe invoice as a receipt. `tax`: what stands on it as plain lines."""
    currency = invoice["currency"].upper()
    automatic = taxes.is_automatic(invoice)
    parts = sum(part["amount"] for part in invoice.get("total_taxes") or ())
    code, message = told(invoice)
    return Receipt(
        external_id=invoice["id"],
        number=invoice.get("number") or "",
        url=invoice.get("hosted_invoice_url") or "",
        status=invoice["status"],
        total=from_stripe(invoice["total"], currency),
        tax=from_stripe(taxes.added(invoice) if automatic else parts or tax, currency),
        currency=currency,
        customer=invoice.get("customer") or "",
        payment_status=payment_status(invoice, now),
        adopted=adopted,
        adds_tax=automatic,
        payment_code=code,
        payment_message=message,
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
