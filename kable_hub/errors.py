"""The one error tree of provider plugins, named by how the hub recovers.

A plugin raises these and nothing else; whatever else escapes a hook becomes a
ContractViolation. Messages are shown to people: they name the field and the reason and
never carry a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

Cause = Literal["customer", "link", "settings", "provider"]
Reach = Literal["delivery", "customer", "connection"]


@dataclass(frozen=True)
class Reason:
    """One thing a provider found wrong: `field` is the provider's name for it, or empty."""

    message: str
    field: str = ""
    code: str = ""


class ProviderError(Exception):
    """Base of all. `code` is ours (snake_case, stable), `provider_code` is the provider's own.

    `retry_after` is the provider's wish; `limit` names the declared Limit that was hit.
    """

    default_code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        provider_code: str = "",
        http_status: int | None = None,
        request_id: str = "",
        retry_after: timedelta | None = None,
        limit: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.provider_code = provider_code
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after = retry_after
        self.limit = limit


class Transient(ProviderError):
    """This call provably did nothing; trying again later is safe."""

    default_code = "transient"


class RateLimited(Transient):
    """As Transient, and the named limit pauses for `retry_after`."""

    default_code = "rate_limited"


class OutcomeUnknown(ProviderError):
    """The call was sent and nobody knows what it did. Raise it whenever there is no proof.

    `key_spent`: under this key the provider would only say the same again, so the hub looks for
    the document instead of sending once more.
    """

    default_code = "outcome_unknown"

    def __init__(self, message: str, *, key_spent: bool = False, **known: Any) -> None:
        super().__init__(message, **known)
        self.key_spent = key_spent


class CredentialsExpired(ProviderError):
    """The call did nothing because the access token is stale. The hub refreshes and resumes."""

    default_code = "credentials_expired"


class ReconnectRequired(ProviderError):
    """The provider no longer honours this connection; it is paused until a person reconnects."""

    default_code = "reconnect_required"


class Rejected(ProviderError):
    """The provider will never accept this unchanged. `reasons` says what was wrong."""

    default_code = "rejected"

    def __init__(
        self,
        message: str,
        *,
        reasons: Sequence[Reason] = (),
        code: str = "",
        provider_code: str = "",
        http_status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(
            message,
            code=code,
            provider_code=provider_code,
            http_status=http_status,
            request_id=request_id,
        )
        self.reasons = tuple(reasons)


@dataclass(frozen=True)
class Candidate:
    """One choice offered to a person, for instance a customer found at the provider."""

    value: str
    label: str


class _Blocked(ProviderError):
    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        on: Cause | None = None,
        scope: Reach = "delivery",
        choices: Sequence[Candidate] = (),
        provider_code: str = "",
        http_status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(
            message,
            code=code,
            provider_code=provider_code,
            http_status=http_status,
            request_id=request_id,
        )
        self.on: Cause = on or self.default_on
        self.scope: Reach = scope
        self.choices = tuple(choices)

    default_on: Cause = "provider"


class NeedsCustomer(_Blocked):
    """Only the end customer can help (no payment method, say). Blocks until CustomerReady."""

    default_code = "needs_customer"
    default_on: Cause = "customer"


class NeedsOperator(_Blocked):
    """Only the hub's user can help: `on` says where (link, settings, provider), `scope` how far.

    Scope `connection` pauses the whole connection; `choices` lists candidates to pick from.
    """

    default_code = "needs_operator"


class Unsupported(ProviderError):
    """The provider cannot take such a document at all; `fact` names the declared limit."""

    default_code = "unsupported"

    def __init__(self, message: str, *, fact: str = "", code: str = "") -> None:
        super().__init__(message, code=code)
        self.fact = fact


class LeaseLost(ProviderError):
    """Another worker took over. A plugin never catches this; it lets it pass."""

    default_code = "lease_lost"


class ContractViolation(ProviderError):
    """The plugin broke the contract: an undeclared exception, a wrong type, a stray call."""

    default_code = "contract_violation"
