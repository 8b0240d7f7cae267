"""The connect dialogue in a browser: from a ticket to the provider and back.

The cookie holds the browser's secret; the token in the form is derived from it, so that a form
of another site cannot be sent in this browser's name.
"""

import hashlib
from hmac import compare_digest
from urllib.parse import urlencode

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from kable_hub.usecases import connecting, reconnecting
from kable_hub.usecases.connecting import Outcome
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.forms import FormView
from kable_hub.web import problems
from kable_hub.web.context import current_hub, redacted

COOKIE = "kable_connect"
LIFETIME = 600
FORM_TOKEN = "csrf_token"  # noqa: S105 (the name of a field)
blueprint = Blueprint("connect", __name__, url_prefix="/connect")


class FormForged(Problem):
    """The form was not sent from the page this browser was shown."""

    status = 403
    title = "The form does not belong to this browser"


@blueprint.before_request
def only_look() -> Response | None:
    """Answer HEAD without effect: whoever only looks at a link must not use it up."""
    return Response(status=204) if request.method == "HEAD" else None


@blueprint.get("/start/<ticket>")
def start(ticket: str) -> AnyResponse:
    """Open a ticket: on to the provider, or a form."""
    opened = connecting.open_ticket(current_hub(), ticket, _browser_secret())
    if opened.form is not None:
        response: AnyResponse = _form(opened.form, opened.browser_secret)
    else:
        response = redirect(opened.redirect_url)
    response.set_cookie(
        COOKIE,
        opened.browser_secret,
        max_age=LIFETIME,
        path="/connect",
        secure=current_hub().settings.public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.post("/start/<ticket>")
def answer(ticket: str) -> AnyResponse:
    """Take what a person typed into the form."""
    values = request.form.to_dict()
    token = values.pop(FORM_TOKEN, "")
    if not compare_digest(token.encode(), _token(_browser_secret()).encode()):
        raise FormForged("form_forged", "Open the link again and fill in the form it shows.")
    outcome = connecting.answer_form(current_hub(), ticket, _browser_secret(), values)
    return _lead_on(outcome)


@blueprint.get("/<slug>/callback")
def callback(slug: str) -> AnyResponse:
    """The provider sent the browser back."""
    query = request.args.to_dict()
    return _lead_on(connecting.finish(current_hub(), slug, query, _browser_secret()))


@blueprint.post("/<slug>/callback")
def posted_callback(slug: str) -> AnyResponse:
    """The same by POST: browsers keep the cookie from a foreign POST, so it comes once more."""
    query = urlencode({**request.args.to_dict(), **request.form.to_dict()})
    return redirect(f"{url_for('connect.callback', slug=slug)}?{query}", 303)


@blueprint.get("/<slug>/reconnect")
def reconnect_page(slug: str) -> str:
    """Say what reconnecting does; nothing begins before the button, whoever looks."""
    provider = reconnecting.provider_to_reconnect(current_hub(), slug)
    return render_template("connect_again.html", title=provider.title)


@blueprint.post("/<slug>/reconnect")
def reconnect(slug: str) -> AnyResponse:
    """Begin a dialogue that may only renew what stands. It takes no form token: whoever is led
    here by another site is asked for consent at the provider, as by any link."""
    wanted = {name: request.args.get(name, "") for name in ("connection", "environment")}
    started = reconnecting.start_reconnecting(current_hub(), slug, **wanted)
    return redirect(started.connect_url, 303)


@blueprint.errorhandler(Problem)
def refused(problem: Problem) -> Response:
    """A page for people, a problem body for everything else."""
    return _error_page(problems.of_problem(problem))


@blueprint.errorhandler(HTTPException)
def failed(error: HTTPException) -> Response:
    """The same for what the HTTP layer raises."""
    return _error_page(problems.of_http(error))


def _error_page(problem: Response) -> Response:
    best = request.accept_mimetypes.best_match((problems.PROBLEM_JSON, "text/html"))
    if best != "text/html":
        return problem
    said = problem.get_json()
    page = render_template(
        "connect_result.html",
        ok=False,
        title=said["title"],
        message=said.get("detail", ""),
        code=said["code"],
        request_id=g.request_id,
    )
    return Response(page, problem.status)


def _lead_on(outcome: Outcome) -> AnyResponse:
    if outcome.redirect_url:
        return redirect(outcome.redirect_url, 303)
    if outcome.form is not None:
        return _form(outcome.form, _browser_secret())
    return redirect(_return(outcome), 303) if outcome.return_to else _result(outcome)


def _return(outcome: Outcome) -> str:
    """Where the browser goes in the end. The use case let in only addresses of the account."""
    said = {"provider": outcome.provider, "connected": "true" if outcome.ok else "false"}
    if not outcome.ok:
        said["error"] = outcome.code
    address, mark, fragment = outcome.return_to.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(said)}{mark}{fragment}"


def _result(outcome: Outcome) -> AnyResponse:
    names = ", ".join(
        f"{one.title or one.provider} ({one.scope.environment})" for one in outcome.connections
    )
    page = render_template(
        "connect_result.html",
        ok=outcome.ok,
        title="Connected" if outcome.ok else "Not connected",
        message=f"{names} is connected." if names else redacted(outcome.message),
        code=outcome.code,
        request_id=g.request_id,
    )
    return Response(page, 200 if outcome.ok else 422)


def _form(form: FormView, browser_secret: str) -> Response:
    page = render_template("connect_form.html", form=form, token=_token(browser_secret))
    return Response(page, 422 if form.error else 200)


def _browser_secret() -> str:
    return request.cookies.get(COOKIE, "")


def _token(browser_secret: str) -> str:
    return hashlib.sha256(f"connect form {browser_secret}".encode()).hexdigest()
