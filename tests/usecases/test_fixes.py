"""What a person is told to do about a delivery that stopped."""

import pytest

from kable_hub.usecases.fixes import Place, fix_for


@pytest.mark.parametrize(
    ("state", "code", "on", "place"),
    [
        ("blocked", "requires_payment_method", "customer", Place.CUSTOMER),
        ("blocked", "not_linked", "link", Place.CUSTOMER),
        ("blocked", "not_connected", "provider", Place.CONNECTION),
        ("blocked", "document_conflict", "provider", Place.INVOICE),
        ("rejected", "unsupported", "", Place.INVOICE),
        ("delivered", "currency_differs", "", Place.PROVIDER),
    ],
)
def test_a_code_of_the_hub_has_words_and_a_place_of_its_own(state, code, on, place):
    fix = fix_for(state, code, on, "Acme")
    assert fix is not None
    assert fix.place is place
    assert "{" not in fix.text


@pytest.mark.parametrize(
    ("on", "place"),
    [
        ("customer", Place.CUSTOMER),
        ("link", Place.CUSTOMER),
        ("settings", Place.CONNECTION),
        ("provider", Place.PROVIDER),
        ("", Place.PROVIDER),
    ],
)
def test_a_code_of_a_plugin_is_answered_by_what_the_delivery_waits_for(on, place):
    fix = fix_for("blocked", "subscription_ended", on, "Acme")
    assert fix is not None
    assert fix.place is place
    assert "Acme" in fix.text


def test_what_the_provider_never_takes_is_not_worth_another_try():
    never, other = (fix_for("rejected", one, "", "Acme") for one in ("unsupported", "too_long"))
    assert never is not None
    assert other is not None
    assert (never.retry_helps, other.retry_helps) == (False, True)


def test_what_mends_itself_says_so_and_what_is_well_says_nothing():
    waiting, looking = (fix_for(one, "timeout", "", "Acme") for one in ("due", "uncertain"))
    assert waiting is not None
    assert waiting.place is Place.NOWHERE
    assert looking is not None
    assert "looks for it at Acme" in looking.text
    for state in ("due", "held", "pushing", "delivered", "cancelled"):
        assert fix_for(state, "", "", "Acme") is None
