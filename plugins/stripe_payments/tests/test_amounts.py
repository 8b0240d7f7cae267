"""Currencies as Stripe counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kable_stripe_payments.amounts import CURRENCIES, DECIMALS, STEP, from_stripe, split, to_stripe

from kable_hub import money
from kable_hub.testing.builders import amount

currencies = st.sampled_from(sorted(CURRENCIES))
lines = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("19.99", "USD", 1999),
        ("1000", "JPY", 1000),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("5.120", "KWD", 5120),
        ("5.124", "KWD", 5120),
        ("5.125", "KWD", 5130),
        ("12.00", "MGA", 12),
        ("12.50", "HUF", 1250),
        ("12.50", "TWD", 1250),
    ],
)
def test_an_amount_is_sent_in_stripes_smallest_unit(text, currency, expected):
    assert split([amount(text, currency)], currency) == [expected]


def test_currencies_stripe_does_not_count_are_not_offered():
    assert CURRENCIES.isdisjoint({"CLF", "UYW", "IQD", "LYD"})
    assert set(DECIMALS.values()) == {0, 2, 3}


@given(lines, currencies)
def test_lines_add_up_to_the_total_rounded_once(amounts, currency):
    step = STEP.get(currency, 1)
    total = sum(split(amounts, currency))
    assert abs(from_stripe(total, currency) - sum(amounts)) * 2 <= step
    if step == 1:
        assert from_stripe(total, currency) == sum(amounts)


def test_the_difference_goes_to_the_line_that_lost_most():
    assert split([5, 19], "KWD") == [0, 20]
    assert split([19, 5], "KWD") == [20, 0]


@given(lines, currencies)
def test_no_line_moves_by_a_whole_step(amounts, currency):
    for before, after in zip(amounts, split(amounts, currency), strict=True):
        assert abs(from_stripe(after, currency) - before) < STEP.get(currency, 1) or (
            from_stripe(after, currency) == before
        )


@given(lines, st.sampled_from(["BHD", "JOD", "KWD", "OMR", "TND"]))
def test_the_third_decimal_is_always_zero(amounts, currency):
    assert all(one % 10 == 0 for one in split(amounts, currency))


@given(st.integers(-(10**12), 10**12), currencies)
def test_a_representable_amount_survives_the_way_there_and_back(minor, currency):
    minor -= minor % STEP.get(currency, 1)
    assert from_stripe(to_stripe(minor, currency), currency) == minor


@given(currencies)
def test_every_offered_currency_is_an_iso_currency(currency):
    assert money.exponent(currency) >= 0
