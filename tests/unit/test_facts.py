from decimal import Decimal

import pytest

from kable_hub import Facts
from kable_hub.sync.facts import refusal
from kable_hub.testing.builders import invoice, line

NARROW = Facts(
    currencies=frozenset({"USD"}),
    max_lines=2,
    number_length=8,
    fractional_quantities=False,
    negative_lines=False,
)


@pytest.mark.parametrize(
    ("made", "fact", "said"),
    [
        (invoice(currency="EUR"), "currencies", "does not take EUR"),
        (invoice(line(amount=-1999)), "negative_total", "the total is -19.99"),
        (invoice(line(), line(), line()), "max_lines", "at most 2 lines; this invoice has 3"),
        (invoice(number="INV-00001"), "number_length", "at most 8 characters; this has 9"),
        (invoice(line(), line(amount=-1)), "negative_lines", "line 2"),
        (invoice(line(quantity=Decimal("1.50"))), "fractional_quantities", "line 1 has 1.50"),
    ],
)
def test_what_lies_outside_a_fact_is_refused_by_its_name(made, fact, said):
    refused = refusal(NARROW, made)
    assert (refused.code, refused.fact) == ("unsupported", fact)
    assert said in refused.message


@pytest.mark.parametrize(
    "made",
    [
        invoice(line(), line()),
        invoice(number="INV-0001"),
        invoice(line(amount=0)),
        invoice(line(quantity=Decimal("2.00"))),
    ],
)
def test_what_lies_on_the_edge_of_a_fact_passes(made):
    assert refusal(NARROW, made) is None


def test_a_provider_without_limits_takes_everything_but_credit_notes():
    crowd = [line() for _ in range(500)]
    assert refusal(Facts(), invoice(*crowd, line(amount=-1), number="N" * 99)) is None
    assert refusal(Facts(negative_total=True), invoice(line(amount=-1))) is None
