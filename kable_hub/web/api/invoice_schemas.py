"""How invoices come in and how they look from outside. Amounts are exact, in major units."""

from typing import Any

import marshmallow as ma

from kable_hub import money
from kable_hub.usecases.invoicing import (
    MAX_BULK,
    InvoiceView,
    ItemResult,
    NewInvoice,
    NewLine,
)
from kable_hub.web.api.delivery_schemas import STATES, Attempt, Delivery, Signal
from kable_hub.web.api.fields import (
    Answer,
    Body,
    Day,
    Exact,
    Moment,
    currency,
    nullable,
    text,
    texts,
)
from kable_hub.web.paging import Paging
from kable_hub.web.problems import ProblemErrorSchema

AMOUNTS = ("subtotal", "tax", "total")


class NewLineBody(Body):
    """A line. `amount` is net; one of `unitPrice` and `amount` may be left out."""

    description = text(required=True)
    quantity = Exact()
    unit_price = Exact(allow_none=True)
    amount = Exact(allow_none=True)
    tax_amount = Exact(allow_none=True)
    tax_rate = Exact(allow_none=True, metadata={"description": "In percent."})
    tax_code = text()
    product_code = text()
    service_date = Day(allow_none=True)

    def made(self, values: dict[str, Any]) -> NewLine:
        """The use case's line."""
        return NewLine(**values)


class NewInvoiceBody(Body):
    """An invoice to be accepted."""

    customer = text("The customer's id or clientId.", required=True)
    number = text("Unique among your invoices.", required=True)
    currency = currency(required=True)
    issue_date = Day(required=True)
    due_date = Day(allow_none=True)
    lines = ma.fields.List(ma.fields.Nested(NewLineBody), required=True)
    total = Exact(
        allow_none=True, metadata={"description": "Refused where the lines add up otherwise."}
    )
    memo = text()
    metadata = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    payment_provider = text("Chooses among several linked payments providers.")
    auto_push = ma.fields.Boolean(
        metadata={
            "description": "False keeps it until it is pushed by hand; left out, the account's "
            "default holds."
        }
    )

    def made(self, values: dict[str, Any]) -> NewInvoice:
        """The use case's invoice."""
        return NewInvoice(**{**values, "lines": tuple(values["lines"])})


class InvoiceChangeBody(Body):
    """What to change; absent fields stay."""

    number = text()
    currency = text()
    issue_date = Day()
    due_date = Day(allow_none=True)
    lines = ma.fields.List(ma.fields.Nested(NewLineBody))
    total = Exact(allow_none=True)
    memo = text()
    metadata = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())

    def made(self, values: dict[str, Any]) -> dict[str, Any]:
        """Lines as the use case takes them."""
        return {**values, "lines": tuple(values["lines"])} if "lines" in values else values


class Each(ma.fields.Nested):
    """An item of a bulk: what is wrong with one is its value and does not refuse the others."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(*args, **kwargs)
        except ma.ValidationError as error:
            return error


class BulkBody(Body):
    """Invoices to be accepted, each for itself."""

    invoices = ma.fields.List(
        Each(NewInvoiceBody), required=True, validate=ma.validate.Length(1, MAX_BULK)
    )


class Line(Answer):
    """A line of an accepted invoice."""

    description = text()
    quantity = Exact()
    unit_price = Exact()
    amount = text("Net.")
    tax = text()
    tax_rate = Exact(allow_none=True)
    tax_code = text()
    product_code = text()
    service_date = Day(allow_none=True)


class Invoice(Answer):
    """An accepted invoice and where it goes."""

    id = text()
    customer_id = text()
    client_id = text()
    number = text()
    currency = text()
    issue_date = Day()
    due_date = Day(allow_none=True)
    subtotal = text()
    tax = text()
    total = text()
    memo = text()
    metadata = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    payment_provider = text()
    auto_push = ma.fields.Boolean()
    revision = ma.fields.Integer()
    lines = ma.fields.List(ma.fields.Nested(Line), metadata={"description": "Left empty in lists."})
    deliveries = ma.fields.List(ma.fields.Nested(Delivery))
    not_linked = texts(
        metadata={"description": "Connected providers it does not go to for want of a link."}
    )
    created_at = Moment()
    updated_at = Moment()

    def shape(self, view: InvoiceView) -> dict[str, Any]:
        """The invoice's fields, amounts in major units, beside its deliveries."""
        return shown(view)


class TimelineEntry(Answer):
    """One thing that happened."""

    at = Moment()
    kind = text(metadata={"enum": ["created", "opened", "attempt", "delivered", "signal"]})
    provider = text()
    delivery_id = text()
    message = text()
    attempt = ma.fields.Nested(Attempt, allow_none=True)
    signal = ma.fields.Nested(Signal, allow_none=True)


class InvoiceFull(Invoice):
    """An invoice with everything that happened to it, oldest first."""

    timeline = ma.fields.List(ma.fields.Nested(TimelineEntry))

    def shape(self, detail: Any) -> dict[str, Any]:
        """The fields of an InvoiceDetail's invoice beside its timeline."""
        return {**shown(detail.view), "timeline": detail.timeline}


class InvoiceQuery(Paging):
    """Which invoices; `state` and `provider` concern one and the same delivery."""

    customer = text("A customer's id or clientId.", load_default="")
    number = text("How the number starts.", load_default="")
    state = text(load_default="", validate=ma.validate.OneOf(("", *STATES)))
    provider = text("The provider's slug.", load_default="")
    issued_from = Day(data_key="issuedFrom", load_default=None)
    issued_to = Day(data_key="issuedTo", load_default=None)


class PushBody(Body):
    """Where to push to."""

    provider = text("The provider's slug; every one where empty.", load_default="")


class CollectBody(Body):
    """Whom to ask for the payment."""

    provider = text("The provider's slug, where several could collect.", load_default="")


class PreviewQuery(ma.Schema):
    """Where the dry run is for."""

    provider = text("The provider's slug.", required=True)


class Preview(Answer):
    """What a provider would be sent."""

    provider = text()
    document = ma.fields.Dict()


class ItemProblem(Answer):
    """Why an invoice of a bulk was refused."""

    title = text()
    status = ma.fields.Integer()
    detail = text()
    code = text()
    errors = ma.fields.List(ma.fields.Nested(ProblemErrorSchema))


class BulkResult(Answer):
    """What became of one invoice of a bulk."""

    index = ma.fields.Integer()
    accepted = ma.fields.Boolean()
    invoice_id = nullable()
    invoice = ma.fields.Nested(
        Invoice, allow_none=True, metadata={"description": "Null under `return=minimal`."}
    )
    problem = ma.fields.Nested(ItemProblem, allow_none=True)

    def shape(self, result: ItemResult) -> dict[str, Any]:
        """The result with its verdict."""
        return {**vars(result), "accepted": result.problem is None}


class BulkAnswer(Answer):
    """A result for each invoice, in the order of the request."""

    accepted = ma.fields.Integer()
    refused = ma.fields.Integer()
    results = ma.fields.List(ma.fields.Nested(BulkResult))

    def shape(self, answer: dict[str, list[ItemResult]]) -> dict[str, Any]:
        """The results with how many went in."""
        accepted = sum(one.problem is None for one in answer["results"])
        return {**answer, "accepted": accepted, "refused": len(answer["results"]) - accepted}


def shown(view: InvoiceView) -> dict[str, Any]:
    """A view's fields as Invoice dumps them."""
    row = view.invoice
    amounts = {name: money.text(getattr(row, name), row.currency) for name in AMOUNTS}
    lines = [
        {
            **vars(line),
            "amount": money.text(line.amount, row.currency),
            "tax": money.text(line.tax, row.currency),
        }
        for line in row.lines
    ]
    return {**vars(view), **vars(row), **amounts, "lines": lines}
