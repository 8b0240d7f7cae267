"""Settings of the account: its name, its plan, and where browsers may be led back to."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.usecases import accounts
from kable_hub.usecases.accounts import PLANS
from kable_hub.usecases.errors import Invalid
from kable_hub.web.dashboard import context as here
from kable_hub.web.dashboard.forms import faults_of
from kable_hub.web.dashboard.refusing import operators_only

blueprint = Blueprint("settings", __name__, url_prefix="/settings")
_PAGE = "dashboard/settings/index.html"


@blueprint.get("/")
def index() -> str:
    """The account as it stands."""
    hosts = "\n".join(here.account().return_hosts)
    return render_template(_PAGE, hosts=hosts, plans=PLANS, error="")


@blueprint.post("/")
def change() -> Response | tuple[str, int]:
    """Change name, plan and hosts; for operators."""
    operators_only()
    hosts = request.form.get("hosts", "")
    plan, name = request.form.get("plan", ""), request.form.get("name", "").strip()
    try:
        accounts.change_account(here.hub(), here.account().id, plan, hosts.split(), name)
    except Invalid as problem:
        faults = faults_of(problem)
        name_fault = faults.pop("name", "")
        said = {"error": " ".join(faults.values()), "name_fault": name_fault}
        return render_template(_PAGE, hosts=hosts, plans=PLANS, **said), 422
    flash("The account is changed.")
    return redirect(url_for(".index"), 303)
