"""Forms as data: a declared marshmallow schema as fields to fill in, and its faults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing
from marshmallow.validate import OneOf

from kable_hub.dialogue import Form
from kable_hub.usecases.errors import FieldError

_TYPES: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (fields.Boolean, "boolean"),
    (fields.Integer, "integer"),
    (fields.Number, "number"),
    (fields.Date, "date"),
    (fields.Dict, "map"),
)


@dataclass(frozen=True)
class FormField:
    """One field of a form or of settings, taken from the declared schema.

    `type` is text, secret, choice, integer, number, boolean, date or map; `choices` are (value,
    label). `from_provider` says that `setting_choices` offers values for it, `per_customer`
    that it may be set for a single customer. A map is a list of pairs to fill in: `key_label`
    stands over their names, `label` over their values, which are what `choices` are for.
    """

    name: str
    type: str
    label: str
    required: bool
    help: str = ""
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    from_provider: bool = False
    per_customer: bool = False
    key_label: str = ""


@dataclass(frozen=True)
class FormView:
    """A form to fill in. `error` says what was wrong with the last values."""

    title: str
    help: str
    fields: tuple[FormField, ...]
    error: str = ""


def form_view(form: Form, error: str = "") -> FormView:
    """A plugin's form as data."""
    return FormView(form.title, form.help, form_fields(form.schema), error or form.error)


def form_fields(schema: type[Schema] | None) -> tuple[FormField, ...]:
    """The fields of a schema; none where there is no schema."""
    return tuple(_field(name, one) for name, one in schema().fields.items()) if schema else ()


def load(
    schema: type[Schema] | None, values: Mapping[str, Any], prefix: str, *, partial: bool = False
) -> tuple[dict[str, Any], list[FieldError]]:
    """Values as JSON after the schema, defaults filled in, and the faults by field path."""
    if schema is None:
        return {}, [_fault(f"{prefix}.{name}", "There is no such field.") for name in values]
    try:
        # By name: `partial=True` would leave out the defaults too.
        absent = [name for name, one in schema().fields.items() if partial and one.required]
        loaded = schema().load(dict(values), partial=absent)
    except ValidationError as error:
        told = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        return {}, [one for name, said in told.items() for one in _faults(f"{prefix}.{name}", said)]
    return dict(schema().dump(loaded)), []


def _fault(path: str, message: str) -> FieldError:
    return FieldError(path, "invalid", message)


def _faults(path: str, said: Any) -> Iterator[FieldError]:
    """One fault for a field; for a map one for each of its pairs."""
    if not isinstance(said, dict):
        yield _fault(path, _flat(said))
        return
    for name, one in said.items():
        pair = one.values() if isinstance(one, dict) else [one]
        yield _fault(f"{path}.{name}", " ".join(_flat(part) for part in pair))


def _flat(said: Any) -> str:
    match said:
        case dict():
            return " ".join(f"{name}: {_flat(one)}" for name, one in said.items())
        case list():
            return " ".join(_flat(one) for one in said)
    return str(said)


def _field(name: str, one: fields.Field[Any]) -> FormField:
    told = one.metadata
    choices = _choices(one)
    default = None if one.load_default is missing else one.load_default
    return FormField(
        name=name,
        type=_type(one, bool(choices)),
        label=str(told.get("label") or name.replace("_", " ").capitalize()),
        required=one.required,
        help=str(told.get("help") or told.get("description") or ""),
        default=default() if callable(default) else default,
        choices=choices,
        from_provider=bool(told.get("choices") is True),
        per_customer=bool(told.get("per_customer")),
        key_label=str(told.get("key_label") or "") if isinstance(one, fields.Dict) else "",
    )


def _type(one: fields.Field[Any], chosen: bool) -> str:
    if one.metadata.get("secret"):
        return "secret"
    if chosen:
        return "choice"
    return next((word for kind, word in _TYPES if isinstance(one, kind)), "text")


def _choices(one: fields.Field[Any]) -> tuple[tuple[str, str], ...]:
    found = next((rule for rule in one.validators if isinstance(rule, OneOf)), None)
    return tuple((value, str(label or value)) for value, label in found.options()) if found else ()
