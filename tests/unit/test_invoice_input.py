from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kable_hub import money
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.invoice_input import NewInvoice, NewLine, as_new, read_invoice

LINE = {"description": "work", "unit_price": Decimal("10.00")}


def line(**changes) -> NewLine:
    return NewLine(**{**LINE, **changes})


def invoice(*lines: NewLine, **changes) -> NewInvoice:
    values = {
        "customer": "c1",
        "number": "INV-1",
        "currency": "USD",
        "issue_date": date(2026, 11, 22),
        "lines": lines or (line(),),
    }
    return NewInvoice(**{**values, **changes})


def read(new: NewInvoice):
    checks = Checks()
    row = read_invoice(checks, new, "inv_1", 0)
    return row, [(one.field, one.code) for one in checks.errors]


def faults(new: NewInvoice) -> list[tuple[str, str]]:
    return read(new)[1]


def only_line(**changes):
    row, found = read(invoice(line(**changes)))
    assert found == []
    return row.lines[0]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"number": ""}, ("number", "required")),
        ({"number": "x" * 101}, ("number", "too_long")),
        ({"number": "a\tb"}, ("number", "control_character")),
        ({"number": "\ud800"}, ("number", "control_character")),
        ({"currency": "usd"}, ("currency", "unknown_currency")),
        ({"currency": "XTS"}, ("currency", "unknown_currency")),
        ({"lines": ()}, ("lines", "required")),
        ({"lines": (line(),) * 10_001}, ("lines", "too_many")),
        ({"memo": "x" * 2001}, ("memo", "too_long")),
        ({"memo": "a\x00b"}, ("memo", "control_character")),
        ({"metadata": {str(one): "" for one in range(41)}}, ("metadata", "too_many")),
        ({"metadata": {"": "x"}}, ("metadata.", "required")),
        ({"metadata": {"k": "x" * 501}}, ("metadata.k", "too_long")),
        ({"metadata": {"k": "\x07"}}, ("metadata.k", "control_character")),
        ({"total": Decimal("10.01")}, ("total", "total_mismatch")),
        ({"total": Decimal("10.001")}, ("total", "too_many_decimals")),
    ],
)
def test_a_faulty_invoice_is_refused_by_field(changes, fault):
    assert faults(invoice(**changes)) == [fault]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"description": " "}, ("description", "required")),
        ({"description": "x" * 5001}, ("description", "too_long")),
        ({"description": "a\x00"}, ("description", "control_character")),
        ({"tax_code": "x" * 101}, ("taxCode", "too_long")),
        ({"product_code": "a\nb"}, ("productCode", "control_character")),
        ({"quantity": Decimal("NaN")}, ("quantity", "not_a_number")),
        ({"quantity": Decimal("1E+999999")}, ("quantity", "too_large")),
        ({"quantity": Decimal("1E-999999")}, ("quantity", "too_many_decimals")),
        ({"unit_price": Decimal("Infinity")}, ("unitPrice", "not_a_number")),
        ({"unit_price": Decimal("1E15")}, ("unitPrice", "too_large")),
        ({"unit_price": Decimal("999999999999999")}, ("amount", "too_large")),
        ({"unit_price": None}, ("unitPrice", "required")),
        ({"amount": Decimal("10.001")}, ("amount", "too_many_decimals")),
        ({"amount": Decimal("sNaN")}, ("amount", "not_a_number")),
        ({"amount": Decimal("1E30")}, ("amount", "too_large")),
        ({"amount": Decimal("10.01")}, ("amount", "line_amount_mismatch")),
        ({"amount": Decimal("9.99")}, ("amount", "line_amount_mismatch")),
        (
            {"unit_price": None, "amount": Decimal(3), "quantity": Decimal(3)},
            ("unitPrice", "required"),
        ),
        ({"tax_amount": Decimal("0.001")}, ("taxAmount", "too_many_decimals")),
        ({"tax_rate": Decimal("-1")}, ("taxRate", "out_of_range")),
        ({"tax_rate": Decimal("100.1")}, ("taxRate", "out_of_range")),
        ({"tax_rate": Decimal("NaN")}, ("taxRate", "not_a_number")),
    ],
)
def test_a_faulty_line_is_refused_by_its_place_and_field(changes, fault):
    where = f"lines.1.{fault[0]}"
    assert faults(invoice(line(), line(**changes))) == [(where, fault[1])]


def test_all_faults_are_told_at_once():
    found = faults(
        invoice(
            line(description=""),
            line(amount=Decimal("1"), tax_amount=Decimal("0.001")),
            number="",
            memo="\x00",
        )
    )
    assert found == [
        ("number", "required"),
        ("memo", "control_character"),
        ("lines.0.description", "required"),
        ("lines.1.amount", "line_amount_mismatch"),
        ("lines.1.taxAmount", "too_many_decimals"),
    ]


def test_a_total_beyond_every_invoice_is_refused():
    most = Decimal("9999999999999.99")
    assert faults(invoice(line(unit_price=most), line(unit_price=most))) == [("total", "too_large")]


def test_an_absent_amount_is_the_product_rounded_half_up():
    assert only_line(quantity=Decimal("0.5"), unit_price=Decimal("0.01")).amount == 1
    assert only_line(quantity=Decimal("-0.5"), unit_price=Decimal("0.01")).amount == -1
    assert only_line(quantity=Decimal("1.49"), unit_price=Decimal("0.01")).amount == 1


def test_an_amount_may_differ_from_the_product_by_less_than_a_minor_unit():
    for amount in ("3.33", "3.34"):
        changes = {"quantity": Decimal("0.333333"), "amount": Decimal(amount)}
        assert only_line(**changes).amount == int(Decimal(amount) * 100)


def test_an_amount_alone_is_the_price_of_one():
    row = only_line(unit_price=None, amount=Decimal("7.5"))
    assert (row.quantity, row.unit_price, row.amount) == (1, Decimal("7.5"), 750)


def test_tax_comes_from_the_amount_given_else_from_the_rate_else_it_is_nothing():
    assert only_line(tax_rate=Decimal("8.875")).tax == 89
    assert only_line(tax_rate=Decimal("8.875"), tax_amount=Decimal("0.80")).tax == 80
    assert only_line().tax == 0
    assert only_line(tax_rate=Decimal("0")).tax_rate == 0


@pytest.mark.parametrize(("currency", "total"), [("JPY", 10), ("BHD", 10_000), ("CLF", 100_000)])
def test_the_decimals_are_those_of_the_currency(currency, total):
    row, found = read(invoice(line(unit_price=Decimal(10)), currency=currency))
    assert (row.total, found) == (total, [])


def test_a_due_date_before_the_issue_date_is_accepted():
    row, found = read(invoice(due_date=date(2020, 1, 1)))
    assert (row.due_date, found) == (date(2020, 1, 1), [])


AMOUNTS = st.decimals(-(10**9), 10**9, places=2)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=5), st.text(max_size=50))
def test_an_accepted_invoice_can_be_made_again_from_what_was_kept(amounts, memo):
    lines = [line(unit_price=amount, tax_amount=tax) for amount, tax in amounts]
    first, found = read(invoice(*lines, memo=memo))
    if found:
        assert found == [("memo", "control_character")]
        return
    assert first.total == sum(money.to_minor(a + b, "USD") for a, b in amounts)
    assert read(as_new(first, "c1")) == (first, [])


NUMBERS = st.decimals(allow_nan=True, allow_infinity=True) | st.integers().map(Decimal)


@given(NUMBERS, NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS)
def test_no_number_breaks_the_reading(quantity, price, amount, tax, rate):
    new = line(quantity=quantity, unit_price=price, amount=amount, tax_amount=tax, tax_rate=rate)
    row, found = read(invoice(new))
    assert (row is None) <= bool(found)
