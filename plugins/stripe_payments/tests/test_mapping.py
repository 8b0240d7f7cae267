"""Hub invoices as Stripe's parameters."""

from datetime import date
from decimal import Decimal
from urllib.parse import parse_qsl

import kable_stripe_payments as plugin
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kable_stripe_payments import mapping
from kable_stripe_payments.forms import encode
from kable_stripe_payments.simulator.params import parse

from kable_hub import Unsupported, canonical
from kable_hub.testing import builders

TODAY = date(2026, 11, 22)
DEFAULTS = builders.default_settings(plugin.provider())


def plan(invoice, **settings):
    return mapping.to_document(invoice, builders.link("cus_1"), DEFAULTS | settings, TODAY)


row = st.builds(
    lambda number, amount, tax, rate, quantity: builders.line(
        number, amount=amount, tax=tax, tax_rate=rate, quantity=quantity
    ),
    st.integers(1, 10**6),
    st.integers(-(10**7), 10**7),
    st.integers(-(10**5), 10**5),
    st.none() | st.decimals(0, 100, places=3),
    st.decimals("0.001", 1000, places=3),
)
rows = st.lists(row, min_size=1, max_size=60, unique_by=lambda one: one.id)


@given(rows, st.sampled_from(["amounts", "line"]))
def test_what_is_sent_adds_up_to_the_invoice(lines, tax):
    invoice = builders.invoice(*lines)
    if invoice.total < 0:
        with pytest.raises(Unsupported, match="credit notes"):
            plan(invoice, tax=tax)
        return
    document = plan(invoice, tax=tax)
    sent = sum(one["amount"] for one in document["lines"])
    sent += sum(t["amount"] for one in document["lines"] for t in one.get("tax_amounts", ()))
    assert sent == document["total"] == invoice.total
    assert document["tax"] == invoice.tax


@given(rows, st.sampled_from(["amounts", "line"]))
def test_the_parameters_survive_freezing_and_stripes_own_check(lines, tax):
    invoice = builders.invoice(*lines)
    if invoice.total < 0:
        return
    document = canonical.loads(canonical.dumps(plan(invoice, tax=tax)))
    parse("InvoiceCreateParams", encode(document["invoice"]))
    parsed = parse("InvoiceAddLinesParams", encode({"lines": document["lines"]}))
    assert [one["amount"] for one in parsed["lines"]] == [
        one["amount"] for one in document["lines"]
    ]


def test_nothing_of_the_customers_own_leaks_into_the_total():
    head = plan(builders.invoice())["invoice"]
    assert head["discounts"] == ""
    assert head["pending_invoice_items_behavior"] == "exclude"
    assert head["automatic_tax"] == {"enabled": False}
    assert head["auto_advance"] is False


def test_the_hub_is_named_nowhere_the_customer_reads():
    document = plan(builders.invoice(memo="Thank you"))
    shown = {name: text for name, text in document["invoice"].items() if name != "metadata"}
    assert "hub" not in canonical.dumps(shown).lower()
    assert all("hub" not in line["description"].lower() for line in document["lines"])


def test_ids_of_invoice_and_customer_are_always_in_the_metadata():
    marks = plan(builders.invoice())["invoice"]["metadata"]
    assert marks["hub_invoice_id"] == "inv_1"
    assert marks["hub_customer_id"] == "cus_1"
    assert marks["hub_number"] == "INV-0001"


def test_marker_and_generation_come_with_the_push():
    document = plan(builders.invoice())
    push = builders.push(builders.invoice(), builders.link("cus_1"), document, generation=3)
    marks = mapping.with_marker(push)["metadata"]
    assert (marks["hub_marker"], marks["hub_generation"]) == ("hub_1/acc_1/inv_1", "3")
    assert "hub_marker" not in document["invoice"]["metadata"]


def test_the_number_is_shown_in_a_field_that_can_be_renamed_or_hidden():
    fields = plan(builders.invoice(), number_field="No.", custom_fields="PO: 7;")["invoice"]
    assert fields["custom_fields"] == [
        {"name": "No.", "value": "INV-0001"},
        {"name": "PO", "value": "7"},
    ]
    assert "custom_fields" not in plan(builders.invoice(), number_field="")["invoice"]


def test_long_texts_are_cut_and_the_calculation_stays():
    line = builders.line(description="x" * 6000)
    document = plan(builders.invoice(line, memo="m" * 2000))
    assert len(document["lines"][0]["description"]) == 5000
    assert document["lines"][0]["description"].endswith(" (2 × 50.00 USD)")
    assert len(document["invoice"]["description"]) == 1500


def test_a_single_piece_needs_no_calculation():
    line = builders.line(quantity=Decimal(1), description="Setup")
    assert plan(builders.invoice(line))["lines"][0]["description"] == "Setup"


def test_the_day_of_a_service_becomes_its_period():
    line = builders.line(service_date=date(2026, 11, 1))
    assert plan(builders.invoice(line))["lines"][0]["period"]["start"] == 1793491200


def test_tax_of_the_hub_stands_on_its_line_with_its_rate():
    line = builders.line(tax=1900, tax_rate=Decimal("19"))
    part = plan(builders.invoice(line), tax_name="VAT")["lines"][0]["tax_amounts"][0]
    assert part == {
        "amount": 1900,
        "taxable_amount": 10000,
        "tax_rate_data": {"display_name": "VAT", "inclusive": False, "percentage": Decimal(19)},
    }


def test_a_missing_rate_is_worked_out_and_an_absurd_one_is_zero():
    worked = builders.line(1, amount=3000, tax=200)
    absurd = builders.line(2, amount=100, tax=500)
    document = plan(builders.invoice(worked, absurd))
    rates = [one["tax_amounts"][0]["tax_rate_data"]["percentage"] for one in document["lines"]]
    assert rates == [Decimal("6.6667"), Decimal(0)]


def test_taxes_can_be_plain_lines_one_for_each_rate():
    lines = [
        builders.line(1, tax=1900, tax_rate=Decimal(19)),
        builders.line(2, tax=700, tax_rate=Decimal("7.0")),
        builders.line(3, tax=1900, tax_rate=Decimal("19.00")),
    ]
    document = plan(builders.invoice(*lines), tax="line", tax_name="VAT")
    extra = [(one["description"], one["amount"]) for one in document["lines"][3:]]
    assert extra == [("VAT 19 %", 3800), ("VAT 7 %", 700)]


def test_an_invoice_that_needs_more_than_250_lines_is_unsupported():
    lines = [builders.line(at, tax=100, tax_rate=Decimal(1)) for at in range(250)]
    assert len(plan(builders.invoice(*lines))["lines"]) == 250
    with pytest.raises(Unsupported) as caught:
        plan(builders.invoice(*lines), tax="line")
    assert caught.value.fact == "max_lines"


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (None, {"days_until_due": 14}),
        (date(2026, 11, 22), {"days_until_due": 0}),
        (date(2026, 11, 1), {"days_until_due": 0}),
        (date(2026, 12, 24), {"due_date": 1798070400}),
    ],
)
def test_a_mailed_invoice_has_a_due_date_or_days(due, expected):
    invoice = builders.invoice(due_date=due)
    head = plan(invoice, collection_method="send_invoice", days_until_due=14)["invoice"]
    shown = {name: head[name] for name in ("due_date", "days_until_due") if name in head}
    assert shown == expected


def test_a_charged_invoice_has_neither():
    head = plan(builders.invoice(due_date=date(2026, 12, 24)))["invoice"]
    assert "due_date" not in head
    assert "days_until_due" not in head


@given(
    st.dictionaries(
        st.text(min_size=1, alphabet="abc_"),
        st.text() | st.integers() | st.booleans() | st.lists(st.text(), min_size=1, max_size=3),
        max_size=5,
    )
)
def test_form_encoding_loses_nothing(params):
    expected = []
    for name, value in params.items():
        items = value if isinstance(value, list) else [value]
        for at, item in enumerate(items):
            text = str(item).lower() if isinstance(item, bool) else str(item)
            expected.append((f"{name}[{at}]" if isinstance(value, list) else name, text))
    assert parse_qsl(encode(params), keep_blank_values=True) == expected


def test_only_what_clears_a_field_is_sent_empty():
    assert encode({"a": None, "b": [], "c": {}, "d": "", "e": Decimal("1E+2")}) == "d=&e=100"
