"""Many links from a file: looked up and shown first, made once that is confirmed."""

import json

from flask import Blueprint, render_template, request

from kable_hub.usecases import bulk_linking
from kable_hub.usecases.bulk_linking import READY, SHARES, LinkOutcome
from kable_hub.usecases.errors import FieldError, Invalid
from kable_hub.usecases.link_files import COLUMNS, MOST, LinkWish, read_links
from kable_hub.web.dashboard.context import hub, scope, user
from kable_hub.web.dashboard.customers import places
from kable_hub.web.dashboard.forms import faults_of

blueprint = Blueprint("bulk_links", __name__, url_prefix="/customers/bulk")


@blueprint.get("/")
def index() -> str:
    """The file is asked for."""
    return _ask({})


@blueprint.post("/preview")
def preview() -> str | tuple[str, int]:
    """What the rows of a file would do; nothing is written."""
    sent = request.files.get("file")
    try:
        wishes = read_links(sent.read() if sent else b"")
    except Invalid as problem:
        return _ask(faults_of(problem)), problem.status
    return _show("preview", bulk_linking.preview_links(hub(), scope(), wishes))


@blueprint.post("/confirm")
def confirm() -> str:
    """Make the links that the preview showed. Sent twice it finds them made."""
    share = bool(request.form.get("share"))
    wishes = _plan(request.form.get("plan", ""))
    return _show("done", bulk_linking.make_links(hub(), scope(), wishes, share=share, by=user().id))


def _ask(faults: dict[str, str]) -> str:
    return render_template(
        "dashboard/bulk_links/index.html",
        faults=faults,
        columns=",".join(COLUMNS),
        most=MOST,
        providers=places(),
    )


def _show(name: str, outcomes: tuple[LinkOutcome, ...]) -> str:
    plan = [list(vars(one.wish).values()) for one in outcomes if one.state in (READY, SHARES)]
    return render_template(
        f"dashboard/bulk_links/{name}.html",
        outcomes=outcomes,
        plan=json.dumps(plan),
        count=len(plan),
        states=[one.state for one in outcomes],
        titles={provider.slug: provider.title for _, provider in places()},
    )


def _plan(text: str) -> list[LinkWish]:
    try:
        rows = [LinkWish(*one) for one in json.loads(text)]
    except (ValueError, TypeError):
        rows = []
    sound = all([type(one) for one in vars(row).values()] == [int, *[str] * 4] for row in rows)
    if not rows or not sound or len(rows) > MOST:
        raise Invalid(FieldError("plan", "invalid", "Upload the file once more."))
    return rows
