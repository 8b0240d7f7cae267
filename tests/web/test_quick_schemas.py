"""Schemas read and write in a hurry what marshmallow reads and writes at leisure."""

from datetime import date
from decimal import Decimal

import marshmallow as ma
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kable_hub.web.api.customers import NewCustomerBody
from kable_hub.web.api.defaults import DefaultsChange
from kable_hub.web.api.delivery_schemas import Delivery, Receipt
from kable_hub.web.api.fields import Answer, Body, Day, Exact, Moment, text
from kable_hub.web.api.invoice_schemas import BulkBody, InvoiceChangeBody, Line, NewInvoiceBody

WORDS = st.sampled_from(["", "x", "USD", "2026-11-22", "2026-13-01", "12.5", "1e5", "-3"])
ODD = st.sampled_from([None, True, 7, -(10**22), Decimal("1.5"), Decimal("NaN"), [], {}, [None]])
EITHER = WORDS | ODD
ADDRESS = {"line1": "Rosenweg 5", "city": "Bern", "country": "CH"}
LINE = {"description": "Seats", "quantity": 2, "unitPrice": "1.50", "serviceDate": "2026-11-22"}
INVOICE = {
    "customer": "c-1",
    "number": "7",
    "currency": "USD",
    "issueDate": "2026-11-22",
    "lines": [LINE, LINE],
    "metadata": {"a": "b"},
    "autoPush": False,
}
CUSTOMER = {"clientId": "c-1", "companyName": "X", "currency": "USD", "billingAddress": ADDRESS}
BODIES = {
    NewInvoiceBody: INVOICE,
    InvoiceChangeBody: {"lines": [LINE], "total": "3.00"},
    NewCustomerBody: CUSTOMER,
    BulkBody: {"invoices": [INVOICE, INVOICE]},
    DefaultsChange: {"autoPush": True, "createCustomersAt": ["acme"]},
}


@st.composite
def spoilt(draw: st.DrawFn, sound: object) -> object:
    """The same with, at most, something left out, added or put in place of something."""
    if isinstance(sound, dict):
        names = st.sampled_from([*sound, "unknown"])
        match draw(st.sampled_from(["keep", "keep", "drop", "put", "deeper"])):
            case "drop":
                gone = draw(names)
                return {name: one for name, one in sound.items() if name != gone}
            case "put":
                return {**sound, draw(names): draw(EITHER)}
            case "deeper":
                name = draw(st.sampled_from([*sound]))
                return {**sound, name: draw(spoilt(sound[name]))}
        return sound
    if isinstance(sound, list):
        return [draw(spoilt(one)) for one in sound]
    return draw(EITHER)


def outcome(load, data) -> object:
    try:
        found = load(data)
        return repr(sorted(found.items()) if isinstance(found, dict) else found)
    except ma.ValidationError as error:
        return error.messages


@pytest.mark.parametrize("body", BODIES)
@settings(max_examples=60)
@given(st.data())
def test_a_body_is_read_or_refused_as_marshmallow_does_it(body, data):
    schema, sent = body(), data.draw(spoilt(BODIES[body]) | ODD)
    at_leisure = lambda value: ma.Schema.load(schema, value)  # noqa: E731
    assert outcome(schema.load, sent) == outcome(at_leisure, sent)


def test_what_is_sound_is_read_in_a_hurry(monkeypatch):
    monkeypatch.setattr(ma.Schema, "load", None)
    for body, sound in BODIES.items():
        assert body().load(sound)


class Everything(Answer):
    name = text()
    count = ma.fields.Integer()
    sure = ma.fields.Boolean()
    price = Exact()
    day = Day()
    at = Moment()
    names = ma.fields.List(ma.fields.String())
    facts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    raw = ma.fields.List(ma.fields.Raw())
    line = ma.fields.Nested(Line)
    lines = ma.fields.List(ma.fields.Nested(Line))
    renamed = text(attribute="other")
    given = text(dump_default="nothing")
    made = ma.fields.Function(lambda one: "made")


VALUES = {
    "name": WORDS | st.integers(),
    "count": st.integers() | st.sampled_from(["3", True]),
    "sure": st.booleans() | st.sampled_from(["true", 0]),
    "price": st.decimals(-99, 99, places=3),
    "day": st.dates(),
    "at": st.integers(0, 2_000_000_000_000),
    "names": st.lists(WORDS) | st.tuples(WORDS),
    "facts": st.dictionaries(WORDS, WORDS | st.integers()),
    "raw": st.lists(EITHER) | st.tuples(EITHER),
    "line": st.builds(dict, description=WORDS, quantity=st.just(Decimal(1))),
    "lines": st.lists(st.builds(dict, service_date=st.none() | st.just(date(2026, 11, 22)))),
    "given": WORDS,
    "other": WORDS,
}
OBJECTS = st.fixed_dictionaries({}, optional={key: st.none() | one for key, one in VALUES.items()})


class Held:
    """An object with attributes instead of keys."""

    def __init__(self, values: dict) -> None:
        vars(self).update(values)


@settings(max_examples=60)
@given(OBJECTS)
def test_an_answer_is_written_as_marshmallow_does_it(values):
    schema = Everything()
    for one in (values, Held(values)):
        written = schema.dump(one)
        assert repr(written) == repr(ma.Schema.dump(schema, one))
    assert repr(schema.dump([values], many=True)) == repr([schema.dump(values)])


def test_a_schema_that_marshmallow_cut_down_writes_what_is_left():
    class Short(Answer):
        receipt = ma.fields.Nested(Receipt(), only=("number",))

    full, values = Receipt(), {"number": "7", "url": "https://x.example"}
    assert full.dump(values) == values
    assert Short().dump({"receipt": values}) == {"receipt": {"number": "7"}}
    assert Delivery(only=("id",)).fields.keys() == {"id"}


def test_a_body_that_is_read_in_part_or_by_the_dozen_is_read_at_leisure():
    class Pair(Body):
        left = text(required=True)
        right = text()

    assert Pair().load({}, partial=True) == {}
    assert Pair().load([{"left": "a"}], many=True) == [{"left": "a"}]
    assert Pair().load({"left": "a", "more": 1}, unknown=ma.EXCLUDE) == {"left": "a"}
