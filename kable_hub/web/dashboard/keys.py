"""Settings, API keys: the keys of this environment, made, shown once, revoked."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.usecases import accounts
from kable_hub.usecases.accounts import NewKey
from kable_hub.usecases.errors import Invalid
from kable_hub.web.dashboard import context as here
from kable_hub.web.dashboard.forms import faults_of

blueprint = Blueprint("keys", __name__, url_prefix="/settings/keys")


@blueprint.get("/")
def index() -> str:
    """The keys of this environment, newest first."""
    return _page()


@blueprint.post("/")
def create() -> str | tuple[str, int]:
    """Make a key. The answer is its only page, so nothing leads on from here."""
    scope, label = here.scope(), request.form.get("label", "").strip()
    try:
        made = accounts.create_api_key(here.hub(), scope.account_id, scope.environment, label)
    except Invalid as problem:
        return _page(faults=faults_of(problem)), 422
    return _page(made)


@blueprint.route("/<key_id>/revoke", methods=["GET", "POST"])
def revoke(key_id: str) -> Response | str:
    """Ask, then revoke a key for good."""
    if request.method == "GET":
        key = accounts.get_api_key(here.hub(), here.account().id, key_id)
        return render_template("dashboard/settings/revoke.html", key=key)
    accounts.revoke_api_key(here.hub(), here.account().id, key_id)
    flash("The key is revoked. Whoever still uses it is refused from now on.")
    return redirect(url_for(".index"), 303)


def _page(made: NewKey | None = None, faults: dict[str, str] | None = None) -> str:
    cursor = request.args.get("cursor", "")
    scope = here.scope()
    page = accounts.list_api_keys(
        here.hub(), scope.account_id, cursor, environment=scope.environment
    )
    return render_template(
        "dashboard/settings/keys.html", page=page, made=made, faults=faults or {}
    )
