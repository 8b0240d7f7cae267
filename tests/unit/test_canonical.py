import json
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kable_hub.canonical import digest, dumps, loads
from kable_hub.domain import Environment

texts = st.text(st.characters(exclude_categories=("Cs",)))
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    texts,
    st.decimals(allow_nan=False, allow_infinity=False, places=6),
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)


@given(values)
def test_what_is_written_reads_back_equal_and_writes_the_same_text_again(value):
    written = dumps(value)
    assert loads(written) == value
    assert dumps(loads(written)) == written


@settings(max_examples=30)
@given(st.dictionaries(texts, values, min_size=2))
def test_the_order_of_keys_does_not_matter(value):
    assert dumps(dict(reversed(value.items()))) == dumps(value)
    assert digest(dict(reversed(value.items()))) == digest(value)


@given(values)
def test_any_json_parser_reads_the_text(value):
    json.loads(dumps(value))


@given(values, values)
def test_different_values_have_different_digests(one, other):
    assert (digest(one) == digest(other)) == (dumps(one) == dumps(other))


def test_the_text_has_sorted_keys_and_no_spaces_and_plain_characters():
    assert dumps({"b": [1, True, None], "a": "Zoë"}) == '{"a":"Zoë","b":[1,true,null]}'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0.1") + Decimal("0.2"), "0.3"),
        (10**30, "1" + "0" * 30),
        ((1, 2), "[1,2]"),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        (Environment.LIVE, '"live"'),
    ],
)
def test_numbers_are_plain_and_exact(value, written):
    assert dumps(value) == written


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        {"a": [{"b": 0.1}]},
        Decimal("NaN"),
        Decimal("Infinity"),
        {1: "a"},
        {None: "a"},
        {"a": {1, 2}},
        b"bytes",
        object(),
    ],
)
def test_what_json_cannot_carry_exactly_is_a_type_error(value):
    with pytest.raises(TypeError):
        dumps(value)


def test_a_fraction_or_an_exponent_reads_as_decimal_and_a_whole_number_as_int():
    found = loads('[1, 1.0, 1e2, "1.0"]')
    assert [type(one) for one in found] == [int, Decimal, Decimal, str]
    assert str(found[1]) == "1.0"


def test_bytes_are_read_as_utf_8():
    assert loads('{"name":"Zoë"}'.encode()) == {"name": "Zoë"}
