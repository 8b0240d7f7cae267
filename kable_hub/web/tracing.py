"""Every answer carries X-Request-Id, and every log line of the request carries it too."""

import re

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from kable_hub.store.ids import new_id
from kable_hub.web.context import current_hub
from kable_hub.web.problems import BadRequest

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_log = structlog.get_logger(__name__)


def install(app: Flask) -> None:
    """Name every request, log one line for each."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _SANE.fullmatch(given) else new_id("req")
    g.started = current_hub().clock.monotonic()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)
    if "\0" in request.path or any("\0" in text for pair in request.args.items() for text in pair):
        raise BadRequest("invalid_address", "The address holds a NUL character.")


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    # The rule and not the path: tickets and webhook tokens are part of paths.
    rule = request.url_rule.rule if request.url_rule else "(no route)"
    took = current_hub().clock.monotonic() - g.started
    _log.info(
        "answered",
        method=request.method,
        route=rule,
        status=response.status_code,
        ms=round(took * 1000),
    )
    return response
