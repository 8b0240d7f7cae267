"""Law 4 of the contract: what an error means for a delivery, in one exhaustive match.

The table in docs/delivery.md is generated from here.
"""

from enum import StrEnum
from typing import assert_never

from kable_hub.errors import (
    ContractViolation,
    CredentialsExpired,
    LeaseLost,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    ReconnectRequired,
    Rejected,
    Transient,
    Unsupported,
)
from kable_hub.store.pauses import PauseReason


class Fate(StrEnum):
    """The next state after an error."""

    DUE = "due"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"


Known = (
    Transient
    | OutcomeUnknown
    | CredentialsExpired
    | ReconnectRequired
    | Rejected
    | NeedsCustomer
    | NeedsOperator
    | Unsupported
    | LeaseLost
    | ContractViolation
)
"""The closed set of errors that can end an attempt; RateLimited is a Transient."""


def fate(error: Known, *, may_exist: bool) -> Fate:
    """Where a delivery goes. While something may exist, no error leads anywhere but uncertain."""
    if may_exist:
        return Fate.UNCERTAIN
    match error:
        case Transient() | OutcomeUnknown() | CredentialsExpired() | ReconnectRequired():
            return Fate.DUE
        case LeaseLost():
            return Fate.DUE
        case NeedsOperator(scope="connection"):
            return Fate.DUE
        case NeedsCustomer() | NeedsOperator() | ContractViolation():
            return Fate.BLOCKED
        case Rejected() | Unsupported():
            return Fate.REJECTED
    assert_never(error)


def pauses(error: ProviderError) -> PauseReason | None:
    """The reason for which an error pauses the whole connection, if it does."""
    match error:
        case ReconnectRequired():
            return "reconnect"
        case NeedsOperator(scope="connection"):
            return "provider"
    return None


def says_no(error: ProviderError) -> bool:
    """Whether the provider answered with a refusal, so that looking at once can be conclusive."""
    return isinstance(
        error, Rejected | Unsupported | NeedsCustomer | NeedsOperator | ContractViolation
    ) and not pauses(error)


def known(error: ProviderError) -> Known:
    """The error as one of the closed set; a bare ProviderError is a ContractViolation."""
    if isinstance(error, Known):
        return error
    return ContractViolation(error.message, code=error.code)


def counts_as_failure(error: ProviderError) -> bool:
    """Whether the error lengthens the backoff: throttling and lost leases do not."""
    return not isinstance(error, RateLimited | LeaseLost)
