"""A connection's settings: a form made from what the provider declares, with its own lists."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.usecases import connections
from kable_hub.usecases.errors import Invalid, NotFound
from kable_hub.usecases.forms import FormField
from kable_hub.web.dashboard.connections import ONE, card_of, offered, page, settings_of
from kable_hub.web.dashboard.context import hub, scope
from kable_hub.web.dashboard.forms import values_of

blueprint = Blueprint("connection_settings", __name__)


@blueprint.post(f"{ONE}settings")
def save(kind: str, slug: str) -> tuple[str, int] | Response:
    """Replace the settings, or show again what was refused and why."""
    card = card_of(kind, slug)
    view = settings_of(card)
    if view is None:
        raise NotFound("settings of provider", slug)
    values = {**_emptied(view.fields), **values_of(view.fields)}
    try:
        since = _day(request.form.get("push_since", ""))
        earlier = request.form.get("push_earlier")
        connections.put_settings(hub(), scope(), slug, values, earlier, since)
    except Invalid as problem:
        counted = card_of(kind, slug, counted=True)
        return page(kind, counted, sent=values, faults=_faults(problem)), 422
    flash("The settings are saved; what waited for them goes on.")
    return redirect(url_for("dashboard.connections.show", kind=kind, slug=slug), 303)


@blueprint.get(f"{ONE}settings/<name>")
def choices(kind: str, slug: str, name: str) -> str:
    """One field with what may be chosen there, read from the provider; a whole page by itself."""
    card = card_of(kind, slug)
    view = settings_of(card)
    field = next((one for one in view.fields if one.name == name), None) if view else None
    if view is None or field is None or not field.from_provider:
        raise NotFound("setting with choices", name)
    choices, trouble = offered(slug, field.name)
    kept = values_of([field], source=request.args).get(name, view.values.get(name))
    return render_template(
        "dashboard/connections/_choice.html",
        kind=kind,
        card=card,
        field=field,
        value=kept,
        offered=choices,
        trouble=trouble,
    )


def _emptied(fields: Sequence[FormField]) -> dict[str, str]:
    """Texts that somebody took away where nothing would mean the default, not nothing."""
    texts = [one.name for one in fields if one.type == "text" and one.default]
    return {name: "" for name in texts if request.form.get(f"f.{name}", "-").strip() == ""}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _faults(problem: Invalid) -> dict[str, str]:
    """What was refused, by field; a pair of a map is named in its text."""
    found: dict[str, Any] = {}
    for one in problem.errors:
        name, _, pair = one.field.removeprefix("settings.").partition(".")
        said = f"{pair}: {one.message}" if pair else one.message
        found[name] = f"{found[name]} {said}" if name in found else said
    return found
