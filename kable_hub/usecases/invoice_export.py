"""The invoices of a filter as CSV text, a piece at a time, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

from kable_hub import money
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.connections import list_connections
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.invoicing import InvoiceFilter, InvoiceView, list_invoices

PIECE = 500
"""Invoices read and written at once."""

HEAD = (
    "number",
    "client_id",
    "company_name",
    "currency",
    "issue_date",
    "due_date",
    "subtotal",
    "tax",
    "total",
)
PER_PROVIDER = ("state", "document_number", "external_id", "payment_status", "error_code")

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")


def export_csv(hub: Hub, scope: Scope, wanted: InvoiceFilter) -> Iterator[str]:
    """The header, then the invoices, newest first; amounts in major units.

    Raises NotFound for an unknown customer, before anything is handed out.
    """
    slugs = [one.provider for one in list_connections(hub, scope)]
    first = list_invoices(hub, scope, wanted, limit=PIECE)
    return _pieces(hub, scope, wanted, slugs, first)


def _pieces(
    hub: Hub, scope: Scope, wanted: InvoiceFilter, slugs: Sequence[str], page: Page[InvoiceView]
) -> Iterator[str]:
    yield _text([[*HEAD, *(f"{slug}_{name}" for slug in slugs for name in PER_PROVIDER)]])
    while True:
        yield _text([_row(view, slugs) for view in page.items])
        if not page.next_cursor:
            return
        page = list_invoices(hub, scope, wanted, page.next_cursor, PIECE)


def harmless(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula: an apostrophe goes in front of it."""
    return f"'{text}" if _FORMULA.match(text) else text


def _row(view: InvoiceView, slugs: Sequence[str]) -> list[str]:
    one = view.invoice
    amounts = [money.text(minor, one.currency) for minor in (one.subtotal, one.tax, one.total)]
    due = one.due_date.isoformat() if one.due_date else ""
    said = [one.number, view.client_id, view.company_name, one.currency]
    head = [*map(harmless, said), one.issue_date.isoformat(), due, *amounts]
    return head + [cell for slug in slugs for cell in _at_provider(view, slug)]


def _at_provider(view: InvoiceView, slug: str) -> list[str]:
    for one in view.deliveries:
        if (one.provider, one.kind) == (slug, "push"):
            number = str((one.receipt or {}).get("number", ""))
            said = (one.state, number, one.external_id, one.payment_status, one.error_code)
            return [harmless(text) for text in said]
    return ["notLinked" if slug in view.not_linked else "", "", "", "", ""]


def _text(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
