"""What the README says is true."""

import re
from pathlib import Path

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments import declaration, webhooks
from kable_stripe_payments.simulator import StripeSimulator

from kable_hub import Environment

TEXT = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_example_runs():
    (block,) = re.findall(r"(?:^    .*\n)+", TEXT.split("## A local Stripe")[1], re.M)
    names = {"StripeSimulator": StripeSimulator}
    exec(re.sub(r"^    ", "", block, flags=re.M), names)
    assert len(names["stripe"].demo_customers(Environment.LIVE)) == 5


@pytest.mark.parametrize("name", declaration.Settings().fields)
def test_every_setting_is_explained(name):
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("name", declaration.AppSettings().fields)
def test_every_variable_is_named(name):
    assert f"_{name.upper()}`" in TEXT


@pytest.mark.parametrize("kind", webhooks._WORK)
def test_every_event_is_listed(kind):
    assert f"`{kind}`" in TEXT


def test_currencies_that_are_not_taken_are_listed():
    from kable_hub import money

    for code in set(money.EXPONENTS) - plugin.provider().facts.currencies:
        assert code in TEXT
