"""Invoices: accepted whole or refused whole, alone or by the thousand."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView
from werkzeug.http import parse_dict_header

from kable_hub import canonical
from kable_hub.usecases import charging, invoicing, previewing
from kable_hub.usecases.invoicing import InvoiceFilter, InvoiceView, ItemResult
from kable_hub.web.api.blueprint import ApiBlueprint, at
from kable_hub.web.api.delivery_schemas import Delivery
from kable_hub.web.api.invoice_schemas import (
    BulkAnswer,
    BulkBody,
    CollectBody,
    Invoice,
    InvoiceChangeBody,
    InvoiceFull,
    InvoiceQuery,
    NewInvoiceBody,
    Preview,
    PreviewQuery,
    PushBody,
)
from kable_hub.web.context import current_hub, current_scope
from kable_hub.web.paging import as_page, page_of
from kable_hub.web.problems import BadRequest, invalid_fields

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag (the revision) you read: 412 if it was changed since.",
    "schema": {"type": "string", "pattern": '^(\\*|(W/)?"?[0-9]{1,9}"?)$'},
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`return=minimal` (RFC 7240) leaves the accepted invoices out of the answer, "
    "which then only names them.",
    "schema": {"type": "string", "enum": ["return=minimal", "return=representation"]},
}
blueprint = ApiBlueprint("invoices", "accounts", "Invoices and where they arrived.")


@blueprint.route("/invoices")
class Invoices(MethodView):
    """The account's invoices."""

    @blueprint.arguments(NewInvoiceBody)
    @blueprint.response(201, Invoice)
    def post(self, body: invoicing.NewInvoice) -> Any:
        """Accept an invoice and open its deliveries."""
        view = invoicing.create_invoice(current_hub(), current_scope(), body)
        headers = at(f"/invoices/{view.invoice.id}")
        return view, {**headers, "ETag": _tag(view)}

    @blueprint.arguments(InvoiceQuery, location="query")
    @blueprint.response(200, page_of(Invoice))
    def get(self, query: dict[str, Any]) -> Any:
        """List invoices without their lines, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        hub, scope = current_hub(), current_scope()
        found = invoicing.list_invoices(hub, scope, InvoiceFilter(**query), cursor, limit)
        return as_page(found)


@blueprint.route("/invoices/bulk")
class Bulk(MethodView):
    """Many invoices at once."""

    @blueprint.arguments(BulkBody)
    @blueprint.response(200, BulkAnswer)
    @blueprint.says(parameters=[PREFER])
    def post(self, body: dict[str, Any]) -> Any:
        """Accept up to 1000 invoices, each for itself; a result for each, in their order."""
        brief = parse_dict_header(request.headers.get("Prefer", "")).get("return") == "minimal"
        headers = {"Preference-Applied": "return=minimal"} if brief else {}
        return {"results": list(_accept(body["invoices"], brief))}, headers


def _accept(
    items: list[invoicing.NewInvoice | ma.ValidationError], brief: bool
) -> Iterator[ItemResult]:
    sound = [one for one in items if isinstance(one, invoicing.NewInvoice)]
    hub, scope = current_hub(), current_scope()
    accepted = iter(invoicing.create_invoices(hub, scope, sound, brief=brief))
    for index, item in enumerate(items):
        if isinstance(item, ma.ValidationError):
            yield ItemResult(index, problem=invalid_fields({"json": item.messages}))
        else:
            result = next(accepted)
            yield replace(result, index=index)


@blueprint.route("/invoices/<invoice_id>")
class OneInvoice(MethodView):
    """One invoice."""

    @blueprint.response(200, InvoiceFull)
    def get(self, invoice_id: str) -> Any:
        """Show an invoice with its deliveries and all that happened to it."""
        detail = invoicing.get_invoice(current_hub(), current_scope(), invoice_id)
        return detail, {"ETag": _tag(detail.view)}

    @blueprint.arguments(InvoiceChangeBody)
    @blueprint.response(200, Invoice)
    @blueprint.says(parameters=[IF_MATCH])
    def patch(self, body: dict[str, Any], invoice_id: str) -> Any:
        """Change an invoice, until it may exist at any provider."""
        view = invoicing.change_invoice(
            current_hub(), current_scope(), invoice_id, body, _expected_revision()
        )
        return view, {"ETag": _tag(view)}


@blueprint.route("/invoices/<invoice_id>/push")
class Push(MethodView):
    """Sending by hand."""

    @blueprint.arguments(PushBody)
    @blueprint.response(200, Invoice)
    def post(self, body: dict[str, str], invoice_id: str) -> Any:
        """Send what is held of an invoice, at one provider or at all."""
        hub, scope = current_hub(), current_scope()
        return invoicing.push_by_hand(hub, scope, invoice_id, body["provider"])


@blueprint.route("/invoices/<invoice_id>/cancel")
class Cancel(MethodView):
    """Giving up."""

    @blueprint.response(200, Invoice)
    def post(self, invoice_id: str) -> Any:
        """Cancel every delivery of an invoice, as long as it stands nowhere."""
        return invoicing.cancel(current_hub(), current_scope(), invoice_id)


@blueprint.route("/invoices/<invoice_id>/collect")
class Collect(MethodView):
    """Asking for the money."""

    @blueprint.arguments(CollectBody)
    @blueprint.response(201, Delivery)
    def post(self, body: dict[str, str], invoice_id: str) -> Any:
        """Have the provider collect a delivered, unpaid invoice; answers the delivery that asks."""
        hub, scope = current_hub(), current_scope()
        row = charging.collect_invoice(hub, scope, invoice_id, body["provider"])
        return row, at(f"/deliveries/{row.id}")


@blueprint.route("/invoices/<invoice_id>/preview")
class PreviewAt(MethodView):
    """A dry run."""

    @blueprint.arguments(PreviewQuery, location="query")
    @blueprint.response(200, Preview)
    def get(self, query: dict[str, str], invoice_id: str) -> Response:
        """Show the exact document a provider would be sent; nothing is written anywhere."""
        hub, scope = current_hub(), current_scope()
        found = previewing.preview_invoice(hub, scope, invoice_id, query["provider"])
        # Canonical text and not the answer's own JSON, in which Decimals would be texts.
        shown = canonical.dumps({"provider": found.provider, "document": found.document})
        return Response(shown, content_type="application/json")


def _tag(view: InvoiceView) -> str:
    return f'"{view.invoice.revision}"'


def _expected_revision() -> int | None:
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', given)
    if found is None:
        raise BadRequest("invalid_if_match", "If-Match takes the ETag of the invoice.")
    return int(found[1])
