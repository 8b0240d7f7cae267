"""A blueprint whose POSTs honour Idempotency-Key and whose callers are of one kind."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

import marshmallow as ma
from flask import Response, json
from flask_smorest import Blueprint

from kable_hub.web.auth import accounts_only, operators_only
from kable_hub.web.exact import ExactParser
from kable_hub.web.idempotency import idempotent

PREFIX = "/api/v1"
View = TypeVar("View", bound=Callable[..., Any])


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """Endpoints under /api/v1 for operators or for accounts."""

    ARGUMENTS_PARSER = ExactParser()

    def __init__(self, name: str, callers: Literal["operators", "accounts"], about: str) -> None:
        super().__init__(name, f"kable_hub.web.api.{name}", url_prefix=PREFIX, description=about)
        self.before_request(operators_only if callers == "operators" else accounts_only)

    def arguments(self, schema: Any, **said: Any) -> Callable[[View], View]:
        """As flask-smorest's, with types."""
        return cast("Callable[[View], View]", super().arguments(schema, **said))

    def alt_response(self, status_code: int, *args: Any, **said: Any) -> Callable[[View], View]:
        """As flask-smorest's, with types."""
        return cast("Callable[[View], View]", super().alt_response(status_code, *args, **said))

    def says(self, **about: Any) -> Callable[[View], View]:
        """flask-smorest's `doc`, with types: members of the operation's description."""
        return cast("Callable[[View], View]", self.doc(**about))

    def response(self, status_code: int, schema: Any = None, **said: Any) -> Callable[..., Any]:
        """As flask-smorest's, and under the caller's Idempotency-Key."""
        documented = super().response(status_code, schema, **said)

        def decorator(view: Callable[..., Any]) -> Callable[..., Response]:
            return idempotent(documented(view), asks=getattr(view, "asks_provider", False))

        return decorator


def render(schema: type[ma.Schema], value: Any, status: int = 200, location: str = "") -> Response:
    """The answer that `response` would make of `value`, for views that need it early."""
    response = Response(json.dumps(schema().dump(value)), status, content_type="application/json")
    if location:
        response.headers["Location"] = f"{PREFIX}{location}"
    return response


def at(location: str) -> dict[str, str]:
    """The Location header of a thing that was made."""
    return {"Location": f"{PREFIX}{location}"}
