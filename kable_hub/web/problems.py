"""Every error leaves as an RFC 9457 problem with a stable `code` and the request's id."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow as ma
import structlog
from flask import Flask, Response, g, json
from flask_smorest import Api
from peewee import IntegrityError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from kable_hub.errors import ProviderError
from kable_hub.store.moves import is_refusal
from kable_hub.usecases.errors import FieldError, Invalid, Problem, Unavailable, problem_of
from kable_hub.web.context import redacted

PROBLEM_JSON = "application/problem+json"
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate", "Content-Range")
_CODES = {
    "Missing data for required field.": "required",
    "Unknown field.": "unknown_field",
    "Field may not be null.": "null",
}
_HTTP_CODES = {413: "body_too_large", 500: "internal_error"}
_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not know the method.",
    413: "The body is larger than this hub accepts.",
    500: "Something went wrong inside the hub. The log has it under this requestId.",
}
_log = structlog.get_logger(__name__)


class BadRequest(Problem):
    """The request cannot be understood."""

    status = 400
    title = "The request cannot be understood"


class UnsupportedMediaType(Problem):
    """The body is of a kind that is not read here."""

    status = 415
    title = "The body is of the wrong type"


class ProblemErrorSchema(ma.Schema):
    """One fault of the input."""

    field = ma.fields.String(
        required=True, metadata={"description": "Path of the field, such as `lines.3.amount`."}
    )
    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)

    class Meta:
        unknown = ma.INCLUDE


class ProblemSchema(ma.Schema):
    """The body of every error (RFC 9457)."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String()
    code = ma.fields.String(required=True, metadata={"description": "Stable; program against it."})
    requestId = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(ProblemErrorSchema))

    class Meta:
        unknown = ma.INCLUDE


class HubApi(Api):  # type: ignore[misc]
    """flask-smorest whose errors are problems, in answers and in the description."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        before: str = Api.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM_JSON
        try:
            super()._register_responses()
        finally:
            self.DEFAULT_RESPONSE_CONTENT_TYPE = before

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer what Flask and Werkzeug raise."""
        return of_http(error)


def install(app: Flask) -> None:
    """Answer problems that use cases and providers raise anywhere in the app."""
    app.register_error_handler(Problem, of_problem)
    app.register_error_handler(IntegrityError, of_closed_store)
    app.register_error_handler(ProviderError, lambda error: of_problem(problem_of(error)))


def of_problem(problem: Problem) -> Response:
    """The answer for a use case's Problem."""
    _log.info("refused", status=problem.status, code=problem.code, fields=_names(problem))
    response = answer(
        problem.status,
        problem.code,
        problem.title,
        detail=problem.detail,
        errors=[{"field": e.field, "code": e.code, "message": e.message} for e in problem.errors],
        **problem.extras,
    )
    if "retryAfter" in problem.extras:
        response.headers["Retry-After"] = str(problem.extras["retryAfter"])
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def of_closed_store(error: IntegrityError) -> Response:
    """The answer where the store was moved while this process had it open."""
    if not is_refusal(error):
        raise error
    said = "The hub's store was moved. Nothing was kept; send it again to the hub's new process."
    return of_problem(Unavailable("store_moved", said))


def of_http(error: HTTPException) -> Response:
    """The answer for an error of the HTTP layer; Allow and its like are kept."""
    status = error.code or 500
    title = HTTP_STATUS_CODES.get(status, "Error")
    code = _HTTP_CODES.get(status) or re.sub(r"[^a-z]+", "_", title.lower())
    response = answer(status, code, title, detail=_DETAILS.get(status, ""))
    for name, value in error.get_headers():
        if name in KEPT_HEADERS:
            response.headers[name] = value
    return response


def answer(status: int, code: str, title: str, **members: Any) -> Response:
    """A problem response. Empty members are left out; secrets are hidden."""
    body = {
        "type": f"urn:kable-hub:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "requestId": g.get("request_id", ""),
        **{name: value for name, value in members.items() if value or value == 0},
    }
    return Response(redacted(json.dumps(body)), status=status, content_type=PROBLEM_JSON)


def invalid_fields(messages: Mapping[str, Any]) -> Invalid:
    """The Invalid for marshmallow's messages, which stand under their location."""
    return Invalid(*(one for said in messages.values() for one in field_errors(said)))


def field_errors(said: Any, path: str = "") -> Iterator[FieldError]:
    """One FieldError for each of marshmallow's messages, the path joined by dots."""
    match said:
        case Mapping():
            for name, inner in said.items():
                step = "" if name == "_schema" else str(name)
                yield from field_errors(inner, ".".join(filter(None, (path, step))))
        case list():
            for message in said:
                yield from field_errors(message, path)
        case FieldError():
            yield said
        case _:
            yield FieldError(path, _CODES.get(str(said), "invalid"), str(said))


def _names(problem: Problem) -> list[str]:
    return [one.field for one in problem.errors]
