"""What a view of the dashboard finds at hand: the hub, who looks, and whose rows are shown.

Every section lives under /a/<account>/<env>. `enter` resolves both before any view runs, and
takes them out of the view's arguments; `url_for` puts them in again.
"""

from typing import Any, cast

from flask import Blueprint, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from kable_hub.domain import Environment
from kable_hub.store.accounts import AccountRow
from kable_hub.store.scope import Scope
from kable_hub.store.users import UserRow
from kable_hub.usecases import accounts
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.hub import Hub
from kable_hub.web.context import current_hub
from kable_hub.web.dashboard.session import check_token, signed_in

PLACE = "place"
dashboard = Blueprint("dashboard", __name__, url_prefix="/a/<account_id>/<env>")


def hub() -> Hub:
    """The hub this app serves."""
    return current_hub()


def user() -> UserRow:
    """Who looks."""
    return cast(UserRow, g.user)


def account() -> AccountRow:
    """Whose dashboard this is."""
    return cast(AccountRow, g.account)


def scope() -> Scope:
    """The account and the environment of the address."""
    return cast(Scope, g.scope)


def wants_part() -> bool:
    """Whether htmx asks, which takes a part of a page."""
    return request.headers.get("HX-Request") == "true"


@dashboard.url_value_preprocessor
def _take(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values:
        g.asked = (values.pop("account_id", ""), values.pop("env", ""))


@dashboard.url_defaults
def _give(_endpoint: str, values: dict[str, Any]) -> None:
    if "scope" in g:
        values.setdefault("account_id", g.scope.account_id)
        values.setdefault("env", g.scope.environment.value)


@dashboard.before_request
def enter() -> Response | None:
    """Let in who may see this account, and nobody else: another's account is 404."""
    found = signed_in()
    if found is None:
        return ask_to_sign_in()
    account_id, env = g.asked
    strange = found.account_id not in (None, account_id)
    if strange or env not in set(Environment):
        raise NotFound("page", request.path)
    check_token()
    g.user, g.account = found, accounts.get_account(hub(), account_id)
    g.scope = Scope(account_id, Environment(env))
    if session.get(PLACE) != (place := f"/a/{account_id}/{env}/"):
        session[PLACE] = place
    return None


def ask_to_sign_in() -> Response:
    """Lead to sign-in and back here afterwards; htmx is told to leave the page."""
    if wants_part():
        asked = request.headers.get("HX-Current-URL", "").partition("//")[2].partition("/")
        there = url_for("signin.sign_in", next=f"/{asked[2]}")
        return Response(status=401, headers={"HX-Redirect": there})
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("signin.sign_in", next=back), 303)
