from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kable_hub import money
from kable_hub.money import (
    EXPONENTS,
    MAX_MINOR,
    MoneyError,
    exponent,
    round_to_minor,
    text,
    to_major,
    to_minor,
)

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(min_value=1 - MAX_MINOR, max_value=MAX_MINOR - 1)


@given(minors, currencies)
def test_minor_to_major_and_back_is_the_same_amount(minor, currency):
    assert to_minor(to_major(minor, currency), currency) == minor


@given(minors, currencies)
def test_text_reads_back_as_the_same_amount_with_the_currency_s_decimals(minor, currency):
    shown = text(minor, currency)
    assert to_minor(Decimal(shown), currency) == minor
    assert len(shown.partition(".")[2]) == EXPONENTS[currency]


@given(minors, currencies)
def test_an_amount_with_one_decimal_too_many_is_refused_rather_than_rounded(minor, currency):
    finer = to_major(minor, currency) + Decimal(1).scaleb(-EXPONENTS[currency] - 1)
    with pytest.raises(MoneyError, match="decimals"):
        to_minor(finer, currency)


@given(st.decimals(-(10**10), 10**10, places=8), currencies)
def test_rounding_is_within_half_a_unit_and_symmetric(amount, currency):
    rounded = round_to_minor(amount, currency)
    assert abs(to_major(rounded, currency) - amount) * 2 <= Decimal(1).scaleb(-EXPONENTS[currency])
    assert round_to_minor(-amount, currency) == -rounded


@given(minors, currencies)
def test_rounding_leaves_an_exact_amount_alone(minor, currency):
    assert round_to_minor(to_major(minor, currency), currency) == minor


@given(minors, currencies, st.integers(min_value=1, max_value=60))
def test_the_precision_of_the_caller_s_decimal_context_changes_nothing(minor, currency, precision):
    amount = Decimal(text(minor, currency))
    before = getcontext().prec
    getcontext().prec = precision
    try:
        assert to_minor(amount, currency) == minor
        assert text(minor, currency) == f"{amount:f}"
    finally:
        getcontext().prec = before


@pytest.mark.parametrize(
    ("currency", "amount", "minor", "shown"),
    [
        ("USD", "19.99", 1999, "19.99"),
        ("USD", "-0.01", -1, "-0.01"),
        ("JPY", "500", 500, "500"),
        ("ISK", "500", 500, "500"),
        ("KWD", "1.234", 1234, "1.234"),
        ("CLF", "0.0001", 1, "0.0001"),
        ("EUR", "1E+3", 100000, "1000.00"),
        ("EUR", "1.500", 150, "1.50"),
    ],
)
def test_known_amounts(currency, amount, minor, shown):
    assert to_minor(Decimal(amount), currency) == minor
    assert text(minor, currency) == shown


@pytest.mark.parametrize(
    ("amount", "cents"), [("0.005", 1), ("0.0049999", 0), ("-0.005", -1), ("2.675", 268)]
)
def test_halves_are_rounded_away_from_zero(amount, cents):
    assert round_to_minor(Decimal(amount), "USD") == cents


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises(MoneyError, match="is not an amount"):
        to_minor(Decimal(amount), "USD")


@pytest.mark.parametrize("amount", ["1E13", "-1E13", "1E999999", "10000000000000.00"])
def test_an_amount_of_absurd_size_is_refused_without_computing_it(amount):
    with pytest.raises(MoneyError, match="has to be below"):
        to_minor(Decimal(amount), "USD")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1E999999"])
def test_rounding_refuses_what_is_no_amount_with_a_money_error_too(amount):
    with pytest.raises(MoneyError):
        round_to_minor(Decimal(amount), "USD")


@pytest.mark.parametrize("currency", ["usd", "USX", "", "XAU", "US"])
def test_an_unknown_currency_is_refused(currency):
    with pytest.raises(MoneyError, match="is not an ISO 4217 currency code"):
        exponent(currency)


def test_no_currency_stands_in_two_lists():
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)
    lists = (money._ZERO, money._TWO, money._THREE, money._FOUR)
    assert len(EXPONENTS) == sum(len(codes.split()) for codes in lists)
