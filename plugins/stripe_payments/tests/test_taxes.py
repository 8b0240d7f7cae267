"""Which way of tax stands on a line, and what is refused before anything is sent."""

from decimal import Decimal

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments.forms import encode
from kable_stripe_payments.lines import lines_of
from kable_stripe_payments.simulator.params import parse
from kable_stripe_payments.taxes import rate_of
from marshmallow import ValidationError

from kable_hub import NeedsOperator, Reason, Rejected
from kable_hub.testing import builders

DEFAULTS = builders.default_settings(plugin.provider())
RATES = DEFAULTS | {"tax": "rates", "tax_rates": "STD: txr_1; 7.0: txr_2; 20 %: txr_3"}
AUTOMATIC = DEFAULTS | {"tax": "automatic"}


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ({"tax_code": "STD", "tax": 1}, "txr_1"),
        ({"tax_code": "std", "tax_rate": Decimal(7), "tax": 1}, "txr_1"),
        ({"tax_code": "BOOK", "tax_rate": Decimal("7.00"), "tax": 1}, "txr_2"),
        ({"tax_rate": Decimal(20), "tax": 1}, "txr_3"),
        ({"tax_rate": Decimal(0)}, ""),
        ({}, ""),
    ],
)
def test_a_rate_is_found_by_the_tax_code_or_the_percentage(line, rate):
    assert rate_of(builders.line(**line), RATES) == rate


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"tax_code": "RED", "tax_rate": Decimal("5.50"), "tax": 9}, "RED or 5.5"),
        ({"tax": 9}, "neither code nor rate"),
    ],
)
def test_a_missing_rate_is_named_and_a_matter_of_the_settings(line, named):
    with pytest.raises(NeedsOperator, match=named) as refused:
        lines_of(builders.invoice(builders.line(**line)), RATES)
    assert (refused.value.code, refused.value.on) == ("tax_rate_missing", "settings")


@pytest.mark.parametrize(
    ("line", "code"),
    [({"tax": 9}, "tax_twice"), ({"amount": -9}, "tax_of_negative_line")],
)
def test_stripe_tax_takes_no_line_with_tax_and_no_negative_one(line, code):
    invoice = builders.invoice(builders.line(1), builders.line(2, **line))
    with pytest.raises(NeedsOperator, match="Line 2") as refused:
        lines_of(invoice, AUTOMATIC)
    assert (refused.value.code, refused.value.on) == (code, "settings")


def test_tax_that_stripe_works_out_comes_on_top_of_the_price():
    made = lines_of(builders.invoice(builders.line(tax_code="txcd_10000000")), AUTOMATIC)
    (line,) = parse("InvoiceAddLinesParams", encode({"lines": made.params}))["lines"]
    assert line["price_data"]["unit_amount"] == 10000
    assert line["price_data"]["tax_behavior"] == "exclusive"
    assert line["price_data"]["product_data"]["tax_code"] == "txcd_10000000"
    assert (made.total, made.tax) == (10000, 0)


@pytest.mark.parametrize("text", ["STD", "STD: cus_1", ": txr_1", "STD: txr_1 txr_2"])
def test_the_map_of_rates_is_checked_when_it_is_saved(text):
    with pytest.raises(ValidationError, match="txr_"):
        plugin.provider().settings().load({"tax_rates": text})


def test_other_refusals_are_left_as_they_are():
    from kable_stripe_payments.taxes import explained

    other = Rejected("no", code="x", reasons=[Reason("no", field="lines[0][amount]")])
    assert explained(other) is other
    off = Rejected("off", code="x", reasons=[Reason("off", field="automatic_tax[enabled]")])
    assert explained(off).code == "stripe_tax_refused"
