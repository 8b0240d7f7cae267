"""What Intuit's own parser refuses in a body: unknown properties (2010), types, lengths, enums."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kable_quickbooks_ledger.simulator_faults import QboFault, missing, too_long
from kable_quickbooks_ledger.simulator_types import ENUMS, SHAPES

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_NUMBERS = ("number", "money", "whole", "count")
_DETAILS = {name for name in SHAPES["Line"] if name.endswith("LineDetail")}


def check(shape: str, value: Any, path: str = "") -> None:
    """Raise the QboFault that Intuit's own schema would raise for this object."""
    if not isinstance(value, Mapping):
        raise _bad_type(path, value)
    known = SHAPES[shape]
    for name, item in value.items():
        if name not in known:
            raise _unknown(shape, name, len(known))
        if item is not None:
            _check_kind(known[name].rstrip("!"), item, name)
    for name, kind in known.items():
        if kind.endswith("!") and name not in value:
            raise missing(f"{path}.{name}".lstrip("."))
    if shape == "Line" and len(given := sorted(_DETAILS & set(value))) > 1:
        raise QboFault("2600", "Only one choice allowed", ", ".join(given), element=given[1])


def _check_kind(kind: str, value: Any, name: str) -> None:
    if kind.startswith("["):
        if not isinstance(value, list):
            raise _bad_type(name, value)
        for item in value:
            _check_kind(kind[1:-1], item, name)
    elif isinstance(value, list):
        raise _bad_type(name, value)
    elif kind in SHAPES:
        check(kind, value, name)
    elif kind in ENUMS:
        if value not in ENUMS[kind]:
            raise QboFault("2170", "Invalid Enumeration", f"{value}", element=name)
    elif kind in _NUMBERS:
        _number(kind, value, name)
    elif kind in _OTHERS:
        _OTHERS[kind](value, name)
    elif kind != "any":
        _text(int(kind.removeprefix("text") or 0), value, name)


def _number(kind: str, value: Any, name: str) -> None:
    fits = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if fits and kind in ("whole", "count"):
        fits = Decimal(value) == int(value) and (kind == "whole" or value > 0)
    if not fits:
        raise QboFault("2080", "Invalid Number", f"Supplied value:{value}", element=name)
    if kind == "money" and Decimal(value) != round(Decimal(value), 2):
        raise QboFault("6000", "More than two decimals", f"{value}", element=name)


def _date(value: Any, name: str) -> None:
    _read(value, name, date.fromisoformat)


def _moment(value: Any, name: str) -> None:
    _read(value, name, _with_time)


def _with_time(text: str) -> date:
    """A day without its time, which Python reads as midnight, is none."""
    if "T" not in text:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _read(value: Any, name: str, read: Callable[[str], date]) -> None:
    try:
        read(value)
    except (TypeError, ValueError):
        raise QboFault("2060", "Invalid Date", f"Supplied value:{value}", element=name) from None


def _flag(value: Any, name: str) -> None:
    if not isinstance(value, bool):
        raise QboFault("2230", "Invalid Boolean", f"Supplied value:{value}", element=name)


def _text(limit: int, value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise _bad_type(name, value)
    if any(ord(char) < 32 and char not in "\t\n\r" for char in value):
        raise QboFault("2040", "Invalid String", "Control characters", element=name)
    if limit and len(value) > limit:
        raise too_long(name, limit, len(value))


def _email(value: Any, name: str) -> None:
    _text(100, value, name)
    if not all(_EMAIL.fullmatch(one.strip()) for one in value.split(",")):
        raise QboFault(
            "2210",
            "Invalid Email Address format",
            f"Email Address does not conform to the syntax rules of RFC 822. {value}",
            element=name,
        )


_OTHERS: Mapping[str, Callable[[Any, str], None]] = {
    "date": _date,
    "moment": _moment,
    "flag": _flag,
    "email": _email,
}


def _bad_type(name: str, value: Any) -> QboFault:
    kind = type(value).__name__
    return QboFault("2010", "Request has invalid or unsupported property", f"{name} as {kind}")


def _unknown(shape: str, name: str, count: int) -> QboFault:
    return QboFault(
        "2010",
        "Request has invalid or unsupported property",
        f'Property Name:Unrecognized field "{name}" (class com.intuit.schema.finance.v3.{shape}), '
        f"not marked as ignorable ({count} known properties) specified is unsupported or invalid",
    )
