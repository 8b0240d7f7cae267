"""Checks of input that gather every fault before they refuse: a person corrects all at once."""

import re
from collections.abc import Collection
from decimal import Decimal

from kable_hub import money
from kable_hub.usecases.errors import FieldError, Invalid

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_COUNTRY = re.compile(r"[A-Z]{2}")


class Checks:
    """Faults found so far. `done` raises Invalid with all of them."""

    def __init__(self, within: "Checks | None" = None, path: str = "") -> None:
        """`within` others, whose faults these are too; `path` stands before each field's name."""
        self.errors: list[FieldError] = within.errors if within else []
        self._path: str = (within._path if within else "") + path

    def fault(self, field: str, code: str, message: str) -> None:
        """Note one fault."""
        self.errors.append(FieldError(self._path + field, code, message))

    def text(
        self, field: str, value: str, *, least: int = 0, most: int, layout: bool = False
    ) -> None:
        """Text of `least` to `most` characters, without control characters.

        `layout` allows tabs and line breaks.
        """
        if not value and not least:
            return
        if len(value) > most:
            self.fault(field, "too_long", f"{len(value)} characters; at most {most} are allowed.")
        elif len(value.strip()) < least:
            self.fault(field, "required", "This must not be empty.")
        if (_CONTROL_BUT_LAYOUT if layout else _CONTROL).search(value):
            self.fault(field, "control_character", "Control characters cannot be kept.")

    def one_of(self, field: str, value: str, allowed: Collection[str]) -> None:
        """One of the allowed words."""
        if value not in allowed:
            self.fault(field, "unknown_value", f"{value!r} is none of {', '.join(allowed)}.")

    def currency(self, field: str, value: str) -> bool:
        """An ISO 4217 code in capitals; answers whether it is one."""
        if known := value in money.EXPONENTS:
            return known
        self.fault(field, "unknown_currency", f"{value!r} is not an ISO 4217 currency code.")
        return False

    def email(self, field: str, value: str) -> None:
        """An e-mail address or nothing; whether it can be reached only a letter tells."""
        self.text(field, value, most=320)
        if value and not _EMAIL.fullmatch(value):
            self.fault(field, "bad_email", f"{value[:80]!r} is not an e-mail address.")

    def country(self, field: str, value: str) -> None:
        """An ISO 3166 alpha-2 code in capitals, or nothing."""
        if value and not _COUNTRY.fullmatch(value):
            self.fault(field, "bad_country", f"{value[:80]!r} is not a two-letter country code.")

    def minor(self, field: str, amount: Decimal, currency: str) -> int | None:
        """An amount in major units as minor units, exactly; None where it is not one."""
        try:
            return money.to_minor(amount, currency)
        except money.MoneyError as error:
            self.fault(field, _money_code(amount, currency), f"{error}.")
            return None

    def rounded(self, field: str, amount: Decimal, currency: str) -> int | None:
        """A reckoned amount in major units, rounded half up to minor units."""
        try:
            return money.round_to_minor(amount, currency)
        except money.MoneyError as error:
            self.fault(field, "too_large", f"{error}.")
            return None

    def done(self) -> None:
        """Raise Invalid where anything was found."""
        if self.errors:
            raise Invalid(*self.errors)


def _money_code(amount: Decimal, currency: str) -> str:
    if not amount.is_finite():
        return "not_a_number"
    below = amount.adjusted() + money.exponent(currency) < 15
    return "too_many_decimals" if below else "too_large"
