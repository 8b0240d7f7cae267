"""Forms made of declared fields: what a person filled in, as the values a use case takes."""

from collections.abc import Sequence
from typing import Any

from flask import request

from kable_hub.usecases.errors import Invalid
from kable_hub.usecases.forms import FormField

TRUE = "true"


def values_of(fields: Sequence[FormField], prefix: str = "f.") -> dict[str, Any]:
    """What the form of this request says, by the field's name; what is empty is left out.

    A field is sent as `f.<name>`; a map as pairs of `f.<name>.key` and `f.<name>.value`.
    """
    found = {one.name: _value(one, f"{prefix}{one.name}") for one in fields}
    return {name: value for name, value in found.items() if value not in ("", None)}


def _value(field: FormField, sent: str) -> Any:
    if field.type == "boolean":
        return request.form.get(sent) == TRUE
    if field.type == "map":
        keys, values = request.form.getlist(f"{sent}.key"), request.form.getlist(f"{sent}.value")
        return {key.strip(): one for key, one in zip(keys, values, strict=False) if key.strip()}
    return request.form.get(sent, "").strip()


def faults_of(problem: Invalid) -> dict[str, str]:
    """What was refused, by the last part of the field's path; what names no field under ``."""
    return {one.field.rpartition(".")[2]: one.message for one in problem.errors}
