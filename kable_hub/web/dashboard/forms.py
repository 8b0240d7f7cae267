"""Forms made of declared fields: what a person filled in, as the values a use case takes."""

import re
from collections.abc import Sequence
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from kable_hub.usecases.errors import Invalid
from kable_hub.usecases.forms import FormField

TRUE = "true"
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def values_of(
    fields: Sequence[FormField],
    prefix: str = "f.",
    source: MultiDict[str, str] | None = None,
) -> dict[str, Any]:
    """What the form of this request says, by the field's name; what is empty is left out.

    A field is sent as `f.<name>`; a map as pairs of `f.<name>.key` and `f.<name>.value`.
    `source` is looked at instead of the form.
    """
    given = request.form if source is None else source
    found = {one.name: _value(given, one, f"{prefix}{one.name}") for one in fields}
    return {name: value for name, value in found.items() if value not in ("", None)}


def _value(given: MultiDict[str, str], field: FormField, sent: str) -> Any:
    if field.type == "boolean":
        return given.get(sent) == TRUE
    if field.type == "map":
        keys, values = given.getlist(f"{sent}.key"), given.getlist(f"{sent}.value")
        return {key.strip(): one for key, one in zip(keys, values, strict=False) if key.strip()}
    text = given.get(sent, "").strip()
    whole = field.type == "integer" and _WHOLE.fullmatch(text)
    return int(text) if whole else text


def faults_of(problem: Invalid) -> dict[str, str]:
    """What was refused, by the last part of the field's path; what names no field under ``."""
    return {one.field.rpartition(".")[2]: one.message for one in problem.errors}
