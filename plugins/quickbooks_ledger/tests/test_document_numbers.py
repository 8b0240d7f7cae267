"""The document number that QuickBooks has room for."""

from hypothesis import given
from hypothesis import strategies as st
from kable_quickbooks_ledger import text


@given(st.text(max_size=60), st.text(max_size=60))
def test_document_numbers_fit_stay_distinct_and_never_change(one, two):
    first, second = text.document_number(one), text.document_number(two)
    assert len(first) <= 21
    assert first == text.document_number(one)
    assert (first == second) == (one == two)


def test_a_number_of_21_characters_is_left_alone():
    assert text.document_number("A" * 21) == "A" * 21
