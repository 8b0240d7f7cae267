import pickle
from datetime import timedelta

import pytest

from kable_hub import errors
from kable_hub.errors import (
    Candidate,
    NeedsCustomer,
    NeedsOperator,
    ProviderError,
    RateLimited,
    Reason,
    Rejected,
    Transient,
    Unsupported,
)

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ProviderError) and kind.__name__[0] != "_"
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_error_has_a_message_and_a_stable_code_of_its_own(kind):
    error = kind("what is wrong")
    assert str(error) == error.message == "what is wrong"
    assert error.code == kind.default_code
    assert [other for other in KINDS if other.default_code == kind.default_code] == [kind]
    assert kind("x", code="own_code").code == "own_code"


@pytest.mark.parametrize("kind", KINDS)
def test_the_absence_of_facts_is_empty_not_missing(kind):
    error = kind("x")
    assert (error.provider_code, error.http_status, error.request_id) == ("", None, "")
    assert (error.retry_after, error.limit) == (None, "")


@pytest.mark.parametrize("kind", [one for one in KINDS if one is not Unsupported])
def test_what_the_provider_said_stays_on_the_error(kind):
    error = kind("x", provider_code="6140", http_status=400, request_id="req_1")
    assert (error.provider_code, error.http_status, error.request_id) == ("6140", 400, "req_1")


def test_a_rate_limit_provably_did_nothing_and_names_its_limit():
    error = RateLimited("slow", retry_after=timedelta(seconds=2), limit="rate")
    assert isinstance(error, Transient)
    assert (error.retry_after, error.limit) == (timedelta(seconds=2), "rate")


def test_a_rejection_keeps_all_its_reasons():
    reasons = [Reason("too long", "DocNumber", "6070"), Reason("unknown")]
    assert Rejected("no", reasons=reasons).reasons == tuple(reasons)


@pytest.mark.parametrize(("kind", "on"), [(NeedsCustomer, "customer"), (NeedsOperator, "provider")])
def test_a_blocking_error_says_who_can_help_and_how_far_it_reaches(kind, on):
    assert (kind("x").on, kind("x").scope, kind("x").choices) == (on, "delivery", ())
    error = kind("x", on="settings", scope="connection", choices=[Candidate("1", "One")])
    assert (error.on, error.scope) == ("settings", "connection")
    assert error.choices == (Candidate("1", "One"),)


def test_what_is_unsupported_names_the_declared_fact():
    assert Unsupported("too many lines", fact="max_lines").fact == "max_lines"


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling(kind):
    error = pickle.loads(pickle.dumps(kind("x", code="own_code")))
    assert (type(error), error.message, error.code) == (kind, "x", "own_code")
