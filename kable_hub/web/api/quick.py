"""Schemas read and written with few calls a field: a bulk of a thousand invoices has 100,000.

marshmallow asks each field where its value is, whether it may be absent and what to make of it.
Both classes ask once for a schema and then go by what a value is: text of a text field is taken
as it stands. Whatever is not that plain is left to the field, and all faults to marshmallow.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import marshmallow as ma

PLAIN: Mapping[type, type] = {
    ma.fields.String: str,
    ma.fields.Integer: int,
    ma.fields.Boolean: bool,
}
"""Fields by their type, and the type of what they take and give unchanged."""

Turn = Callable[[Any], Any]


class _Step(NamedTuple):
    """How a value gets out; `whole` instead makes it of the object that has it."""

    name: str
    key: str
    plain: type | None
    turn: Turn
    whole: Turn | None


class Writer:
    """Writes what a schema's `dump` makes of one object."""

    def __init__(self, schema: ma.Schema) -> None:
        self._schema = schema
        self._steps = [_step(schema, *one) for one in schema.dump_fields.items()]

    def is_of(self, schema: ma.Schema) -> bool:
        """Whether it was made for this very schema: marshmallow copies them."""
        return self._schema is schema

    def write(self, value: Any) -> dict[str, Any]:
        """The answer's dict."""
        shown = {}
        read = self._reading(value)
        for name, key, plain, turn, whole in self._steps:
            found = read(name, ma.missing) if whole is None else whole(value)
            if type(found) is plain or found is None:
                shown[key] = found
            elif found is not ma.missing:
                shown[key] = turn(found) if whole is None else found
        return shown

    def _reading(self, value: Any) -> Callable[[str, Any], Any]:
        return value.get if type(value) is dict else partial(self._schema.get_attribute, value)


def _step(schema: ma.Schema, name: str, field: ma.fields.Field[Any]) -> _Step:
    whole = partial(_serialized, schema, name, field)
    usual = field.attribute is None and field.dump_default is ma.missing
    turn = _turn(field) if usual else None
    plain = PLAIN.get(type(field)) if usual else None
    return _Step(name, field.data_key or name, plain, turn or whole, None if turn else whole)


def _turn(field: ma.fields.Field[Any]) -> Turn | None:
    """What makes a field's value, where that hangs on the value alone."""
    told: Turn | None = getattr(field, "told", None)
    if type(field) is ma.fields.List:
        inner = _turn(field.inner) or partial(_alone, field.inner)
        return lambda many: [inner(one) for one in many] if many else []
    if type(field) is ma.fields.Nested and not field.many:
        return lambda one: None if one is None else field.schema.dump(one)
    if type(field) is ma.fields.Dict:
        return lambda value: _alone(field, value) if value else {}
    return partial(_alone, field) if type(field) in PLAIN else told


def _alone(field: ma.fields.Field[Any], value: Any) -> Any:
    return field.serialize("it", {"it": value})


def _serialized(schema: ma.Schema, name: str, field: ma.fields.Field[Any], value: Any) -> Any:
    return field.serialize(name, value, accessor=schema.get_attribute)


class Reader:
    """Reads what a schema's `load` makes of one object, as long as nothing is wrong with it."""

    def __init__(self, schema: ma.Schema) -> None:
        self._schema = schema
        fields = schema.load_fields.items()
        self._required = {_key(name, one) for name, one in fields if one.required}
        self._fields = {
            _key(name, one): (one.attribute or name, *_taking(one)) for name, one in fields
        }
        given = {one.attribute or name: one.load_default for name, one in fields}
        self._defaults = {name: one for name, one in given.items() if one is not ma.missing}

    def is_of(self, schema: ma.Schema) -> bool:
        """Whether it was made for this very schema: marshmallow copies them."""
        return self._schema is schema

    def read(self, data: Any) -> dict[str, Any] | None:
        """The values by their names, None where marshmallow has to say what is wrong."""
        if type(data) is not dict or not self._required <= data.keys():
            return None
        found = {name: one() if callable(one) else one for name, one in self._defaults.items()}
        try:
            for key, value in data.items():
                name, plain, take = self._fields[key]
                found[name] = value if type(value) is plain else take(value)
        except (KeyError, ma.ValidationError):
            return None
        return found


def _key(name: str, field: ma.fields.Field[Any]) -> str:
    return field.data_key or name


def _taking(field: ma.fields.Field[Any]) -> tuple[type | None, Turn]:
    plain = None if field.validators or field.attribute else PLAIN.get(type(field))
    if type(field) is ma.fields.List and not field.validators:
        inner = field.inner
        if type(inner) is ma.fields.Nested and not inner.validators:
            return plain, partial(_each, inner)
    return plain, field.deserialize


def _each(inner: ma.fields.Nested, value: Any) -> list[Any]:
    if type(value) is not list:
        raise ma.ValidationError("")
    load = inner.schema.load
    return [load(one, unknown=inner.unknown) for one in value]
