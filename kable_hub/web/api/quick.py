"""Schemas read and written with few calls a field: a bulk of a thousand invoices has 100,000.

marshmallow asks each field where its value is, whether it may be absent and what to make of it.
Both classes ask once for a schema and then go by what a value is: text of a text field is taken
as it stands. Whatever is not that plain is left to the field. All faults are left to marshmallow,
and so is a schema to which something happens beside its fields.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import marshmallow as ma
from marshmallow import decorators

PLAIN: Mapping[type, type] = {
    ma.fields.String: str,
    ma.fields.Integer: int,
    ma.fields.Boolean: bool,
}
"""Fields by their type, and the type of what they take and give unchanged."""

_LOADING = (
    decorators.PRE_LOAD,
    decorators.POST_LOAD,
    decorators.VALIDATES,
    decorators.VALIDATES_SCHEMA,
)
_DUMPING = (decorators.PRE_DUMP, decorators.POST_DUMP)


class _Way(NamedTuple):
    """How a value gets out that is not plain, and, by `whole`, one that is not there."""

    name: str
    turn: Callable[[Any, str, Any], Any]
    whole: Callable[..., Any]


class Writer:
    """Writes what the fields of a schema make of one object. marshmallow copies schemas: `schema`
    says whose this is; `fits`, whether no hook but the named one has a say, too."""

    def __init__(self, schema: ma.Schema, own: str) -> None:
        self.schema, self.fits = schema, _hooks(schema, _DUMPING) <= {own}
        self._steps = [_step(name, one) for name, one in schema.dump_fields.items()]
        self._usual = type(schema).get_attribute is ma.Schema.get_attribute

    def write(self, value: Any) -> dict[str, Any]:
        """The answer's dict."""
        shown = {}
        ask, missing = self.schema.get_attribute, ma.missing
        read = value.get if self._usual and type(value) is dict else partial(ask, value)
        for at, key, plain, way in self._steps:
            found = read(at, missing) if at else missing
            if type(found) is plain:
                shown[key] = found
                continue
            name, turn, whole = way
            made = whole(name, value, ask) if found is missing else turn(found, name, value)
            if made is not missing:
                shown[key] = made
        return shown


def _step(name: str, field: ma.fields.Field[Any]) -> tuple[str, str, type | None, _Way]:
    """Where its value stands, empty where only the field finds it; its key in the answer; the type
    of what stays as it is; how anything else gets out."""
    at = field.attribute or name
    usual = type(field).get_value is ma.fields.Field.get_value and field._CHECK_ATTRIBUTE
    at = at if usual and "." not in at else ""
    return at, _key(name, field), _plain(field), _Way(name, _giving(field), field.serialize)


def _giving(field: ma.fields.Field[Any]) -> Callable[..., Any]:
    if type(field) is ma.fields.List and type(field.inner) is ma.fields.Nested:
        return partial(_written, field.inner)
    return field._serialize


def _written(inner: ma.fields.Nested, many: Any, *_: Any) -> list[Any] | None:
    dump = partial(inner.schema.dump, many=True) if inner.many else inner.schema.dump
    return many if many is None else [None if one is None else dump(one) for one in many]


class Reader:
    """Reads what the fields of a schema make of one object, as long as nothing is wrong with it.
    `schema` and `fits` as a Writer's."""

    def __init__(self, schema: ma.Schema, own: str) -> None:
        fields = schema.load_fields.items()
        named = {name: one.attribute or name for name, one in fields}
        self._required = {_key(name, one) for name, one in fields if one.required}
        self._fields = {_key(name, one): (named[name], *_taking(one)) for name, one in fields}
        given = {named[name]: one.load_default for name, one in fields}
        self._defaults = {name: one for name, one in given.items() if one is not ma.missing}
        alone = len(self._fields) == len(fields) and not any("." in at for at in named.values())
        self.schema, self.fits = schema, alone and _hooks(schema, _LOADING) <= {own}

    def read(self, data: Any) -> dict[str, Any]:
        """The values by their names. Raises KeyError or ValidationError, empty, where marshmallow
        has to say what is wrong."""
        if type(data) is not dict or not self._required <= data.keys():
            raise ma.ValidationError("")
        found = {name: one() if callable(one) else one for name, one in self._defaults.items()}
        for key, value in data.items():
            name, plain, take = self._fields[key]
            found[name] = value if type(value) is plain else take(value, key, data)
        return found


def _hooks(schema: ma.Schema, kinds: tuple[str, ...]) -> set[str]:
    """The names of what was declared to happen to a schema beside its fields."""
    return {name for kind in kinds for name, *_ in schema._hooks.get(kind, ())}


def _key(name: str, field: ma.fields.Field[Any]) -> str:
    return name if field.data_key is None else field.data_key


def _plain(field: ma.fields.Field[Any]) -> type | None:
    """The type of values with which a field does nothing, either way."""
    own = {"truthy", "falsy"} & vars(field).keys() or getattr(field, "as_string", False)
    return None if own or _watched(field) else PLAIN.get(type(field))


def _watched(field: ma.fields.Field[Any]) -> bool:
    return bool(field.validators or field.pre_load or field.post_load)


def _taking(field: ma.fields.Field[Any]) -> tuple[type | None, Callable[..., Any]]:
    if type(field) is ma.fields.List and not _watched(field):
        inner = field.inner
        if type(inner) is ma.fields.Nested and not _watched(inner):
            return None, partial(_each, inner)
    return _plain(field), field.deserialize


def _each(inner: ma.fields.Nested, value: Any, *_: Any) -> list[Any]:
    if type(value) is not list:
        raise ma.ValidationError("")
    load = inner.schema.load
    return [load(one, unknown=inner.unknown) for one in value]
