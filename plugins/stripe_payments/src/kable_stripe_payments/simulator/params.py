"""Parameters as Stripe checks them: unknown, missing and mistyped ones are refused.

The shapes are the parameter types of the installed `stripe` package, which Stripe generates
from its API description; they are compiled once into checkers that also convert.
"""

import re
import sys
import types
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import stripe.params
import stripe.params.checkout
from stripe import RequestOptions

from kable_stripe_payments.simulator.errors import ApiError

Checker = Callable[[Any, str], Any]
# The request options stand in the same types; some of their names exist for type checkers only.
_OPTIONS = {**vars(sys.modules[RequestOptions.__module__]), "StripeContext": Any}
_LENGTHS = {
    "InvoiceCreateParams.description": 1500,
    "InvoiceCreateParams.statement_descriptor": 22,
    "InvoiceCreateParamsCustomField.name": 40,
    "InvoiceCreateParamsCustomField.value": 140,
    "InvoiceAddLinesParamsLine.description": 5000,
    "CustomerCreateParams.email": 512,
}


def parse(name: str, form: str) -> dict[str, Any]:
    """The typed parameters in an encoded form or query; `name` is the type's, as in
    `InvoiceCreateParams` or `checkout.SessionCreateParams`. Raises ApiError."""
    space = stripe.params.checkout if name.startswith("checkout.") else stripe.params
    shape = getattr(space, name.removeprefix("checkout."))
    return dict(_typed_dict(shape)(nested(form), ""))


def nested(form: str) -> dict[str, Any]:
    """`a[b][0]=1` as {"a": {"b": {"0": "1"}}}."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        first, *more = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        at, path = root, [first, *more]
        for key in path[:-1]:
            at = at.setdefault(key or str(len(at)), {})
            if not isinstance(at, dict):
                raise ApiError(400, f"Invalid parameters: {name}", param=first)
        at[path[-1] or str(len(at))] = value
    return root


@cache
def _typed_dict(shape: Any) -> Checker:
    hints = get_type_hints(shape, None, _OPTIONS)
    own = {name: hint for name, hint in hints.items() if name not in RequestOptions.__annotations__}
    checkers = {
        name: _limited(f"{shape.__name__}.{name}", _checker(hint)) for name, hint in own.items()
    }
    required = [name for name in shape.__required_keys__ if name in own]

    def check(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _refuse("Invalid object", path)
        for name in value:
            if name not in checkers:
                raise _refuse("Received unknown parameter", _join(path, name), "parameter_unknown")
        for name in required:
            if name not in value:
                raise _refuse("Missing required param", _join(path, name), "parameter_missing")
        return {name: checkers[name](item, _join(path, name)) for name, item in value.items()}

    return check


def _checker(hint: Any) -> Checker:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(args)
    if origin is Literal:
        return _enum(args)
    if origin is list:
        return _array(_checker(args[0]))
    if hasattr(hint, "__required_keys__"):
        return _later(hint)
    if origin is not None:
        return _hash
    return _SCALARS.get(hint, lambda value, _path: value)


def _later(shape: Any) -> Checker:
    """Compile when the first value comes: most of the shapes never see one."""

    def check(value: Any, path: str) -> Any:
        return _typed_dict(shape)(value, path)

    return check


def _union(args: tuple[Any, ...]) -> Checker:
    """The alternatives in order. An enumeration that is open in the types is closed here, as
    Stripe refuses words it does not know."""
    closed = [
        one for one in args if not (one is str and any(get_origin(a) is Literal for a in args))
    ]
    checkers = [_checker(one) for one in closed]

    def check(value: Any, path: str) -> Any:
        failures = []
        for checker in checkers:
            try:
                return checker(value, path)
            except ApiError as error:
                failures.append(error)
        deepest = max(reversed(failures), key=lambda one: len(one.body["error"].get("param", "")))
        raise deepest

    return check


def _enum(words: tuple[Any, ...]) -> Checker:
    def check(value: Any, path: str) -> Any:
        if value not in words:
            raise _refuse(f"Invalid value: must be one of {', '.join(map(str, words))}", path)
        return value

    return check


def _array(item: Checker) -> Checker:
    def check(value: Any, path: str) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise _refuse("Invalid array", path)
        return [item(value[key], f"{path}[{key}]") for key in sorted(value, key=int)]

    return check


def _hash(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _refuse("Invalid object", path)
    if path.endswith("metadata"):
        _metadata(value, path)
    return value


def _metadata(value: dict[str, Any], path: str) -> None:
    if len(value) > 50:
        raise _refuse("Metadata can have at most 50 keys", path)
    for key, text in value.items():
        if len(key) > 40 or not isinstance(text, str) or len(text) > 500:
            raise _refuse("Metadata keys have at most 40 characters, values 500", f"{path}[{key}]")


def _limited(name: str, checker: Checker) -> Checker:
    longest = _LENGTHS.get(name)

    def check(value: Any, path: str) -> Any:
        if longest and isinstance(value, str) and len(value) > longest:
            raise _refuse(f"Invalid string: must be at most {longest} characters", path)
        return checker(value, path)

    return check if longest else checker


def _scalar(pattern: str, kind: str, convert: Callable[[str], Any]) -> Checker:
    def check(value: Any, path: str) -> Any:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            raise _refuse(f"Invalid {kind}: {str(value)[:40]}", path, f"parameter_invalid_{kind}")
        return convert(value)

    return check


_SCALARS: dict[Any, Checker] = {
    str: _scalar(r".*", "string", str),
    int: _scalar(r"-?\d+", "integer", int),
    bool: _scalar(r"true|false", "boolean", lambda text: text == "true"),
    float: _scalar(r"-?\d+(\.\d{1,4})?", "number", Decimal),
    Decimal: _scalar(r"-?\d+(\.\d{1,12})?", "decimal", Decimal),
}


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _refuse(what: str, path: str, code: str = "") -> ApiError:
    return ApiError(400, f"{what}: {path}", code=code, param=path)
