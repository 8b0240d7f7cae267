"""What a plugin said, made fit to keep and to show: whole, bounded, without secrets. Pure."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, get_args

from kable_hub.errors import (
    Candidate,
    Cause,
    ContractViolation,
    NeedsCustomer,
    NeedsOperator,
    ProviderError,
    Reach,
    Reason,
    Rejected,
    Unsupported,
)

LONGEST_MESSAGE = 2000
LONGEST_WORD = 200
LONGEST_WAIT = timedelta(days=1)
"""A provider's wish beyond this is not granted: the delivery would be forgotten."""

MOST_ITEMS = 100
HIDDEN = "***"
SHORTEST_SECRET = 6
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> bool:
    """Whether both stores can hold such a text at all."""
    return not _UNSTORABLE.search(text)


def fits(text: object, most: int, least: int = 0) -> bool:
    """Whether this is text of `least` to `most` characters that the stores can hold."""
    return isinstance(text, str) and least <= len(text) <= most and storable(text)


def word(text: object, most: int = LONGEST_WORD) -> str:
    """As much of a text as can be kept; the name of its type where it is none."""
    if text is None:
        return ""
    whole = text if isinstance(text, str) else type(text).__name__
    return _UNSTORABLE.sub("\ufffd", whole[:most])


def status(code: object) -> int | None:
    """An HTTP status, or None where it is none."""
    sound = isinstance(code, int) and 100 <= code <= 999
    return int(code) if sound else None  # type: ignore[call-overload]


def mended(error: ProviderError, secrets: Iterable[str] = ()) -> ProviderError:
    """The error with every field as declared and no secret in its texts.

    A ContractViolation where it cannot be read at all.
    """
    try:
        _mend(error, [one for one in secrets if len(one) >= SHORTEST_SECRET])
    except Exception:
        return ContractViolation(f"{type(error).__name__} was raised without what it needs")
    return error


def _mend(error: ProviderError, secrets: list[str]) -> None:
    error.message = _message(error.message, secrets) or "no reason was given"
    error.args = (error.message,)
    error.code = word(error.code, 100) or error.default_code
    error.provider_code = _hide(word(error.provider_code), secrets)
    error.request_id = word(error.request_id)
    error.limit = word(error.limit, 100)
    error.http_status = status(error.http_status)
    error.retry_after = _wait(error.retry_after)
    match error:
        case Rejected():
            error.reasons = tuple(_reason(one, secrets) for one in error.reasons[:MOST_ITEMS])
        case NeedsCustomer() | NeedsOperator():
            error.on = error.on if error.on in get_args(Cause) else error.default_on
            error.scope = error.scope if error.scope in get_args(Reach) else "delivery"
            error.choices = tuple(_candidate(one) for one in error.choices[:MOST_ITEMS])
        case Unsupported():
            error.fact = word(error.fact)


def _reason(one: Reason, secrets: list[str]) -> Reason:
    return Reason(_message(one.message, secrets), word(one.field), word(one.code))


def _candidate(one: Candidate) -> Candidate:
    return Candidate(word(one.value), word(one.label))


def _message(text: Any, secrets: list[str]) -> str:
    # Hidden before it is cut: half a secret would not be recognised.
    return word(_hide(text, secrets) if isinstance(text, str) else text, LONGEST_MESSAGE)


def _hide(text: str, secrets: list[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _wait(wish: object) -> timedelta | None:
    if not isinstance(wish, timedelta):
        return None
    return min(max(wish, timedelta(0)), LONGEST_WAIT)
