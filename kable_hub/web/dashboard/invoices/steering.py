"""What a person does about an invoice: each is a form that leads back to its page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.store.deliveries import DeliveryRow
from kable_hub.store.scope import Scope
from kable_hub.usecases import charging, deliveries
from kable_hub.usecases.errors import Conflict, Invalid, NotFound
from kable_hub.usecases.hub import Hub
from kable_hub.web.dashboard.context import hub, scope
from kable_hub.web.dashboard.forms import faults_of
from kable_hub.web.dashboard.invoices.blueprint import blueprint
from kable_hub.web.dashboard.invoices.showing import titles

AT = "/<invoice_id>/deliveries/<delivery_id>"


@dataclass(frozen=True)
class Action:
    """`done` is said afterwards. `asks` first, where it is not empty; `{provider}` in both.

    `final`: it is not taken back.
    """

    do: Callable[[Hub, Scope, str], object]
    done: str
    asks: str = ""
    button: str = ""
    final: bool = False


def _collect(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    row = deliveries.get_delivery(hub, scope, delivery_id).delivery
    return charging.collect_invoice(hub, scope, row.subject_id, row.provider)


ACTIONS: Mapping[str, Action] = {
    "push": Action(deliveries.push, "It goes to {provider} now."),
    "retry": Action(deliveries.retry, "It is tried at {provider} again."),
    "cancel": Action(
        deliveries.cancel,
        "It is not sent to {provider}.",
        "It will not be sent to {provider}. Nothing of it stands there.",
        "Do not send it",
    ),
    "void": Action(
        deliveries.void,
        "{provider} is asked to void it.",
        "The document at {provider} is voided. That cannot be taken back.",
        "Void it",
        final=True,
    ),
    "collect": Action(
        _collect,
        "{provider} is asked for the payment.",
        "{provider} tries to collect the money from the customer now.",
        "Collect it",
    ),
}
LEAVE = Action(
    deliveries.cancel,
    "The document at {provider} is left as it is.",
    "The document at {provider} stays as it is.",
    "Leave it as it is",
)
"""What `cancel` means for what comes after the push: a document stands there already."""

SETTLED = {
    "yes": "Kept as delivered to {provider}.",
    "no": "It is sent to {provider} anew.",
}


@blueprint.get(f"{AT}/<any(cancel, void, collect):what>/")
def confirm(invoice_id: str, delivery_id: str, what: str) -> str:
    """Ask before something that is not taken back easily."""
    row = _of(invoice_id, delivery_id)
    return _asking("confirm", row, action=_action(row, what), what=what)


@blueprint.post(f"{AT}/<any(push, retry, cancel, void, collect):what>/")
def act(invoice_id: str, delivery_id: str, what: str) -> Response:
    """Do it, and back to the invoice."""
    row = _of(invoice_id, delivery_id)
    action = _action(row, what)
    return _do(row, action.done, action.do)


def _action(row: DeliveryRow, what: str) -> Action:
    return LEAVE if what == "cancel" and row.kind != "push" else ACTIONS[what]


@blueprint.get(f"{AT}/settle/")
def ask_settle(invoice_id: str, delivery_id: str) -> str:
    """Ask what a person found at the provider."""
    return _asking("settle", _of(invoice_id, delivery_id), faults={})


@blueprint.post(f"{AT}/settle/")
def settle(invoice_id: str, delivery_id: str) -> Response | tuple[str, int]:
    """Say that it is there, under the provider's id, or that it is not."""
    row = _of(invoice_id, delivery_id)
    found, sent = request.form.get("found", ""), request.form.get("external_id", "").strip()
    if found not in SETTLED:
        return _asking("settle", row, faults={"found": "Say whether it is there."}), 422
    exists = found == "yes"
    do = partial(deliveries.settle, exists=exists, external_id=sent if exists else "")
    try:
        return _do(row, SETTLED[found], do)
    except Invalid as problem:
        return _asking("settle", row, faults=faults_of(problem)), 422


def _do(row: DeliveryRow, said: str, do: Callable[[Hub, Scope, str], object]) -> Response:
    """What has changed meanwhile is a message on the invoice's page, not a page of its own."""
    try:
        do(hub(), scope(), row.id)
    except Conflict as problem:
        flash(f"{problem.title}: {problem.detail}", "error")
    else:
        flash(said.replace("{provider}", _title(row)))
    return redirect(url_for("dashboard.invoices.show", invoice_id=row.subject_id), 303)


def _asking(name: str, row: DeliveryRow, **more: object) -> str:
    page = f"dashboard/invoices/{name}.html"
    return render_template(page, row=row, provider=_title(row), **more)


def _of(invoice_id: str, delivery_id: str) -> DeliveryRow:
    """The delivery, of this invoice. Raises NotFound."""
    row = deliveries.get_delivery(hub(), scope(), delivery_id).delivery
    if row.subject_id != invoice_id:
        raise NotFound("delivery", delivery_id)
    return row


def _title(row: DeliveryRow) -> str:
    return titles().get(row.provider, row.provider)
