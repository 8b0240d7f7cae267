"""Money and texts arrive as they are, or are refused before anything is made."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from kable_hub import money
from kable_hub.domain import Invoice, InvoiceLine
from kable_hub.errors import NeedsCustomer, NeedsOperator, Rejected, Unsupported
from kable_hub.testing import builders
from kable_hub.testing.demands import Condition, demand, rule
from kable_hub.testing.rules.base import Rules

REFUSALS = (Unsupported, NeedsOperator, NeedsCustomer)
"""How a plugin says that it cannot or must not, before the provider is asked to."""

ZERO, THREE = ("JPY", "KRW", "CLP"), ("KWD", "BHD", "TND")
LONG = "Beratung — 茶 & Söhne 🫖 <b>\"'"


fractions = Condition(
    "takes fractional quantities", lambda provider: provider.facts.fractional_quantities
)
"""It applies to providers that take fractional quantities."""

minus = Condition("takes negative lines", lambda provider: provider.facts.negative_lines)
"""It applies to providers that take negative lines."""


class Amounts(Rules):
    """An invoice arrives with its total, to the minor unit."""

    def arrives(
        self, *lines: InvoiceLine, must: bool = False, odd: bool = False, **changes: Any
    ) -> None:
        """Push an invoice: it arrives equal, or is refused and leaves nothing behind.

        `must`: a plugin may not refuse it; `odd`: the provider itself may.
        """
        invoice = self.desk.invoice(*lines, **changes)
        allowed = (*REFUSALS, Rejected) if odd else REFUSALS
        try:
            push = self.desk.push(invoice)
            self.desk.settle(push)
        except allowed as error:
            demand(not must, f"It refused a plain invoice: {error.message}")
            left = [*self.desk.simulator.documents(), *self.desk.simulator.drafts()]
            mine = [one for one in left if one["number"] == invoice.number]
            demand(not mine, "A refused invoice left a document.")
            return
        self.desk.arrived_once(push)

    @rule("bronze")
    def test_a_plain_invoice_arrives_with_its_total(self) -> None:
        """Two lines of whole quantities arrive with their sum."""
        self.arrives(
            builders.line(1),
            builders.line(2, amount=1999, quantity=Decimal(1), unit_price=Decimal("19.99")),
            must=True,
        )

    @rule("bronze")
    def test_currencies_without_decimals_arrive_equal(self) -> None:
        """JPY has no minor unit: 10000 is ten thousand yen."""
        self._in(ZERO)

    @rule("bronze")
    def test_currencies_with_three_decimals_arrive_equal(self) -> None:
        """KWD has three decimals: 10000 is ten dinars."""
        self._in(THREE)

    def _in(self, currencies: tuple[str, ...]) -> None:
        allowed = self.desk.provider.facts.currencies
        for one in [one for one in currencies if not allowed or one in allowed]:
            price = money.to_major(5000, one)
            try:
                self.desk.link(currency=one)
            except LookupError:
                continue
            self.arrives(builders.line(unit_price=price), currency=one)

    @rule("bronze", fractions)
    def test_a_quantity_with_a_fraction_arrives_equal(self) -> None:
        """1.5 times 33.33 is 50.00 where the invoice says so, though it multiplies to 49.995."""
        self.arrives(
            builders.line(quantity=Decimal("1.5"), unit_price=Decimal("33.33"), amount=5000),
            must=True,
        )

    @rule("bronze")
    def test_a_price_that_does_not_multiply_out_arrives_equal(self) -> None:
        """3 times 33.333 is 100.00 where the invoice says so: its amount is authoritative."""
        self.arrives(builders.line(quantity=Decimal(3), unit_price=Decimal("33.333"), amount=10000))

    @rule("silver", minus)
    def test_a_negative_line_takes_off(self) -> None:
        """A discount of 10.00 as a line of its own arrives as such."""
        less = builders.line(2, quantity=Decimal(1), unit_price=Decimal("-10.00"), amount=-1000)
        self.arrives(builders.line(1), less, must=True)

    @rule("silver")
    def test_an_invoice_of_nothing_arrives_or_is_refused(self) -> None:
        """A total of zero arrives as zero, or is refused and leaves nothing."""
        self.arrives(builders.line(quantity=Decimal(1), unit_price=Decimal(0), amount=0), odd=True)

    @rule("silver")
    def test_tax_arrives_equal_or_is_refused(self) -> None:
        """Tax of the hub's own arrives in the total, or is refused and leaves nothing."""
        self.arrives(builders.line(tax=1900, tax_rate=Decimal(19)))

    @rule("silver")
    def test_large_amounts_arrive_equal(self) -> None:
        """An amount that a float would round arrives equal, or is refused."""
        self.arrives(
            builders.line(
                quantity=Decimal(1), unit_price=Decimal("99999999.93"), amount=9_999_999_993
            ),
            odd=True,
        )

    @rule("gold")
    def test_as_many_lines_as_declared_arrive(self) -> None:
        """An invoice with the declared number of lines arrives."""
        most = self.desk.provider.facts.max_lines or 50
        self.arrives(*(builders.line(place) for place in range(1, most + 1)), must=True)

    @rule("silver")
    def test_texts_of_any_script_and_length_arrive(self) -> None:
        """The longest texts in any script do not keep an invoice from arriving."""
        line = builders.line(description=LONG + "x" * 2000)
        self.arrives(line, memo=LONG + "ü" * 3000, must=True)

    @rule("gold")
    def test_a_number_of_any_script_arrives_or_is_refused(self) -> None:
        """A number that is no ASCII arrives, or is refused and leaves nothing."""
        self.arrives(odd=True, number="№ 7/2026-é")

    @rule("gold")
    def test_a_due_date_arrives_or_is_refused(self) -> None:
        """A due date is no obstacle."""
        self.arrives(due_date=date(2026, 12, 31), must=True)

    @rule("silver")
    def test_a_total_that_the_provider_sees_otherwise_is_never_kept(self) -> None:
        """Where lines make another total than the invoice's, nothing final is left with it."""
        invoice: Invoice = self.desk.invoice(builders.line())
        wrong = replace(invoice, total=invoice.total + 1)
        try:
            push = self.desk.push(wrong)
            receipt = self.desk.settle(push)
        except (*REFUSALS, Rejected):
            demand(not self.desk.simulator.documents(), "A refused invoice left a document.")
        else:
            (made,) = self.desk.documents(push)
            demand(receipt.total == made["total"], "The receipt hides the difference.")
