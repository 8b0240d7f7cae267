"""The connect dialogue: from a click to a stored grant, step by step.

A ticket (a link good for ten minutes, once) leads a browser to the provider and back. What
comes back is checked for state, browser, age and single use before the plugin sees it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from kable_hub.dialogue import Form, Grant, Redirect
from kable_hub.store import connect_attempts
from kable_hub.store.connect_attempts import AttemptRow
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.addresses import check_address
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.connect_dialogue import Dialogue, Step, begin, configured, refused_values
from kable_hub.usecases.errors import FieldError, Invalid, Problem
from kable_hub.usecases.forms import FormField, FormView, form_view
from kable_hub.usecases.grants import require_paid, save_grant
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.tickets import (
    digest,
    fresh_secret,
    opened_by,
    ticket_to_open,
    under_state,
)

__all__ = [
    "FormField",
    "FormView",
    "Opened",
    "Outcome",
    "Started",
    "answer_form",
    "begun",
    "finish",
    "open_ticket",
    "start_connecting",
]


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
    asked = configured(hub, scope, slug, method, by_person)
    checks = Checks()
    with hub.database.read():
        if return_to:
            check_address(checks, scope, "returnTo", return_to, local=True)
        checks.done()
        require_paid(scope)
    dialogue = Dialogue(hub, asked, fresh_secret())
    step = dialogue.first_step()
    if form is not None:
        step = _answered(dialogue, step, form)
    tell = also or (lambda _: None)
    if isinstance(step, Grant):
        rows = save_grant(hub, asked, step, lambda rows: tell(Started(connections=rows)))
        return Started(connections=rows)
    with hub.database.write():
        started = begun(dialogue, step, return_to)
        tell(started)
    return started


def open_ticket(hub: Hub, ticket: str, browser_secret: str = "") -> Opened:
    """Open the link of a started dialogue, once. Raises Problem (`bad_ticket`).

    `browser_secret` is what this browser holds from another dialogue, which goes on beside it.
    """
    attempt = ticket_to_open(hub, ticket)
    dialogue = Dialogue.resumed(hub, attempt, fresh_secret())
    step = None if dialogue.url else dialogue.first_step()
    secret = browser_secret or fresh_secret()
    with hub.database.write():
        if not connect_attempts.open_once(attempt, digest(secret), hub.now()):
            raise Problem("bad_ticket", "This link was opened before.")
    form = form_view(step) if isinstance(step, Form) else None
    return Opened(secret, dialogue.url, form)


def answer_form(hub: Hub, ticket: str, browser_secret: str, values: Mapping[str, str]) -> Outcome:
    """What a person typed into the form of an opened ticket. Raises Problem (`bad_ticket`)."""
    attempt = opened_by(hub, ticket, browser_secret)
    dialogue = Dialogue.resumed(hub, attempt, fresh_secret())
    form = dialogue.first_step()
    try:
        step = _answered(dialogue, form, values)
        return _go_on(dialogue, attempt, step)
    except Problem as problem:
        shown = form_view(form, _told(problem)) if isinstance(form, Form) else None
        return _failed(attempt, problem, shown)


def finish(hub: Hub, slug: str, query: Mapping[str, str], browser_secret: str) -> Outcome:
    """The provider sent the browser back with `query`.

    Raises Problem (`bad_state`) where this is no dialogue of this browser; everything later
    is told in the Outcome.
    """
    state = query.get("state", "")
    attempt = under_state(hub, slug, state, browser_secret)
    with hub.database.write():
        if not connect_attempts.use_once(attempt, hub.now()):
            raise Problem("bad_state", "This answer was used before.")
    try:
        dialogue = Dialogue.resumed(hub, attempt, state)
        step = dialogue.step(query=query)
        return _go_on(dialogue, replace(attempt, used_at=hub.now()), step)
    except Problem as problem:
        with hub.database.write():
            connect_attempts.note_outcome(attempt, problem.code, problem.detail)
        return _failed(attempt, problem)


def begun(dialogue: Dialogue, step: Step, return_to: str) -> Started:
    """Keep a dialogue whose first step asks for something, in the caller's transaction."""
    if isinstance(step, Grant):
        raise Problem("unexpected_grant", "The provider's plugin asks nobody for consent.")
    ticket = begin(dialogue, step, return_to)
    url = f"{dialogue.hub.settings.public_url}/connect/start/{ticket}"
    return Started(url, form_view(step) if isinstance(step, Form) else None)


def _answered(dialogue: Dialogue, first: Step, values: Mapping[str, str]) -> Step:
    if not isinstance(first, Form):
        raise Invalid(FieldError("form", "not_expected", "This way to connect has no form."))
    faults = refused_values(first, values)
    if faults:
        raise Invalid(*faults)
    step = dialogue.step(form=values)
    if isinstance(step, Form):
        raise Invalid(FieldError("form", "refused", step.error or "The values are not accepted."))
    return step


def _go_on(dialogue: Dialogue, attempt: AttemptRow, step: Step) -> Outcome:
    match step:
        case Grant():
            rows = save_grant(
                dialogue.hub, dialogue.asked, step, lambda _: _used(dialogue.hub, attempt)
            )
            return Outcome(True, attempt.provider, attempt.return_to, connections=rows)
        case Redirect():
            with dialogue.hub.database.write():
                carry = dialogue.sealed(attempt.id, step)
                connect_attempts.go_on(attempt, digest(dialogue.state), carry)
            return Outcome(False, attempt.provider, attempt.return_to, redirect_url=step.url)
        case Form():
            raise Problem("unexpected_form", "The provider's plugin asks at the wrong moment.")
    assert_never(step)


def _used(hub: Hub, attempt: AttemptRow) -> None:
    if attempt.used_at is None and not connect_attempts.use_once(attempt, hub.now()):
        raise Problem("bad_ticket", "This form was sent before.")
    connect_attempts.note_outcome(attempt, "connected", "")


def _failed(attempt: AttemptRow, problem: Problem, form: FormView | None = None) -> Outcome:
    return Outcome(
        ok=False,
        provider=attempt.provider,
        return_to=attempt.return_to,
        code=problem.code,
        message=problem.detail or problem.title,
        form=form,
    )


def _told(problem: Problem) -> str:
    return " ".join(one.message for one in problem.errors) or problem.detail or problem.title
