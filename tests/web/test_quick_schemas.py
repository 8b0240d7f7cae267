"""Schemas read and write in a hurry what marshmallow reads and writes at leisure."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import marshmallow as ma
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kable_hub.web.app
from kable_hub.web.api.delivery_schemas import Delivery, Receipt
from kable_hub.web.api.fields import Answer, Body, Day, Exact, Moment
from kable_hub.web.api.quick import Writer

f = ma.fields
DAY, MOMENT = date(2026, 11, 22), datetime(2026, 11, 22, tzinfo=UTC)
WORDS = st.sampled_from(["", "x", "USD", "2026-11-22", "2026-13-01", "12.5", "1e5", "-3"])
ODD = st.sampled_from([None, True, 7, -(10**22), Decimal("1.5"), Decimal("NaN"), [], {}, [None]])
EITHER = WORDS | ODD | st.just(DAY)
Sound = Mapping[type, object]
COMES: Sound = {f.String: "x", f.Integer: 7, f.Boolean: True, Exact: "1.50", Day: "2026-11-22"}
GOES: Sound = {**COMES, Exact: Decimal("1.50"), Day: DAY, Moment: 1, f.AwareDateTime: MOMENT}


def every(base: type) -> dict[str, type]:
    """All schemas of the hub that are such, by name; those made for a provider are left out."""
    found, left = {}, [base]
    while left:
        one = left.pop()
        left += one.__subclasses__()
        if vars(sys.modules[one.__module__]).get(one.__name__) is one and one is not base:
            found[f"{one.__module__}.{one.__name__}"] = one
    return {name: found[name] for name in sorted(found) if name.startswith("kable_hub.")}


assert kable_hub.web.app, "it imports all of them"
BODIES, ANSWERS = every(Body), every(Answer)


def whole(fields: Mapping[str, f.Field], kinds: Sound, named: Callable[..., str]) -> dict[str, Any]:
    """A value for each of these fields."""
    return {named(name, one): sound(one, kinds, named) for name, one in fields.items()}


def sound(field: f.Field, kinds: Sound, named: Callable[..., str]) -> object:
    match field:
        case f.List():
            return [sound(field.inner, kinds, named)] * 2
        case f.Nested():
            schema = field.schema
            return whole(schema.load_fields if kinds is COMES else schema.dump_fields, kinds, named)
        case f.Dict():
            return {"a": "b"}
    chosen = [one.choices[-1] for one in field.validators if isinstance(one, ma.validate.OneOf)]
    known = [kinds[kind] for kind in type(field).__mro__ if kind in kinds]
    return [*chosen, *known, ["raw"]][0]


def sent(schema: ma.Schema) -> dict[str, Any]:
    return whole(schema.load_fields, COMES, lambda name, one: one.data_key or name)


def held(schema: ma.Schema) -> dict[str, Any]:
    return whole(schema.dump_fields, GOES, lambda name, one: one.attribute or name)


@st.composite
def spoilt(draw: st.DrawFn, value: object) -> object:
    """The same with, at most, something left out, added or put in place of something."""
    if isinstance(value, dict) and value:
        names = st.sampled_from([*value, "unknown"])
        match draw(st.sampled_from(["keep", "keep", "drop", "put", "deeper"])):
            case "drop":
                gone = draw(names)
                return {name: one for name, one in value.items() if name != gone}
            case "put":
                return {**value, draw(names): draw(EITHER)}
            case "deeper":
                name = draw(st.sampled_from([*value]))
                return {**value, name: draw(spoilt(value[name]))}
        return value
    if isinstance(value, list):
        return [draw(spoilt(one)) for one in value]
    return draw(EITHER)


def outcome(act: Callable[..., object], value: object, **how: object) -> object:
    """What comes of it, an error too."""
    try:
        found = act(value, **how)
    except ma.ValidationError as error:
        return error.messages
    except Exception as error:
        return type(error)
    return repr(sorted(found.items(), key=str) if isinstance(found, dict) else found)


def assert_same(schema: ma.Schema, way: str, value: object, **how: object) -> None:
    at_leisure = getattr(ma.Schema, way).__get__(schema)
    assert outcome(getattr(schema, way), value, **how) == outcome(at_leisure, value, **how)


@contextmanager
def unshaped() -> Iterator[None]:
    """Every answer made of just what its fields are called, so that what is made of them shows."""
    with pytest.MonkeyPatch.context() as patched:
        for one in ANSWERS.values():
            patched.setattr(one, "shape", Answer.shape)
        yield


class Held:
    """An object with attributes instead of keys."""

    def __init__(self, values: dict) -> None:
        vars(self).update(values)

    def __repr__(self) -> str:
        return f"Held({vars(self)})"


def objects(value: object) -> object:
    """With attributes in place of keys, all the way down."""
    if isinstance(value, list):
        return [objects(one) for one in value]
    if isinstance(value, dict):
        return Held({name: objects(one) for name, one in value.items()})
    return value


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=15)
@given(st.data())
def test_a_body_is_read_or_refused_as_marshmallow_does_it(name, data):
    schema = BODIES[name]()
    assert_same(schema, "load", data.draw(spoilt(sent(schema)) | ODD))


@pytest.mark.parametrize("name", BODIES)
def test_what_is_sound_is_read_in_a_hurry(name, monkeypatch):
    monkeypatch.setattr(ma.Schema, "load", None)
    schema = BODIES[name]()
    assert schema.load(sent(schema))


@pytest.mark.parametrize("name", ANSWERS)
@settings(max_examples=10)
@given(st.data())
def test_an_answer_is_written_as_marshmallow_does_it(name, data):
    schema = ANSWERS[name]()
    values = data.draw(spoilt(held(schema)))
    with unshaped():
        for one in (values, objects(values)):
            assert_same(schema, "dump", one)


def test_every_answer_is_written_in_a_hurry():
    assert [name for name, one in ANSWERS.items() if not Writer(one(), own="_shaped").fits] == []


# --- what marshmallow can and no schema of the hub does yet ----------------------------------


class Loud(f.String):
    def _serialize(self, value, attr, obj, **kwargs):
        return f"{attr}: {value!s}".upper()

    def _deserialize(self, value, attr, data, **kwargs):
        return f"{attr} of {len(data)}: {super()._deserialize(value, attr, data)}"


class Doubled(Exact):
    def _serialize(self, value, attr, obj, **kwargs):
        return super()._serialize(value and value * 2)


class Elsewhere(f.String):
    def get_value(self, obj, attr, accessor=None, default=ma.missing):
        return super().get_value(obj, f"other_{attr}", accessor, default)


class Pair(ma.Schema):
    left = f.String(required=True)
    right = f.String(load_default="r", dump_default="R")


def a_body(*bases: type, **members: Any) -> type[Body]:
    return type("Some", (*bases, Body), {"left": f.String(), **members})


def an_answer(**members: Any) -> type[Answer]:
    return type("Some", (Answer,), {"left": f.String(), **members})


def meta(**said: Any) -> type:
    return type("Meta", (), said)


def refusing(*_: Any, **__: Any) -> None:
    raise ma.ValidationError("no")


def upper(_: object, data: Any, **__: Any) -> dict[str, Any]:
    return {name.upper(): one for name, one in data.items()}


def lower(_: object, data: Any, **__: Any) -> dict[str, Any]:
    return {name.lower(): one for name, one in data.items()}


PAIR = {"left": "l"}
YES = f.Boolean(truthy={"yes"}, falsy={"no"})
READ: dict[str, tuple[Body, object]] = {
    "pre_load": (a_body(hook=ma.pre_load(lower))(), {"LEFT": "x"}),
    "post_load": (a_body(hook=ma.post_load(upper))(), PAIR),
    "validates": (a_body(hook=ma.validates("left")(refusing))(), PAIR),
    "validates_schema": (a_body(hook=ma.validates_schema(refusing))(), PAIR),
    "validates_schema, skipped": (
        a_body(hook=ma.validates_schema(skip_on_field_errors=True)(refusing))(),
        {"left": 7},
    ),
    "made refuses": (a_body(made=refusing)(), PAIR),
    "attribute": (a_body(at=f.String(attribute="other"))(), {"at": "x"}),
    "attribute with a path": (a_body(at=f.String(attribute="other.x"))(), {"at": "x"}),
    "a path of defaults": (a_body(at=f.String(attribute="a.b", load_default="x"))(), PAIR),
    "one key for two": (a_body(at=f.String(data_key="left", load_only=True))(), PAIR),
    "dump_only": (a_body(at=f.String(dump_only=True))(), {"at": "x"}),
    "load_only": (a_body(at=f.String(load_only=True))(), {"at": "x"}),
    "exclude": (a_body(at=f.String())(exclude=("at",)), {"at": "x"}),
    "unknown left out": (a_body(Meta=meta(unknown=ma.EXCLUDE))(), {"left": "x", "more": 1}),
    "unknown let in": (a_body(Meta=meta(unknown=ma.INCLUDE))(), {"left": "x", "more": 1}),
    "unknown as told": (a_body()(unknown=ma.EXCLUDE), {"left": "x", "more": 1}),
    "partial": (
        a_body(at=f.String(required=True), it=f.String(load_default="d"))(partial=True),
        {},
    ),
    "partial by name": (a_body(at=f.String(load_default="d"))(partial=("at",)), {}),
    "many": (a_body()(many=True), [PAIR, PAIR]),
    "null": (a_body(at=f.String(allow_none=True))(), {"at": None}),
    "null by default": (a_body(at=f.String(load_default=None))(), {"at": None}),
    "a default that is made": (a_body(at=f.List(f.String(), load_default=list))(), PAIR),
    "field.pre_load": (a_body(at=f.String(pre_load=str.upper))(), {"at": "x"}),
    "field.post_load": (a_body(at=f.String(post_load=str.upper))(), {"at": "x"}),
    "list.post_load": (a_body(at=f.List(f.Nested(Pair), post_load=len))(), {"at": [PAIR]}),
    "list of pre_load": (a_body(at=f.List(f.Nested(Pair, pre_load=lambda _: 7)))(), {"at": [PAIR]}),
    "validate": (a_body(at=f.Integer(validate=ma.validate.Range(8)))(), {"at": 7}),
    "list.validate": (
        a_body(at=f.List(f.Nested(Pair), validate=ma.validate.Length(2)))(),
        {"at": [PAIR]},
    ),
    "other truths": (a_body(at=YES)(), {"at": True}),
    "strict": (a_body(at=f.Integer(strict=True))(), {"at": "7"}),
    "truth is no number": (a_body(at=f.Integer())(), {"at": True}),
    "a field of its own": (a_body(at=Loud())(), {"at": "x"}),
    "a function": (a_body(at=f.Function(deserialize=lambda one: one * 2))(), {"at": "x"}),
    "a constant": (a_body(at=f.Constant(7))(), {"at": "x"}),
    "nested, unknown": (a_body(at=f.Nested(Pair, unknown=ma.EXCLUDE))(), {"at": {**PAIR, "x": 1}}),
    "nested, only": (a_body(at=f.Nested(Pair, only=("left",)))(), {"at": {**PAIR, "right": "x"}}),
    "nested, many": (a_body(at=f.Nested(Pair, many=True))(), {"at": [PAIR, PAIR]}),
    "nested, partial": (a_body(at=f.Nested(Pair(partial=True)))(), {"at": {}}),
    "list, unknown": (
        a_body(at=f.List(f.Nested(Pair, unknown=ma.EXCLUDE)))(),
        {"at": [{**PAIR, "x": 1}]},
    ),
    "list, many": (a_body(at=f.List(f.Nested(Pair, many=True)))(), {"at": [[PAIR], [PAIR]]}),
    "list, null": (a_body(at=f.List(f.Nested(Pair, allow_none=True)))(), {"at": [None, PAIR]}),
    "list that is none": (a_body(at=f.List(f.Nested(Pair)))(), {"at": (PAIR, PAIR)}),
    "pluck": (a_body(at=f.Pluck(Pair, "left"))(), {"at": "x"}),
    "dict": (a_body(at=f.Dict(f.String(validate=refusing), f.Integer()))(), {"at": {"a": "b"}}),
}


@pytest.mark.parametrize("what", READ)
def test_whatever_else_marshmallow_can_is_read_as_it_does_it(what):
    schema, value = READ[what]
    assert_same(schema, "load", value)
    assert_same(schema, "load", [value], many=True)
    assert_same(schema, "load", {}, partial=True)
    assert_same(schema, "load", {"more": 1}, unknown=ma.EXCLUDE)


def through(_: object, obj: Any, attr: str, default: Any) -> Any:
    return f"{attr} of it"


def method(_: object, obj: Any) -> str:
    return f"made of {obj}"


WRITTEN: dict[str, tuple[Answer, object]] = {
    "pre_dump": (an_answer(hook=ma.pre_dump(lower))(), {"LEFT": "x"}),
    "post_dump": (an_answer(hook=ma.post_dump(upper))(), PAIR),
    "shape and post_dump": (
        an_answer(hook=ma.post_dump(upper), shape=lambda _, one: {"left": one["x"]})(),
        {"x": "y"},
    ),
    "shape": (an_answer(shape=lambda _, one: {"left": one["x"]})(), {"x": "y"}),
    "get_attribute": (an_answer(get_attribute=through)(), PAIR),
    "get_value": (an_answer(at=Elsewhere())(), {"at": "x", "other_at": "y"}),
    "a field of its own": (an_answer(at=Loud())(), {"at": "x"}),
    "a field of its own, null": (an_answer(at=Loud())(), {"at": None}),
    "a list of them": (an_answer(at=f.List(Loud()))(), {"at": ["x", None]}),
    "more than ours": (an_answer(at=Doubled())(), {"at": Decimal(1)}),
    "as_string": (an_answer(at=f.Integer(as_string=True))(), {"at": 7}),
    "a number of texts": (an_answer(at=f.Integer())(), {"at": "7"}),
    "other truths": (an_answer(at=YES)(), {"at": "yes"}),
    "attribute": (an_answer(at=f.String(attribute="other"))(), {"other": "x"}),
    "attribute with a path": (an_answer(at=f.String(attribute="left.x"))(), {"left": {"x": "y"}}),
    "dump_default": (an_answer(at=f.String(dump_default="d"))(), PAIR),
    "a default that is made": (an_answer(at=f.List(f.String(), dump_default=list))(), PAIR),
    "load_only": (an_answer(at=f.String(load_only=True))(), {"at": "x"}),
    "dump_only": (an_answer(at=f.String(dump_only=True))(), {"at": "x"}),
    "data_key": (an_answer(at=f.String(data_key="there"))(), {"at": "x"}),
    "only": (an_answer(at=f.String())(only=("at",)), {"at": "x", "left": "y"}),
    "what a dict has": (an_answer(items=f.String())(), PAIR),
    "a method": (an_answer(at=f.Method("method"), method=method)(), PAIR),
    "a function": (an_answer(at=f.Function(str))(), PAIR),
    "a constant": (an_answer(at=f.Constant(7))(), PAIR),
    "nested, many": (an_answer(at=f.Nested(Pair, many=True))(), {"at": [PAIR, {}]}),
    "nested, only": (an_answer(at=f.Nested(Pair(), only=("left",)))(), {"at": PAIR}),
    "nested, null": (an_answer(at=f.Nested(Pair))(), {"at": None}),
    "list, many": (an_answer(at=f.List(f.Nested(Pair, many=True)))(), {"at": [[PAIR], []]}),
    "list, null": (an_answer(at=f.List(f.Nested(Pair)))(), {"at": [None, PAIR]}),
    "list of nothing": (an_answer(at=f.List(f.String()))(), {"at": 0}),
    "pluck": (an_answer(at=f.Pluck(Pair, "left"))(), {"at": PAIR}),
    "dict": (an_answer(at=f.Dict(Loud(), f.Integer(as_string=True)))(), {"at": {"a": 7}}),
    "tuple": (an_answer(at=f.Tuple((f.String(), Exact())))(), {"at": (7, Decimal(1))}),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_whatever_else_marshmallow_can_is_written_as_it_does_it(what):
    schema, values = WRITTEN[what]
    for one in (values, Held(values)):
        assert_same(schema, "dump", one)
    assert_same(schema, "dump", [values, values], many=True)


def test_a_schema_that_marshmallow_cut_down_writes_what_is_left():
    class Short(Answer):
        receipt = ma.fields.Nested(Receipt(), only=("number",))

    full, values = Receipt(), {"number": "7", "url": "https://x.example"}
    assert full.dump(values) == values
    assert Short().dump({"receipt": values}) == {"receipt": {"number": "7"}}
    assert Delivery(only=("id",)).fields.keys() == {"id"}
