"""Canonical JSON: one text for one value, Decimals exact, floats refused.

What is frozen before a send is kept and sent as this text, so a repeat is the same bytes.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import simplejson

# Made once: simplejson makes both anew for each call that asks for Decimals.
_WRITER = simplejson.JSONEncoder(
    use_decimal=True, sort_keys=True, separators=(",", ":"), ensure_ascii=False
)
_READER = simplejson.JSONDecoder(parse_float=Decimal)


def dumps(value: Any) -> str:
    """Canonical JSON text: sorted keys, no spaces, Decimals as plain numbers.

    Raises TypeError for a float or anything else JSON cannot carry exactly.
    """
    return str(_WRITER.encode(_plain(value)))


def pretty(value: Any) -> str:
    """The same for people: on many lines, in the order given."""
    return simplejson.dumps(_plain(value), use_decimal=True, indent=2, ensure_ascii=False)


def loads(text: str | bytes) -> Any:
    """Parse JSON; numbers with a fraction or an exponent become Decimal."""
    return _READER.decode(text if isinstance(text, str) else text.decode())


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, hexadecimal."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()


class _Plain(Decimal):
    """Written without an exponent, which not every parser of JSON takes."""

    def __str__(self) -> str:
        return f"{self:f}"


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal() if value.is_finite():
            return _Plain(value)
        case Mapping():
            return {_key(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot stand in canonical JSON: {value!r:.40}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of canonical JSON has to be text, not {key!r:.40}")
    return key
