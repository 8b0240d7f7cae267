"""Into the dashboard and out of it: sign-in, one-time links, the choice of an account."""

import re

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from kable_hub.store.users import UserRow
from kable_hub.usecases import accounts, signing_in, users
from kable_hub.usecases.errors import Crowded, Invalid, NotFound
from kable_hub.usecases.signing_in import BadSignIn
from kable_hub.web.context import current_hub
from kable_hub.web.dashboard.context import PLACE, ask_to_sign_in
from kable_hub.web.dashboard.forms import faults_of
from kable_hub.web.dashboard.session import begin, check_token, end, signed_in

blueprint = Blueprint("signin", __name__)
_OWN = re.compile(r"/(?:a/|accounts\b|you\b)[!-\[\]-~]*")
"""Where a sign-in may lead: paths of the dashboard, in characters every browser reads alike."""


@blueprint.before_request
def guard() -> AnyResponse | None:
    """Take forms only from this browser. Who only looks (HEAD) must not use a link up."""
    if request.method == "HEAD":
        return Response(status=204)
    check_token()
    return None


@blueprint.get("/")
def home() -> AnyResponse:
    """The last place, or sign-in."""
    user = signed_in()
    return redirect(_home(user) if user else url_for("signin.sign_in"), 303)


@blueprint.route("/signin", methods=["GET", "POST"])
def sign_in() -> AnyResponse | str | tuple[str, int]:
    """Sign in by e-mail address and password."""
    there = own_path(request.values.get("next", ""))
    if request.method == "GET":
        user = signed_in()
        return redirect(there or _home(user), 303) if user else _sign_in_page(there)
    form = request.form
    try:
        user = signing_in.sign_in(
            current_hub(),
            form.get("email", ""),
            form.get("password", ""),
            request.remote_addr or "",
        )
    except (BadSignIn, Crowded) as problem:
        return _sign_in_page(there, problem.detail), problem.status
    begin(user)
    return redirect(there or _home(user), 303)


def _sign_in_page(there: str, error: str = "") -> str:
    email = request.form.get("email", "")
    return render_template("dashboard/signin/signin.html", next=there, error=error, email=email)


@blueprint.post("/signout")
def sign_out() -> AnyResponse:
    """Sign out here, or everywhere."""
    user = signed_in()
    if user and request.form.get("everywhere"):
        users.sign_out_everywhere(current_hub(), user)
    end()
    flash("You are signed out everywhere." if request.form.get("everywhere") else "Signed out.")
    return redirect(url_for("signin.sign_in"), 303)


@blueprint.route("/first/<ticket>", methods=["GET", "POST"])
def first(ticket: str) -> AnyResponse | str | tuple[str, int]:
    """A one-time link: signs in at once, or asks for a password first."""
    hub = current_hub()
    opened = signing_in.open_ticket(hub, ticket)
    if opened.enters:
        user = signing_in.enter(hub, opened)
        begin(user)
        return redirect(own_path(opened.lead_to) or _home(user), 303)
    page, form = "dashboard/signin/first.html", request.form
    if request.method == "GET":
        return render_template(page, user=opened.user, faults={}, email="")
    email, password = form.get("email", ""), form.get("password", "")
    try:
        user = signing_in.choose_password(hub, opened, email, password)
    except Invalid as problem:
        faults = faults_of(problem)
        return render_template(page, user=opened.user, faults=faults, email=email), 422
    begin(user)
    return redirect(_home(user), 303)


@blueprint.get("/accounts")
def choose() -> AnyResponse | str:
    """The accounts an operator may open; a member has one and is led there."""
    user = signed_in()
    if user is None:
        return ask_to_sign_in()
    return _choice(user, {}) if user.is_operator else redirect(_home(user), 303)


@blueprint.post("/accounts")
def make_account() -> AnyResponse | tuple[str, int]:
    """Make an account; for operators."""
    user = signed_in()
    if user is None:
        return ask_to_sign_in()
    if not user.is_operator:
        raise NotFound("page", request.path)
    form = request.form
    try:
        made = accounts.create_account(current_hub(), form.get("name", ""), form.get("plan", ""))
    except Invalid as problem:
        return _choice(user, faults_of(problem)), 422
    flash(f"{made.name} is ready. Connect a provider next.")
    return redirect(f"/a/{made.id}/live/overview/", 303)


def _choice(user: UserRow, faults: dict[str, str]) -> str:
    page = accounts.list_accounts(current_hub(), request.args.get("cursor", ""))
    return render_template("dashboard/signin/accounts.html", page=page, user=user, faults=faults)


@blueprint.route("/you", methods=["GET", "POST"])
def you() -> AnyResponse | str | tuple[str, int]:
    """One's own address and password."""
    user = signed_in()
    if user is None:
        return ask_to_sign_in()
    page, form = "dashboard/signin/you.html", request.form
    if request.method == "GET":
        return render_template(page, user=user, faults={}, home=_home(user))
    try:
        changed = users.change_password(
            current_hub(), user, form.get("old", ""), form.get("password", "")
        )
    except Invalid as problem:
        return render_template(page, user=user, faults=faults_of(problem), home=_home(user)), 422
    begin(changed)
    flash("The password is changed. Every other session of yours is over.")
    return redirect(url_for("signin.you"), 303)


def own_path(text: str) -> str:
    """`text` where it is a path of this dashboard, else empty."""
    return text if _OWN.fullmatch(text) and "/../" not in text else ""


def _home(user: UserRow) -> str:
    """Where somebody left off; else their account, or the choice of one."""
    last = str(session.get(PLACE, ""))
    if own_path(last) and user.account_id in (None, last.split("/")[2]):
        return f"{last}overview/"
    if user.account_id is None:
        return url_for("signin.choose")
    return f"/a/{user.account_id}/live/overview/"
