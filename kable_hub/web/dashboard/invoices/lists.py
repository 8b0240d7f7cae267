"""The list of invoices: search, filters, pages, and the same as CSV."""

from datetime import date

from flask import Response, render_template, request

from kable_hub.store.deliveries import STATES
from kable_hub.usecases.connections import list_connections
from kable_hub.usecases.invoice_export import export_csv
from kable_hub.usecases.invoicing import InvoiceFilter, list_invoices
from kable_hub.web.dashboard.context import hub, scope, wants_part
from kable_hub.web.dashboard.invoices.blueprint import blueprint
from kable_hub.web.dashboard.invoices.showing import pace, titles

SHOWN = 50
LONGEST = 100


@blueprint.get("/")
def index() -> str:
    """The newest invoices that fit; htmx takes the list alone."""
    wanted = asked()
    cursor = _text("cursor")
    page = list_invoices(hub(), scope(), wanted, cursor, SHOWN)
    again = pace(one for view in page.items for one in view.deliveries)
    said = {"page": page, "wanted": wanted, "titles": titles(), "pace": again}
    if wants_part():
        return render_template("dashboard/invoices/_list.html", **said)
    at = list_connections(hub(), scope())
    return render_template("dashboard/invoices/index.html", states=STATES, connections=at, **said)


@blueprint.get("/export.csv")
def export() -> Response:
    """Every invoice that fits, as a file that grows while it is read."""
    pieces = export_csv(hub(), scope(), asked())
    answer = Response(pieces, content_type="text/csv; charset=utf-8")
    named = f"invoices-{scope().environment.value}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{named}"'
    return answer


def asked() -> InvoiceFilter:
    """The filter in this address; what makes no sense there is left out."""
    return InvoiceFilter(
        text=_text("q"),
        customer=_text("customer"),
        state=_text("state") if _text("state") in STATES else "",
        provider=_text("provider"),
        issued_from=_day("from"),
        issued_to=_day("to"),
    )


def _text(name: str) -> str:
    return request.args.get(name, "").strip()[:LONGEST]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(_text(name))
    except ValueError:
        return None
