"""More than 250 lines, put together without a cent lost."""

from collections import Counter
from decimal import Decimal
from functools import partial

import kable_stripe_payments as plugin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kable_stripe_payments.forms import encode
from kable_stripe_payments.lines import lines_of
from kable_stripe_payments.simulator.params import parse

from kable_hub import Unsupported, combining
from kable_hub.testing import builders

fitted = partial(combining.fitted, longest=5000)
DEFAULTS = builders.default_settings(plugin.provider())
kinds = st.tuples(
    st.sampled_from(["", "A", "B"]),
    st.sampled_from([None, Decimal(7), Decimal("7.0"), Decimal(19)]),
)
row = st.tuples(kinds, st.integers(-5000, 5000), st.integers(0, 900))


def lines(rows):
    return [
        builders.line(at, amount=amount, tax=tax, tax_code=code, tax_rate=rate)
        for at, ((code, rate), amount, tax) in enumerate(rows)
    ]


def sums(rows):
    """Net and tax of each kind."""
    found: Counter = Counter()
    for one in rows:
        found[one.tax_code, one.tax_rate, "net"] += one.amount
        found[one.tax_code, one.tax_rate, "tax"] += one.tax
    return {key: value for key, value in found.items() if value}


@given(st.lists(row, min_size=1, max_size=40), st.integers(9, 30))
def test_every_sum_stays_and_no_more_lines_than_fit(rows, room):
    before = lines(rows)
    after = fitted(before, room)
    assert len(after) <= room
    assert sums(after) == sums(before)
    assert after == fitted(list(before), room)
    assert len({one.id for one in after}) == len(after)
    if len(before) <= room:
        assert after == before
    else:
        # No line that had room was put together with another.
        alone = next(at for at, one in enumerate(after) if one != before[at])
        kinds_behind = {(one.tax_code, one.tax_rate) for one in before[alone:]}
        assert len(after) == room or alone + len(kinds_behind) >= room - 1


@settings(max_examples=10)
@given(st.lists(row, min_size=251, max_size=300), st.sampled_from(["amounts", "line"]))
def test_what_stripe_is_sent_adds_up_to_the_invoice(rows, way):
    invoice = builders.invoice(*lines(rows))
    made = lines_of(invoice, DEFAULTS | {"many_lines": "combine", "tax": way})
    assert len(made.params) <= 250
    assert (made.total, made.tax) == (invoice.total, invoice.tax)
    sent = sum(one["amount"] for one in made.params)
    sent += sum(tax["amount"] for one in made.params for tax in one.get("tax_amounts", ()))
    assert sent == invoice.total
    parse("InvoiceAddLinesParams", encode({"lines": made.params}))


def test_the_text_says_how_many_lines_stand_together_and_which():
    rows = [builders.line(at, description=f"seat {at}") for at in range(1, 7)]
    rows[4] = builders.line(5, description="book", tax_code="B", tax=7)
    _, _, _, together, book = fitted([*rows, builders.line(7, description="seat 6")], 5)
    assert together.description == "3 lines together (lines 4, 6–7): seat 4; seat 6"
    assert (together.amount, together.quantity) == (30000, 1)
    assert book == rows[4]


def test_a_long_list_of_texts_ends_where_stripes_line_does():
    rows = [builders.line(at, description=f"{at} " + "x" * 120) for at in range(300)]
    text = fitted(rows, 250)[-1].description
    assert len(text) == 5000
    assert text.startswith("51 lines together (lines 250–300): ")
    assert text.endswith("…")


def test_more_kinds_of_tax_than_lines_cannot_be_put_together():
    rows = [builders.line(at, tax_code=f"C{at}") for at in range(251)]
    with pytest.raises(Unsupported) as refused:
        lines_of(builders.invoice(*rows), DEFAULTS | {"many_lines": "combine"})
    assert refused.value.fact == "max_lines"


def test_without_the_setting_too_many_lines_are_refused_and_none_is_cut():
    rows = [builders.line(at, tax=1, tax_rate=Decimal(1)) for at in range(250)]
    assert len(lines_of(builders.invoice(*rows), DEFAULTS).params) == 250
    with pytest.raises(Unsupported, match="251 lines"):
        lines_of(builders.invoice(*rows), DEFAULTS | {"tax": "line"})
