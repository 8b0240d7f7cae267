"""JSON in and out without a float: 2.55 arrives as the Decimal 2.55, and Decimals leave as text."""

import json
from decimal import Decimal
from typing import Any, NoReturn

import flask
from flask.json.provider import DefaultJSONProvider
from webargs import core
from webargs.flaskparser import FlaskParser, is_json_request

from kable_hub.web.problems import BadRequest, UnsupportedMediaType, invalid_fields


def loads(text: str | bytes) -> Any:
    """Parse JSON exactly. Raises BadRequest (`invalid_json`) with the place of the fault.

    NaN, a name that stands twice in an object and characters no database keeps are faults too.
    """
    raw = text.encode() if isinstance(text, str) else text
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        fault = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise BadRequest("invalid_json", f"The body is not JSON: {fault}.") from None
    except (ValueError, RecursionError) as error:
        fault = "not UTF-8" if isinstance(error, UnicodeError) else str(error)[:120]
        raise BadRequest("invalid_json", f"The body is not JSON: {fault}.") from None
    if b"\\u0000" in raw or b"\\ud" in raw or b"\\uD" in raw:
        _refuse_unstorable(value)
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"the name {twice[:40]!r} stands twice in one object")
    return found


def _refuse_unstorable(value: Any) -> None:
    match value:
        case dict():
            for name, one in value.items():
                _refuse_unstorable(name)
                _refuse_unstorable(one)
        case list():
            for one in value:
                _refuse_unstorable(one)
        case str() if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise BadRequest("invalid_json", "A text holds a NUL or half a surrogate pair.")


class ExactJSON(DefaultJSONProvider):
    """The app's JSON."""

    sort_keys = False
    ensure_ascii = False
    compact = True

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse exactly; see `loads`."""
        return loads(s)


class ExactParser(FlaskParser):
    """Reads the arguments of a request; whatever is wrong becomes a Problem that names it."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 (webargs declares it so)
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": "raise",
    }

    def _raw_load_json(self, req: flask.Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return core.missing
        if not is_json_request(req):
            raise UnsupportedMediaType(
                "unsupported_media_type", "The body has to be application/json."
            )
        return loads(body)

    def handle_error(self, error: Any, *_: Any, **__: Any) -> NoReturn:
        """Refuse with every fault, each named by its field."""
        raise invalid_fields(error.messages) from None
