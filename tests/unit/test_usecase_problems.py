from datetime import timedelta

import pytest

from kable_hub import (
    Candidate,
    ContractViolation,
    CredentialsExpired,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    RateLimited,
    Reason,
    ReconnectRequired,
    Rejected,
    Transient,
    Unsupported,
)
from kable_hub.usecases.errors import problem_of, provider_problems

SOON = timedelta(seconds=7)


@pytest.mark.parametrize(
    ("error", "status", "code", "extras"),
    [
        (
            Rejected("no", code="unknown_customer", reasons=[Reason("gone", "id", "missing")]),
            422,
            "unknown_customer",
            {"reasons": [{"field": "id", "code": "missing", "message": "gone"}]},
        ),
        (
            NeedsOperator("which", choices=[Candidate("1", "one")]),
            409,
            "needs_operator",
            {"choices": [{"value": "1", "label": "one"}]},
        ),
        (NeedsCustomer("no card"), 409, "needs_customer", {"choices": []}),
        (
            ReconnectRequired("over", code="invalid_grant"),
            409,
            "reconnect_required",
            {},
        ),
        (Unsupported("no", fact="max_lines"), 422, "unsupported", {"fact": "max_lines"}),
        (Transient("away"), 503, "transient", {"retryAfter": 30}),
        (RateLimited("slow", retry_after=SOON), 503, "rate_limited", {"retryAfter": 7}),
        (OutcomeUnknown("lost"), 503, "outcome_unknown", {"retryAfter": 30}),
        (ContractViolation("odd"), 502, "contract_violation", {}),
        (CredentialsExpired("stale"), 502, "credentials_expired", {}),
    ],
)
def test_every_error_of_a_provider_becomes_a_problem_that_says_what_to_do(
    error, status, code, extras
):
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.extras) == (status, code, extras)
    assert problem.detail == error.message


def test_a_wait_is_never_told_as_no_time_at_all():
    assert problem_of(Transient("away", retry_after=timedelta(0))).extras == {"retryAfter": 30}
    short = timedelta(milliseconds=1)
    assert problem_of(Transient("away", retry_after=short)).extras == {"retryAfter": 1}


def test_other_errors_pass_unchanged():
    with pytest.raises(KeyError), provider_problems():
        raise KeyError
