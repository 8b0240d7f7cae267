"""An invoice's page: what it says, where it stands, and all that happened."""

from flask import render_template

from kable_hub import canonical
from kable_hub.usecases import invoicing, previewing
from kable_hub.usecases.errors import NotFound, Problem
from kable_hub.web.dashboard.context import hub, scope, wants_part
from kable_hub.web.dashboard.invoices.blueprint import blueprint
from kable_hub.web.dashboard.invoices.showing import customer_url, pace, panels, titles


@blueprint.get("/<invoice_id>/")
def show(invoice_id: str) -> str:
    """The page; htmx takes the part that moves by itself."""
    detail = invoicing.get_invoice(hub(), scope(), invoice_id)
    name = "_progress" if wants_part() else "one"
    return render_template(
        f"dashboard/invoices/{name}.html",
        view=detail.view,
        invoice=detail.view.invoice,
        timeline=detail.timeline,
        panels=panels(detail.view),
        pace=pace(detail.view.deliveries),
        titles=titles(),
        customer_url=customer_url(detail.view),
    )


@blueprint.get("/<invoice_id>/preview/<slug>/")
def preview(invoice_id: str, slug: str) -> str:
    """The exact document that the provider would be sent, or what stands against it."""
    view = invoicing.get_invoice(hub(), scope(), invoice_id).view
    document, refused = "", None
    try:
        found = previewing.preview_invoice(hub(), scope(), invoice_id, slug)
        document = canonical.pretty(found.document)
    except NotFound:
        raise
    except Problem as problem:
        refused = problem
    return render_template(
        "dashboard/invoices/preview.html",
        view=view,
        invoice=view.invoice,
        title_=titles().get(slug, slug),
        document=document,
        refused=refused,
    )
