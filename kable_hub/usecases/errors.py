"""What a use case answers when it cannot do what was asked: one tree, ready for a problem body."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kable_hub.errors import (
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    ReconnectRequired,
    Rejected,
    Transient,
    Unsupported,
)

DEFAULT_RETRY = timedelta(seconds=30)
"""What a caller is told to wait where the provider named no time of its own."""


@dataclass(frozen=True)
class FieldError:
    """One fault of the input. `field` is a path in the API's words, such as `lines.3.amount`."""

    field: str
    code: str
    message: str


class Problem(Exception):
    """Base of all. `code` is stable and snake_case, `status` the HTTP status that fits.

    `title` names the kind of problem, `detail` this case of it; `extras` are further members
    of the problem body in the API's words. `retryAfter` among them is in seconds and belongs
    into the header of that name too.
    """

    status = 400
    title = "The request cannot be served"

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.extras = dict(extras or {})


class Unauthorized(Problem):
    """No key, an unknown or a revoked one."""

    status = 401
    title = "The API key is not valid"


class PaymentRequired(Problem):
    """The account's plan does not include this."""

    status = 402
    title = "A paid plan is required"


class Forbidden(Problem):
    """The key or the person is known and may not do this."""

    status = 403
    title = "This is not allowed"


class NotFound(Problem):
    """Nothing with that id in this account and environment."""

    status = 404
    title = "There is no such thing here"

    def __init__(self, what: str, reference: str) -> None:
        super().__init__("not_found", f"There is no {what} {reference!r}.")


class Conflict(Problem):
    """What stands there already does not allow it."""

    status = 409
    title = "The present state does not allow this"


class Crowded(Problem):
    """Too many want the same at this moment."""

    status = 429
    title = "Too many requests"


class Outdated(Problem):
    """The thing was changed since the caller read it."""

    status = 412
    title = "It was changed in the meantime"


class Invalid(Problem):
    """The input is wrong; `errors` names every field and reason."""

    status = 422
    title = "The input is not valid"

    def __init__(self, *errors: FieldError, code: str = "validation_error") -> None:
        detail = " ".join(f"{one.field}: {one.message}" for one in errors[:3])
        super().__init__(code, detail, errors=errors)


class Refused(Problem):
    """The provider was asked and said no. `extras["reasons"]` lists what it found wrong."""

    status = 422
    title = "The provider refuses this"


class BadGateway(Problem):
    """The provider's plugin broke its contract."""

    status = 502
    title = "The provider's plugin failed"


class Unavailable(Problem):
    """The provider cannot be reached now; `extras["retryAfter"]` says when to try again."""

    status = 503
    title = "The provider cannot be reached"


@contextmanager
def provider_problems() -> Iterator[None]:
    """Turn a ProviderError raised in this block into the Problem a waiting person is told."""
    try:
        yield
    except ProviderError as error:
        raise problem_of(error) from error


def problem_of(error: ProviderError) -> Problem:
    """The Problem for an error of a provider that was asked while a person waits."""
    match error:
        case Rejected(reasons=reasons):
            told = [
                {"field": one.field, "code": one.code, "message": one.message} for one in reasons
            ]
            return Refused(error.code, error.message, extras={"reasons": told})
        case NeedsOperator(choices=choices) | NeedsCustomer(choices=choices):
            offered = [{"value": one.value, "label": one.label} for one in choices]
            return Conflict(error.code, error.message, extras={"choices": offered})
        case ReconnectRequired():
            return Conflict("reconnect_required", error.message)
        case Unsupported(fact=fact):
            return Refused(error.code, error.message, extras={"fact": fact})
        case Transient() | OutcomeUnknown():
            wait = error.retry_after or DEFAULT_RETRY
            extras = {"retryAfter": max(1, round(wait.total_seconds()))}
            return Unavailable(error.code, error.message, extras=extras)
    return BadGateway(error.code, error.message)
