"""What a person may still do about an accepted invoice: change it, push it, cancel it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kable_hub.store import connections, customers, deliveries, invoices, links, outbox, replanning
from kable_hub.store.deliveries import DeliveryRow
from kable_hub.store.invoices import InvoiceRow, NumberTaken
from kable_hub.store.outbox import UNSENT
from kable_hub.store.scope import Scope
from kable_hub.sync.endings import details
from kable_hub.sync.opening import refused_for
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import Conflict, FieldError, NotFound, Outdated
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.invoice_input import as_new, read_invoice
from kable_hub.usecases.invoice_views import InvoiceView, invoice_views
from kable_hub.usecases.lookup import provider_if_there
from kable_hub.usecases.waking import wake

CHANGEABLE = (
    "number",
    "currency",
    "issue_date",
    "due_date",
    "lines",
    "total",
    "memo",
    "metadata",
)
"""The fields of NewInvoice that `change_invoice` takes."""


def change_invoice(
    hub: Hub,
    scope: Scope,
    invoice_id: str,
    change: Mapping[str, Any],
    revision: int | None = None,
) -> InvoiceView:
    """Change an invoice that stands at no provider yet.

    `change` holds new values by field name of NewInvoice (see CHANGEABLE); what is absent
    stays. `revision` is the one the caller read. Raises NotFound, Invalid, Outdated
    (`revision_outdated`), Conflict (`invoice_already_sent` as soon as it may exist anywhere,
    `duplicate_invoice_number`).
    """
    with hub.database.write():
        old = _named(scope, invoice_id)
        if revision is not None and revision != old.revision:
            raise _outdated(old.revision)
        _hold_off_links(scope, old)
        if not outbox.discard_frozen(scope, invoice_id, hub.now()):
            raise _already_sent()
        new = _changed(hub, old, change)
        _refuse_taken_number(scope, new)
        _replace(scope, new, old.revision)
        _replan(hub, scope, new)
        return invoice_views(scope, [new])[0]


def push_by_hand(hub: Hub, scope: Scope, invoice_id: str, slug: str = "") -> InvoiceView:
    """Send what is held of an invoice, at one provider or at all.

    Raises NotFound, Conflict (`nothing_held`).
    """
    with hub.database.write():
        row = _named(scope, invoice_id)
        held = [one for one in _pushes(scope, invoice_id) if slug in ("", one.provider)]
        sent = [outbox.push_held(scope, one.id, hub.now()) for one in held]
        due = [connection_id for connection_id in sent if connection_id]
        if not due:
            raise Conflict("nothing_held", "Nothing of this invoice is held.")
        wake(hub, due)
        return invoice_views(scope, [row])[0]


def cancel(hub: Hub, scope: Scope, invoice_id: str) -> InvoiceView:
    """Cancel every delivery that stands nowhere yet.

    Raises NotFound, Conflict (`invoice_already_sent` where one may exist or was delivered;
    nothing is cancelled then. `nothing_to_cancel`).
    """
    with hub.database.write():
        row = _named(scope, invoice_id)
        _hold_off_links(scope, row)
        alive = [one for one in _pushes(scope, invoice_id) if one.state != "cancelled"]
        if not alive:
            raise Conflict("nothing_to_cancel", "No delivery of this invoice is open.")
        # A refusal takes the whole transaction back, so that nothing is cancelled by halves.
        if not all(outbox.cancel(scope, one.id, hub.now()) for one in alive):
            raise _already_sent()
        return invoice_views(scope, [row])[0]


def _named(scope: Scope, invoice_id: str) -> InvoiceRow:
    row = invoices.get(scope, invoice_id)
    if row is None:
        raise NotFound("invoice", invoice_id)
    return row


def _hold_off_links(scope: Scope, row: InvoiceRow) -> None:
    """No link of the customer opens a delivery of this invoice until the commit."""
    customers.find(scope, row.customer_id, lock="FOR SHARE")


def _pushes(scope: Scope, invoice_id: str) -> list[DeliveryRow]:
    return [one for one in deliveries.of_invoices(scope, [invoice_id]) if one.kind == "push"]


def _changed(hub: Hub, old: InvoiceRow, change: Mapping[str, Any]) -> InvoiceRow:
    checks = Checks()
    for name in change:
        if name not in CHANGEABLE:
            checks.fault(name, "immutable", "This cannot be changed.")
    if change.get("currency", old.currency) != old.currency and "lines" not in change:
        checks.fault("lines", "required", "Another currency needs new lines.")
    checks.done()
    new = replace(as_new(old, old.customer_id), **change)
    row = read_invoice(checks, new, old.id, hub.now(), old.customer_id)
    checks.done()
    assert row is not None
    return replace(row, revision=old.revision + 1, created_at=old.created_at)


def _refuse_taken_number(scope: Scope, new: InvoiceRow) -> None:
    holder = invoices.ids_by_number(scope, [new.number]).get(new.number, new.id)
    if holder != new.id:
        raise taken(new.number, holder)


def _replace(scope: Scope, new: InvoiceRow, revision: int) -> None:
    try:
        if not invoices.replace(scope, new, revision):
            raise _outdated(new.revision)
    except NumberTaken:
        raise taken(new.number) from None


def _replan(hub: Hub, scope: Scope, new: InvoiceRow) -> None:
    """Begin again what nothing exists of: the old reasons were those of the old content."""
    invoice, due = new.to_domain(), []
    for one in _pushes(scope, new.id):
        at = connections.get(scope, one.connection_id)
        link = links.get(scope, one.connection_id, one.customer_id)
        provider = provider_if_there(hub, one.provider)
        refused = refused_for(provider, at.settings if at else {}, invoice, link)
        if refused is not None:
            replanning.set_unsent(
                scope,
                one.id,
                hub.now(),
                state="rejected",
                code=refused.code,
                message=refused.message,
                details=details(refused),
            )
        elif one.state in UNSENT and not _waits_elsewhere(one):
            state = "held" if _is_held(one, new) else "due"
            replanning.set_unsent(scope, one.id, hub.now(), state=state)
            due.append(one.connection_id)
    wake(hub, due)


def _waits_elsewhere(one: DeliveryRow) -> bool:
    return one.blocked_on == "link" or one.error_code == "disconnected"


def _is_held(one: DeliveryRow, new: InvoiceRow) -> bool:
    never_let_go = one.state == "rejected" and one.attempts == 0 and not new.auto_push
    return one.state == "held" or never_let_go


def taken(number: str, invoice_id: str = "") -> Conflict:
    """The refusal of a number that another invoice has; `invoice_id` is its id, if known."""
    detail = f"There is an invoice {number!r} already."
    fault = FieldError("number", "duplicate_invoice_number", detail)
    extras = {"invoiceId": invoice_id} if invoice_id else {}
    return Conflict("duplicate_invoice_number", detail, errors=[fault], extras=extras)


def _already_sent() -> Conflict:
    detail = "It may stand at a provider already: void it there and send another one."
    return Conflict("invoice_already_sent", detail)


def _outdated(revision: int) -> Outdated:
    detail = f"The invoice has revision {revision} by now."
    return Outdated("revision_outdated", detail, extras={"revision": revision})
