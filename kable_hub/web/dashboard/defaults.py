"""Settings, defaults: what happens to new invoices and customers where nobody says."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.usecases import defaults
from kable_hub.web.dashboard import context as here

blueprint = Blueprint("defaults", __name__, url_prefix="/settings/defaults")


@blueprint.get("/")
def index() -> str:
    """What holds in this environment."""
    hub = here.hub()
    found, creators = defaults.get_defaults(hub, here.scope()), defaults.creators(hub)
    known = {one.slug for one in creators}
    return render_template(
        "dashboard/settings/defaults.html",
        defaults=found,
        creators=creators,
        away=[slug for slug in found.create_at if slug not in known],
    )


@blueprint.post("/")
def change() -> Response:
    """Change it, for what comes from now on."""
    hub, ticked = here.hub(), request.form.getlist("create_at")
    create_at = [one.slug for one in defaults.creators(hub) if one.slug in ticked]
    auto_push = request.form.get("auto_push") != "hold"
    defaults.change_defaults(hub, here.scope(), auto_push, create_at)
    flash("This holds for what comes from now on.")
    return redirect(url_for(".index"), 303)
