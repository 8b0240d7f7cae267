"""The connect dialogue: from a click to a stored grant, step by step.

A ticket (a link good for ten minutes, once) leads a browser to the provider and back. What
comes back is checked for state, browser, age and single use before the plugin sees it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.hub import Hub


@dataclass(frozen=True)
class FormField:
    """One field of a form or of settings, taken from the declared schema.

    `type` is text, secret, choice, integer, number, boolean or date; `choices` are (value, label).
    `from_provider` says that `setting_choices` offers values for it.
    """

    name: str
    type: str
    label: str
    required: bool
    help: str = ""
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    from_provider: bool = False


@dataclass(frozen=True)
class FormView:
    """A form to fill in. `error` says what was wrong with the last values."""

    title: str
    help: str
    fields: tuple[FormField, ...]
    error: str = ""


@dataclass(frozen=True)
class Started:
    """How connecting goes on: at `connect_url` in a browser, by the form, or it is done.

    With a `form`, answer it at `connect_url` in a browser or by calling `start_connecting`
    again with its values.
    """

    connect_url: str = field(default="", repr=False)
    form: FormView | None = None
    connections: tuple[ConnectionRow, ...] = ()


@dataclass(frozen=True)
class Opened:
    """An opened ticket: send the browser to `redirect_url` or show the form.

    `browser_secret` belongs into a cookie of this browser (HttpOnly, SameSite=Lax, ten minutes).
    """

    browser_secret: str = field(repr=False)
    redirect_url: str = field(default="", repr=False)
    form: FormView | None = None


@dataclass(frozen=True)
class Outcome:
    """How a dialogue ended; `return_to` may be empty. `code` and `message` say why it failed.

    `redirect_url` is set where the provider wants one more round, `form` where values were wrong.
    """

    ok: bool
    provider: str
    return_to: str = ""
    code: str = ""
    message: str = ""
    connections: tuple[ConnectionRow, ...] = ()
    redirect_url: str = field(default="", repr=False)
    form: FormView | None = None


def start_connecting(
    hub: Hub,
    scope: Scope,
    slug: str,
    *,
    method: str = "",
    return_to: str = "",
    form: Mapping[str, str] | None = None,
    by_person: bool = False,
    also: Callable[[Started], None] | None = None,
) -> Started:
    """Begin (or go on by `form`) to connect a provider.

    `method` is one of the provider's (the first where empty); `by_person` says that a
    signed-in person asks, who may connect live from anywhere. `also` runs with the result
    inside the last transaction. Raises NotFound, PaymentRequired (`paid_plan_required`),
    Invalid, Conflict (`not_configured`, `different_account`, `held_by_another_account`,
    `environment_missing`), Forbidden (`live_key_required`) and the provider's problems.
    """
    raise NotImplementedError


def open_ticket(hub: Hub, ticket: str) -> Opened:
    """Open the link of a started dialogue, once. Raises Problem (`bad_ticket`)."""
    raise NotImplementedError


def answer_form(hub: Hub, ticket: str, browser_secret: str, values: Mapping[str, str]) -> Outcome:
    """What a person typed into the form of an opened ticket. Raises Problem (`bad_ticket`)."""
    raise NotImplementedError


def finish(hub: Hub, slug: str, query: Mapping[str, str], browser_secret: str) -> Outcome:
    """The provider sent the browser back with `query`.

    Raises Problem (`bad_state`) where this is no dialogue of this browser; everything later
    is told in the Outcome.
    """
    raise NotImplementedError
