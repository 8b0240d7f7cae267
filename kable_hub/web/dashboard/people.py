"""Settings, people: who signs in to this account; operators see the operators too."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.store.users import UserRow
from kable_hub.usecases import signing_in, users
from kable_hub.usecases.errors import Conflict, Invalid
from kable_hub.web.dashboard import context as here
from kable_hub.web.dashboard.forms import faults_of
from kable_hub.web.dashboard.refusing import operators_only

blueprint = Blueprint("people", __name__, url_prefix="/settings/people")


@blueprint.get("/")
def index() -> str:
    """The members of the account."""
    return _page()


@blueprint.post("/")
def add() -> str | tuple[str, int]:
    """Add a member, or an operator; the link that lets them in is shown once."""
    operator = request.form.get("role") == "operator"
    if operator:
        operators_only()
    account = None if operator else here.account().id
    try:
        added = users.add_user(here.hub(), request.form.get("email", ""), account)
    except Invalid as problem:
        return _page(faults=faults_of(problem)), 422
    except Conflict as problem:
        return _page(faults={"email": problem.detail}), 409
    return _page(shown=added, link=signing_in.link_for(here.hub(), added))


@blueprint.post("/<user_id>/link")
def link(user_id: str) -> str:
    """Make somebody a new link to choose a password by."""
    user = _person(user_id)
    return _page(shown=user, link=signing_in.link_for(here.hub(), user))


@blueprint.post("/<user_id>/disable")
def disable(user_id: str) -> Response:
    """Keep somebody out, at once."""
    user = _person(user_id)
    if user.id == here.user().id:
        flash("You cannot disable yourself; somebody else has to.", "error")
    else:
        users.disable_user(here.hub(), user)
        flash(f"{user.email} is disabled and signed out everywhere.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<user_id>/enable")
def enable(user_id: str) -> Response:
    """Let somebody in again."""
    user = users.enable_user(here.hub(), _person(user_id))
    flash(f"{user.email} may sign in again.")
    return redirect(url_for(".index"), 303)


def _person(user_id: str) -> UserRow:
    """Whom this account's page is about: a member; for operators an operator too. NotFound."""
    found = users.find_user(here.hub(), user_id)
    if found.is_operator and here.user().is_operator:
        return found
    return users.member(here.hub(), here.account().id, user_id)


def _page(
    shown: UserRow | None = None, link: str = "", faults: dict[str, str] | None = None
) -> str:
    hub, cursor = here.hub(), request.args.get("cursor", "")
    operators = users.list_users(hub, limit=200) if here.user().is_operator else None
    return render_template(
        "dashboard/settings/people.html",
        page=users.list_users(hub, here.account().id, cursor=cursor),
        operators=operators,
        shown=shown,
        link=f"{hub.settings.public_url}{link}",
        faults=faults or {},
    )
