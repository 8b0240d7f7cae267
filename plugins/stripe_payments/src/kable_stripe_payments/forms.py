"""Stripe's form encoding: nested parameters as `lines[0][amount]=100`."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus


def encode(params: Mapping[str, Any]) -> str:
    """The body (or query) for `params`. None and empty lists and maps are left out; an empty
    text is sent, because at Stripe it clears the field."""
    pairs = (pair for name, value in params.items() for pair in _pairs(name, value))
    return "&".join(f"{quote_plus(name, safe='[]')}={quote_plus(value)}" for name, value in pairs)


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case Mapping():
            for key, item in value.items():
                yield from _pairs(f"{name}[{key}]", item)
        case list() | tuple():
            for at, item in enumerate(value):
                yield from _pairs(f"{name}[{at}]", item)
        case bool():
            yield name, "true" if value else "false"
        case Decimal():
            yield name, f"{value:f}"
        case _:
            yield name, str(value)
