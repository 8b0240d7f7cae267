"""Amounts, texts and dates arrive as they are."""

from datetime import date
from decimal import Decimal

import kable_acme_payments as plugin
import pytest

from kable_hub import canonical
from kable_hub.testing import builders


def arrived(desk, *lines, **changes):
    """Push an invoice; the receipt and what stands at Acme."""
    push = desk.push(builders.invoice(*lines, **changes))
    receipt = plugin.push_invoice(desk.connection(), push)
    return receipt, desk.simulator.invoices[receipt.external_id]


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [
        ("USD", "19.99", 1999),
        ("JPY", "1999", 1999),
        ("KWD", "1.999", 1999),
        ("CLF", "0.1999", 1999),
    ],
)
def test_a_currency_of_any_number_of_decimals_arrives_in_minor_units(desk, currency, price, minor):
    line = builders.line(
        quantity=Decimal(1),
        unit_price=Decimal(price),
        amount=builders.amount(price, currency),
    )
    receipt, document = arrived(desk, line, currency=currency)
    assert (receipt.total, receipt.currency) == (minor, currency)
    assert Decimal(document["lines"][0]["unit_price"]) == Decimal(price)


def test_tax_stands_beside_the_net_amount_and_in_the_total(desk):
    receipt, document = arrived(desk, builders.line(amount=10000, tax=1900))
    assert (receipt.total, receipt.tax) == (11900, 1900)
    assert (document["lines"][0]["amount"], document["lines"][0]["tax"]) == (10000, 1900)


def test_a_rounded_amount_is_sent_and_not_worked_out_again(desk):
    line = builders.line(quantity=Decimal("0.333"), unit_price=Decimal("0.10"), amount=3)
    receipt, document = arrived(desk, line)
    assert receipt.total == 3
    assert document["lines"][0]["quantity"] == Decimal("0.333")


def test_a_discount_is_a_negative_line(desk):
    receipt, _ = arrived(desk, builders.line(1), builders.line(2, amount=-2500))
    assert receipt.total == 7500


def test_a_total_of_zero_is_an_invoice(desk):
    receipt, _ = arrived(desk, builders.line(1), builders.line(2, amount=-10000))
    assert receipt.total == 0


def test_the_largest_amount_and_the_most_lines_arrive_exactly(desk):
    lines = [builders.line(one, amount=9 * 10**12 + one) for one in range(100)]
    receipt, document = arrived(desk, *lines)
    assert receipt.total == sum(line.amount for line in lines)
    assert len(document["lines"]) == plugin.provider().facts.max_lines


def test_texts_of_any_script_arrive_and_long_ones_are_cut(desk):
    line = builders.line(description="茶 & Söhne 🫖 " + "x" * 300)
    _, document = arrived(desk, line, memo="ü" * 600, number="№ 7/2026")
    assert document["lines"][0]["description"] == line.description[:200]
    assert document["memo"] == "ü" * 500
    assert document["number"] == "№ 7/2026"


def test_a_due_date_arrives_as_a_day(desk):
    _, document = arrived(desk, due_date=date(2026, 12, 31))
    assert document["due_date"] == "2026-12-31"


def test_a_document_has_no_float_and_is_the_same_after_it_was_stored(desk):
    push = desk.push(builders.invoice(builders.line(quantity=Decimal("1.50"))))
    text = canonical.dumps(push.document)
    assert canonical.dumps(canonical.loads(text)) == text
