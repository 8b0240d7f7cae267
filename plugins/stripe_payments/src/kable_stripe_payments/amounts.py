"""Stripe counts some currencies otherwise than ISO 4217. The table, and the way there and back.

Source: docs.stripe.com/currencies (zero-decimal, three-decimal and special-case currencies).
"""

from collections.abc import Sequence

from kable_hub import money

_ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_TWO_DECIMAL_AT_STRIPE = "ISK UGX"
_THREE_DECIMAL = "BHD JOD KWD OMR TND"
_UNKNOWN_AT_STRIPE = "CLF IQD LYD UYI UYW"

DECIMALS: dict[str, int] = {
    **{code: 2 for code in money.EXPONENTS if code not in _UNKNOWN_AT_STRIPE.split()},
    **dict.fromkeys(_ZERO_DECIMAL.split(), 0),
    **dict.fromkeys(_TWO_DECIMAL_AT_STRIPE.split(), 2),
    **dict.fromkeys(_THREE_DECIMAL.split(), 3),
}
"""The decimals of Stripe's smallest unit, by ISO code."""

CURRENCIES = frozenset(DECIMALS)
"""What can be sent at all."""

STEP: dict[str, int] = {
    **dict.fromkeys(_THREE_DECIMAL.split(), 10),
    "MGA": 100,
}
"""The smallest chargeable amount in ISO minor units, where it is more than one: Stripe wants
the last of three decimals to be 0, and counts the ariary whole."""


def to_stripe(minor: int, currency: str) -> int:
    """ISO minor units as Stripe's; `minor` has to be a multiple of the currency's step."""
    shift = DECIMALS[currency] - money.exponent(currency)
    return minor * 10**shift if shift >= 0 else _divide(minor, 10**-shift)


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's units as ISO minor units; halves are rounded away from zero."""
    shift = DECIMALS[currency] - money.exponent(currency)
    return _divide(amount, 10**shift) if shift >= 0 else amount * 10**-shift


def split(amounts: Sequence[int], currency: str) -> list[int]:
    """ISO minor units per line as Stripe's, so that they add up to the rounded total.

    Only currencies with a step are ever rounded: the total to the nearest step, and the
    difference goes to the lines that lost most (largest remainder).
    """
    step = STEP.get(currency, 1)
    floors = [amount // step for amount in amounts]
    missing = _divide(sum(amounts), step) - sum(floors)
    by_loss = sorted(range(len(amounts)), key=lambda at: (-(amounts[at] % step), at))
    for at in by_loss[:missing]:
        floors[at] += 1
    return [to_stripe(floor * step, currency) for floor in floors]


def _divide(amount: int, by: int) -> int:
    """Divide and round half away from zero."""
    whole = (abs(amount) * 2 + by) // (by * 2)
    return whole if amount >= 0 else -whole
