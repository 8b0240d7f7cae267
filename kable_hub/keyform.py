"""The way in by a pasted key: asked for, tried, and asked for again where it does not open."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kable_hub.dialogue import ConnectRequest, Form, Grant
from kable_hub.errors import ReconnectRequired, Rejected

if TYPE_CHECKING:
    from marshmallow import Schema


def step(
    request: ConnectRequest,
    schema: "type[Schema]",
    title: str,
    opened: Callable[[Mapping[str, str]], Grant],
    help: str = "",
) -> Form | Grant:
    """One step of the dialogue. `opened` tries the values of `schema` at the provider and names
    the account they open; its ReconnectRequired or Rejected is shown above the form again.
    """
    if not request.form:
        return Form(schema, title, help)
    try:
        return opened(request.form)
    except (ReconnectRequired, Rejected) as error:
        return Form(schema, title, help, error.message)
