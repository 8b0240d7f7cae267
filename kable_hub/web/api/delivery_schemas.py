"""How deliveries look from outside."""

from typing import Any

import marshmallow as ma

from kable_hub import money
from kable_hub.store.deliveries import DeliveryFilter, DeliveryRow
from kable_hub.web.api.fields import Answer, Body, Moment, camel_keys, nullable, text
from kable_hub.web.paging import Paging

STATES = (
    "held",
    "due",
    "pushing",
    "uncertain",
    "delivered",
    "blocked",
    "rejected",
    "cancelled",
)
KINDS = ("push", "void", "collect", "create_customer")


class Receipt(Answer):
    """The provider's acknowledgement; amounts in major units."""

    external_id = text()
    number = text()
    url = text()
    status = text()
    total = text()
    tax = text()
    currency = text()
    customer = text()
    adopted = ma.fields.Boolean(metadata={"description": "It stood there already."})
    adds_tax = ma.fields.Boolean(
        metadata={"description": "The provider added `tax` itself, beyond the invoice's total."}
    )


class Delivery(Answer):
    """One operation of the outbox."""

    id = text()
    provider = text()
    connection_id = text()
    kind = text(metadata={"enum": list(KINDS)})
    invoice_id = nullable()
    customer_id = text()
    state = text(metadata={"enum": list(STATES)})
    due_at = Moment()
    attempts = ma.fields.Integer()
    generation = ma.fields.Integer()
    may_exist = ma.fields.Boolean()
    uncertain_since = Moment(allow_none=True)
    error_code = text()
    error_message = text()
    error_details = ma.fields.List(ma.fields.Raw())
    blocked_on = text()
    external_id = text()
    receipt = ma.fields.Nested(Receipt, allow_none=True)
    variance = nullable(
        metadata={"description": "The document's total less the invoice's, in major units."}
    )
    payment_status = text()
    payment_as_of = Moment(allow_none=True)
    payment_details = ma.fields.Dict()
    delivered_at = Moment(allow_none=True)
    created_at = Moment()
    updated_at = Moment()

    def shape(self, row: DeliveryRow) -> dict[str, Any]:
        """The row with its amounts in major units and its subject by name."""
        return shown(row)


class Attempt(Answer):
    """One try, with every call that was made."""

    id = text()
    delivery_id = text()
    generation = ma.fields.Integer()
    step = text()
    outcome = text()
    code = text()
    message = text()
    provider_code = text()
    http_status = ma.fields.Integer(allow_none=True)
    provider_request_id = text(attribute="request_id")
    calls = ma.fields.Function(lambda one: camel_keys(one.calls), metadata={"type": "array"})
    started_at = Moment()
    duration_ms = ma.fields.Integer()


class Signal(Answer):
    """What happened at the provider by itself."""

    id = text()
    delivery_id = text()
    kind = text()
    message = text()
    as_of = Moment()
    created_at = Moment()


class FrozenLink(Answer):
    """The counterpart that a document goes to."""

    reference = text()
    currency = text()


class Generation(Answer):
    """What was frozen before a first send; `document` is the exact text that is sent."""

    number = ma.fields.Integer()
    key = text("The idempotency key at the provider.")
    batch_key = text()
    document = text()
    link = ma.fields.Nested(FrozenLink)
    invoice_revision = ma.fields.Integer()
    sends = ma.fields.Integer()
    frozen_at = Moment()
    first_sent_at = Moment(allow_none=True)


class DeliveryFull(Delivery):
    """A delivery with everything that was tried, oldest first."""

    generations = ma.fields.List(ma.fields.Nested(Generation))
    tried = ma.fields.List(ma.fields.Nested(Attempt))
    signals = ma.fields.List(ma.fields.Nested(Signal))

    def shape(self, detail: Any) -> dict[str, Any]:
        """The fields of a DeliveryDetail's delivery beside its history."""
        history = {
            "generations": detail.generations,
            "tried": detail.attempts,
            "signals": detail.signals,
        }
        return {**shown(detail.delivery), **history}


class _Filter(ma.Schema):
    state = text(load_default="", validate=ma.validate.OneOf(("", *STATES)))
    provider = text("The provider's slug.", load_default="")
    error_code = text(data_key="errorCode", load_default="")
    kind = text(load_default="", validate=ma.validate.OneOf(("", *KINDS)))
    customer = text("A customer's id or clientId.", load_default="")
    invoice = text("An invoice's id.", load_default="")


class DeliveryQuery(_Filter, Paging):
    """Which deliveries."""


class RetryBody(_Filter, Body):
    """Which deliveries to try again; an empty object means all that are blocked or rejected."""


class RetriedAnswer(Answer):
    """How many deliveries are tried again."""

    retried = ma.fields.Integer()


class SettleBody(Body):
    """What a person found out at the provider."""

    exists = ma.fields.Boolean(required=True)
    external_id = text("The document's id at the provider, where it exists.", load_default="")


def wanted(query: dict[str, Any]) -> DeliveryFilter:
    """The use case's filter."""
    values = {name: value for name, value in query.items() if name != "error_code"}
    return DeliveryFilter(code=query["error_code"], **values)


def shown(row: DeliveryRow) -> dict[str, Any]:
    """A row's fields as Delivery dumps them."""
    currency = (row.receipt or {}).get("currency", "")
    return {
        **vars(row),
        "invoice_id": None if row.kind == "create_customer" else row.subject_id,
        "receipt": _receipt(dict(row.receipt)) if row.receipt else None,
        "variance": money.text(row.variance, currency) if currency else None,
    }


def _receipt(values: dict[str, Any]) -> dict[str, Any]:
    currency = values.get("currency") or ""
    amounts: dict[str, Any] = {
        name: money.text(values[name], currency)
        for name in ("total", "tax")
        if currency and name in values
    }
    return {**values, **amounts}
