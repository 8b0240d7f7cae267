"""Settings, webhooks: endpoints of the account's own software, and what they were sent."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.usecases import endpoints
from kable_hub.usecases.endpoints import EVENT_TYPES, MOST, MessageRow, NewEndpoint
from kable_hub.usecases.errors import Conflict, Invalid
from kable_hub.web.dashboard import context as here
from kable_hub.web.dashboard.forms import faults_of

blueprint = Blueprint("hooks", __name__, url_prefix="/settings/webhooks")
PAGE = 20


@blueprint.get("/")
def index() -> str:
    """The endpoints of this environment, and a form for another."""
    return _list()


@blueprint.post("/")
def add() -> str | tuple[str, int]:
    """Add an endpoint; its secret is shown once."""
    try:
        made = endpoints.add_endpoint(here.hub(), here.scope(), **_sent())
    except Invalid as problem:
        return _list(faults=faults_of(problem)), 422
    except Conflict as problem:
        return _list(faults={"url": problem.detail}), 409
    return _show(made.endpoint.id, made)


@blueprint.get("/<endpoint_id>/")
def show(endpoint_id: str) -> str:
    """One endpoint with what it was sent; for htmx that part alone."""
    if here.wants_part():
        about = _about(endpoint_id)
        return render_template("dashboard/settings/_messages.html", **about)
    return _show(endpoint_id)


@blueprint.post("/<endpoint_id>/")
def change(endpoint_id: str) -> Response | tuple[str, int]:
    """Change address, description and events."""
    try:
        endpoints.change_endpoint(here.hub(), here.scope(), endpoint_id, **_sent())
    except Invalid as problem:
        return _show(endpoint_id, faults=faults_of(problem)), 422
    return _said(endpoint_id, "The endpoint is changed.")


@blueprint.post("/<endpoint_id>/enable")
def enable(endpoint_id: str) -> Response:
    """Send to it again, what waits too."""
    endpoints.change_endpoint(here.hub(), here.scope(), endpoint_id, enabled=True)
    return _said(endpoint_id, "The endpoint is enabled, and is sent what waited for it.")


@blueprint.post("/<endpoint_id>/disable")
def disable(endpoint_id: str) -> Response:
    """Send it nothing until it is enabled."""
    endpoints.change_endpoint(here.hub(), here.scope(), endpoint_id, enabled=False)
    return _said(endpoint_id, "The endpoint is disabled: nothing is sent to it.")


@blueprint.post("/<endpoint_id>/test")
def test(endpoint_id: str) -> Response:
    """Send it a test event."""
    endpoints.send_test(here.hub(), here.scope(), endpoint_id)
    return _said(endpoint_id, "A test is on its way; below stands what is answered.")


@blueprint.post("/<endpoint_id>/rotate")
def rotate(endpoint_id: str) -> str:
    """Make a new secret; it is shown once."""
    made = endpoints.rotate_secret(here.hub(), here.scope(), endpoint_id)
    return _show(endpoint_id, made)


@blueprint.route("/<endpoint_id>/remove", methods=["GET", "POST"])
def remove(endpoint_id: str) -> Response | str:
    """Ask, then remove an endpoint with all that it was sent."""
    if request.method == "GET":
        return render_template("dashboard/settings/hook_remove.html", **_about(endpoint_id))
    endpoints.remove_endpoint(here.hub(), here.scope(), endpoint_id)
    flash("The endpoint is removed.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<endpoint_id>/messages/<message_id>/resend")
def resend(endpoint_id: str, message_id: str) -> Response:
    """Send a message again."""
    endpoints.resend(here.hub(), here.scope(), endpoint_id, message_id)
    return _said(endpoint_id, "It is sent again now.")


def _sent() -> dict[str, Any]:
    """What the form says; all events chosen, or none, means all."""
    chosen = request.form.getlist("events") if request.form.get("which") == "some" else []
    return {
        "url": request.form.get("url", "").strip(),
        "description": request.form.get("description", "").strip(),
        "event_types": chosen,
    }


def _said(endpoint_id: str, text: str) -> Response:
    flash(text)
    return redirect(url_for(".show", endpoint_id=endpoint_id), 303)


def _about(endpoint_id: str) -> dict[str, Any]:
    row = endpoints.get_endpoint(here.hub(), here.scope(), endpoint_id)
    cursor, now = request.args.get("cursor", ""), here.hub().now()
    page = endpoints.list_messages(here.hub(), here.scope(), endpoint_id, cursor, PAGE)
    return {"endpoint": row, "now": now, "page": page, "pace": _pace(page.items, now)}


def _pace(messages: Sequence[MessageRow], now: int) -> int:
    """Seconds until the list is looked at again; 0 while nothing moves soon."""
    return 2 if any(one.due_at and one.due_at < now + 60_000 for one in messages) else 0


def _list(faults: dict[str, str] | None = None) -> str:
    return render_template(
        "dashboard/settings/hooks.html",
        endpoints=endpoints.list_endpoints(here.hub(), here.scope()),
        types=EVENT_TYPES,
        most=MOST,
        chosen=request.form.getlist("events"),
        faults=faults or {},
    )


def _show(
    endpoint_id: str, made: NewEndpoint | None = None, faults: dict[str, str] | None = None
) -> str:
    about = _about(endpoint_id)
    faulty = faults is not None
    chosen = request.form.getlist("events") if faulty else about["endpoint"].event_types
    return render_template(
        "dashboard/settings/hook.html",
        made=made,
        types=EVENT_TYPES,
        chosen=list(chosen),
        faults=faults or {},
        **about,
    )
