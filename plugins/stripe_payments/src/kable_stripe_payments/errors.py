"""The one table: what Stripe answered, and which error that is for the hub.

Sources: docs.stripe.com/error-handling, /rate-limits, /api/idempotent_requests.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kable_hub import (
    Environment,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Reason,
    ReconnectRequired,
    Rejected,
    Transient,
    transport,
)
from kable_stripe_payments.permissions import named

_KEYS = re.compile(r"\b(?:sk|rk|pk|whsec|ca|ac)_[A-Za-z0-9_*]+")
_PERMISSION = re.compile(r"'?(rak_\w+)'?")
SHORTLY = timedelta(seconds=2)
"""Stripe names no wait with its limits, which are counted by the second."""

_LIMITERS = ("global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency")


@dataclass(frozen=True)
class Answer:
    """One answer of Stripe. `error` is its error object, empty where there is none.

    `readable`: the body was JSON in Stripe's shape. `platform`: the call was made with the
    operator's own key in the name of a connected account. `headers` by lower-case name.
    """

    call: str
    writes: bool
    status: int
    headers: Mapping[str, str]
    environment: Environment
    platform: bool
    readable: bool
    now: datetime
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Stripe's error code, or its error type where there is no code."""
        return str(self.error.get("code") or self.error.get("type") or "")

    @property
    def message(self) -> str:
        """Stripe's message without anything that looks like a key."""
        return safe(str(self.error.get("message") or f"Stripe answered {self.status}."))

    @property
    def details(self) -> dict[str, Any]:
        """What every error carries along."""
        return {
            "provider_code": self.code,
            "http_status": self.status,
            "request_id": self.headers.get("request-id", ""),
        }


def safe(message: str) -> str:
    """A message fit to be shown: keys are masked."""
    return _KEYS.sub("[key]", message)


def error_of(answer: Answer) -> ProviderError:
    """The error for an answer that is not a success, by the table `BY_STATUS`."""
    if not answer.readable or not 400 <= answer.status < 500:
        return _no_proof(answer)
    if answer.error.get("type") == "idempotency_error" and answer.status == 400:
        code = "idempotency_mismatch"
        return OutcomeUnknown(answer.message, code=code, key_spent=True, **answer.details)
    return BY_STATUS.get(answer.status, _rejected)(answer)


def _no_proof(answer: Answer) -> ProviderError:
    """5xx, a redirect, a proxy's page, half a body: proof of nothing once we wrote."""
    code = f"http_{answer.status}" if answer.status >= 300 else "unreadable_answer"
    known = {
        "code": code,
        "retry_after": transport.wait_asked(answer.headers, answer.now),
        **answer.details,
    }
    if not answer.writes:
        return Transient(answer.message, **known)
    spent = answer.headers.get("stripe-should-retry", "").lower() == "false"
    return OutcomeUnknown(answer.message, key_spent=spent, **known)


def _bad_key(answer: Answer) -> ProviderError:
    if answer.platform:
        return NeedsOperator(
            "Stripe refuses the platform's secret key. Set a valid one in the app settings.",
            code="platform_key_refused",
            on="settings",
            scope="connection",
            **answer.details,
        )
    return ReconnectRequired(
        "Stripe no longer accepts the API key of this connection.",
        code="key_refused",
        **answer.details,
    )


def _forbidden(answer: Answer) -> ProviderError:
    permission = _PERMISSION.search(answer.message)
    if permission and answer.code != "account_invalid":
        return NeedsOperator(
            f"The API key lacks the permission {named(permission.group(1))}. Grant it in Stripe's "
            "dashboard under API keys.",
            code="permission_missing",
            on="provider",
            scope="connection",
            **answer.details,
        )
    if answer.code == "account_invalid" or "does not have access to account" in answer.message:
        return ReconnectRequired(
            "The Stripe account has taken back the hub's access.",
            code="account_invalid",
            **answer.details,
        )
    return NeedsOperator(
        answer.message, code="forbidden", on="provider", scope="connection", **answer.details
    )


def _too_many(answer: Answer) -> ProviderError:
    wait = transport.wait_asked(answer.headers, answer.now) or SHORTLY
    reason = answer.headers.get("stripe-rate-limited-reason", "")
    if answer.code == "lock_timeout":
        return Transient(answer.message, code="lock_timeout", retry_after=wait, **answer.details)
    limit = answer.call if reason.startswith("endpoint") else answer.environment.value
    # Only Stripe's own limiter stands before the execution; any other 429 proves nothing.
    limiter = reason in _LIMITERS or answer.code in ("rate_limit", "rate_limit_error")
    kind = RateLimited if limiter or not answer.writes else OutcomeUnknown
    return kind(
        answer.message, code="rate_limited", retry_after=wait, limit=limit, **answer.details
    )


def _declined(answer: Answer) -> ProviderError:
    code = str(answer.error.get("decline_code") or answer.code)
    return NeedsCustomer(answer.message, code=code, **answer.details)


def _in_use(answer: Answer) -> ProviderError:
    """Another request with this key is under way: this one did nothing, that one may yet."""
    wait = transport.wait_asked(answer.headers, answer.now) or SHORTLY
    return OutcomeUnknown(answer.message, code=answer.code, retry_after=wait, **answer.details)


def _rejected(answer: Answer) -> Rejected:
    field_name = str(answer.error.get("param") or "")
    reason = Reason(answer.message, field=field_name, code=answer.code)
    return Rejected(answer.message, reasons=[reason], code=answer.code, **answer.details)


BY_STATUS: dict[int, Callable[[Answer], ProviderError]] = {
    401: _bad_key,
    402: _declined,
    403: _forbidden,
    409: _in_use,
    429: _too_many,
}
"""Every other 4xx in Stripe's shape is Rejected; whatever has another shape proves nothing."""
