"""What a person is shown where a view cannot do what was asked."""

from flask import Blueprint, Flask, Response, g, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from kable_hub.errors import ProviderError
from kable_hub.usecases.errors import Forbidden, Problem, problem_of
from kable_hub.web import problems
from kable_hub.web.dashboard.context import user, wants_part

_MACHINES = ("/api/", "/webhooks/")
"""Where programs call: they are answered with problems whatever they accept."""


def install(blueprint: Blueprint) -> None:
    """Answer refusals of this blueprint with a page, and htmx with a message for the page."""
    blueprint.register_error_handler(Problem, _refused)
    blueprint.register_error_handler(ProviderError, lambda error: _refused(problem_of(error)))
    blueprint.register_error_handler(CSRFError, _forged)
    blueprint.register_error_handler(HTTPException, lambda error: _page(problems.of_http(error)))


def install_lost(app: Flask) -> None:
    """Answer browsers with a page wherever nothing else does: at addresses that no route has, at
    methods that a route does not know, and where something went wrong."""

    @app.after_request
    def lost(response: Response) -> Response:
        problem = response.mimetype == problems.PROBLEM_JSON
        return _page(response) if problem and not request.path.startswith(_MACHINES) else response


def operators_only() -> None:
    """Raise Forbidden for members."""
    if not user().is_operator:
        raise Forbidden("operators_only", "Ask an operator of this hub: only they may do that.")


def _refused(problem: Problem) -> Response:
    return _page(problems.of_problem(problem))


def _forged(_error: CSRFError) -> Response:
    detail = "This form was open for too long or came from elsewhere. Go back and try again."
    return _page(problems.answer(400, "form_forged", "The form cannot be taken", detail=detail))


def _page(problem: Response) -> Response:
    """The problem as a page where a person looks, else as it is.

    htmx puts its message where messages stand, whatever part was asked for.
    """
    part = wants_part()
    best = request.accept_mimetypes.best_match((problems.PROBLEM_JSON, "text/html"))
    if not part and best != "text/html":
        return problem
    said = problem.get_json()
    name = "_problem" if part else "problem" if "scope" in g else "problem_alone"
    text = render_template(f"dashboard/{name}.html", said=said, request_id=g.request_id)
    page = Response(text, problem.status)
    if part:
        page.headers["HX-Retarget"], page.headers["HX-Reswap"] = "#messages", "innerHTML"
    for name in problems.KEPT_HEADERS:
        if name in problem.headers:
            page.headers[name] = problem.headers[name]
    return page
