"""Money as integer minor units plus the ISO 4217 exponent of its currency. No floats.

Exponents follow ISO 4217 (list one, active codes). A provider that counts a currency
differently (Stripe charges ISK as if it had two decimals) says so in its own mapping.
"""

from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache

_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
    "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
    "XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}
"""Every accepted currency code and the number of decimals of its minor unit."""

MAX_MINOR = 10**15
"""Amounts are refused from this size on, in minor units: no real invoice comes near it."""

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
"""Never the caller's context, which may round to less."""


class MoneyError(ValueError):
    """An amount or a currency that cannot stand on an invoice; the text says which and why."""


def exponent(currency: str) -> int:
    """The number of decimals of `currency` (ISO 4217 code, upper case). Raises MoneyError."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not an ISO 4217 currency code") from None


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn a Decimal in major units into minor units, exactly.

    Raises MoneyError where the amount has more decimals than the currency, is not finite,
    or reaches MAX_MINOR: nothing is ever rounded here.
    """
    digits = exponent(currency)
    if not amount.is_finite():
        raise MoneyError(f"{amount} is not an amount")
    if amount.adjusted() + digits > 15:
        raise MoneyError(f"an amount of {currency} has to be below {to_major(MAX_MINOR, currency)}")
    minor = amount.scaleb(digits, _EXACT)
    whole = int(minor)
    if minor != whole:
        raise MoneyError(f"{amount} has more than the {digits} decimals of {currency}")
    if abs(whole) >= MAX_MINOR:
        raise MoneyError(f"an amount of {currency} has to be below {to_major(MAX_MINOR, currency)}")
    return whole


def to_major(minor: int, currency: str) -> Decimal:
    """Turn minor units into a Decimal with exactly the decimals of the currency."""
    # Built from text: arithmetic would round to the caller's decimal context.
    return Decimal(f"{minor}E-{exponent(currency)}")


@cache
def unit(currency: str) -> Decimal:
    """One minor unit in major units: `0.01` of USD. Raises MoneyError."""
    return to_major(1, currency)


def round_to_minor(amount: Decimal, currency: str) -> int:
    """Round a Decimal in major units half up (away from zero) to minor units.

    Raises MoneyError where the amount is not finite or reaches MAX_MINOR.
    """
    step = unit(currency)
    if not amount.is_finite() or amount.adjusted() > 15:
        return to_minor(amount, currency)
    return to_minor(amount.quantize(step, context=_EXACT), currency)


def text(minor: int, currency: str) -> str:
    """Minor units as plain text in major units: `1999` of USD is `19.99`."""
    digits = exponent(currency)
    shown = str(abs(minor)).rjust(digits + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{shown[:-digits]}.{shown[-digits:]}" if digits else f"{sign}{shown}"
