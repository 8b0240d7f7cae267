"""Payments and Accounting: the providers of a kind, and the account's connections to them."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.domain import Kind
from kable_hub.usecases import cards, connecting, connections
from kable_hub.usecases.cards import Card
from kable_hub.usecases.connections import SettingsView
from kable_hub.usecases.errors import NotFound, Problem
from kable_hub.usecases.lookup import provider_if_there
from kable_hub.web.context import redacted
from kable_hub.web.dashboard.abilities import abilities
from kable_hub.web.dashboard.context import hub, scope

blueprint = Blueprint("connections", __name__)
TITLES = {"payments": "Payments", "accounting": "Accounting"}
KIND = "/<any(payments, accounting):kind>/"
ONE = f"{KIND}<slug>/"
blueprint.add_app_template_filter(abilities)


@blueprint.app_template_filter()
def sentence(text: str) -> str:
    """`text` with a capital in front and a full stop behind, as far as it has none."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text[-1:] in ('.', '!', '?', '…', '') else '.'}"


Page = str | Response


@blueprint.get(KIND)
def index(kind: str) -> Page:
    """A card for each provider of this kind."""
    return _landed() or render_template(
        "dashboard/connections/index.html",
        kind=kind,
        title=TITLES[kind],
        cards=cards.cards(hub(), scope(), Kind(kind)),
        unusable=cards.unusable_plugins(hub()),
    )


@blueprint.get(ONE)
def show(kind: str, slug: str) -> Page:
    """One provider: how its connection stands, its settings, what it can do.

    With `lists` in the query what may be chosen is read at once, for browsers without script.
    """
    return _landed() or page(
        kind, card_of(kind, slug, counted=True), with_lists="lists" in request.args
    )


@blueprint.post(f"{ONE}connect")
def connect(kind: str, slug: str) -> Response:
    """Begin the dialogue; it leads back to the page the button was on."""
    card_of(kind, slug)
    back = url_for(".show", kind=kind, slug=slug)
    if request.form.get("from") != "page":
        back = url_for(".index", kind=kind)
    method = request.form.get("method", "")
    try:
        started = connecting.start_connecting(
            hub(), scope(), slug, method=method, return_to=back, by_person=True
        )
    except Problem as problem:
        _tell(problem)
        return redirect(back, 303)
    return redirect(started.connect_url or back, 303)


@blueprint.post(f"{ONE}check")
def check(kind: str, slug: str) -> Response:
    """Try the connection now."""
    said = f"{card_of(kind, slug).title} answers: the connection works."
    return _done(kind, slug, lambda: connections.check(hub(), scope(), slug), said)


@blueprint.post(f"{ONE}pause")
def pause(kind: str, slug: str) -> Response:
    """Send nothing more until a person says so."""
    said = f"Paused: nothing is sent to {card_of(kind, slug).title} until you resume."
    reason = request.form.get("reason", "").strip()
    return _done(kind, slug, lambda: connections.pause(hub(), scope(), slug, reason), said)


@blueprint.post(f"{ONE}resume")
def resume(kind: str, slug: str) -> Response:
    """Take a person's pause back."""
    said = f"Resumed: {card_of(kind, slug).title} is sent what waits for it."
    return _done(kind, slug, lambda: connections.resume(hub(), scope(), slug), said)


@blueprint.get(f"{ONE}disconnect")
def ask_disconnect(kind: str, slug: str) -> Page:
    """Say what disconnecting does, and ask."""
    card = card_of(kind, slug, counted=True)
    if not card.connected:
        return redirect(url_for(".show", kind=kind, slug=slug), 303)
    return render_template("dashboard/connections/disconnect.html", kind=kind, card=card)


@blueprint.post(f"{ONE}disconnect")
def disconnect(kind: str, slug: str) -> Response:
    """End the connection; what still stands at the provider is said."""
    title = card_of(kind, slug).title

    def end() -> None:
        row = connections.disconnect(hub(), scope(), slug, by_person=True)
        for warning in row.warnings:
            flash(warning, "warning")

    return _done(kind, slug, end, f"{title} is disconnected. Its access was deleted here.")


def card_of(kind: str, slug: str, *, counted: bool = False) -> Card:
    """The provider's card. Raises NotFound."""
    return cards.card(hub(), scope(), Kind(kind), slug, counted=counted)


def settings_of(card: Card) -> SettingsView | None:
    """The settings of a connection that stands, None where there is nothing to set."""
    if not card.connected or card.provider is None:
        return None
    return connections.get_settings(hub(), scope(), card.slug)


def page(
    kind: str,
    card: Card,
    *,
    sent: Mapping[str, Any] | None = None,
    faults: Mapping[str, str] | None = None,
    with_lists: bool = False,
) -> str:
    """A provider's page; `sent` and `faults` are settings that were refused."""
    view = settings_of(card)
    listed = [one for one in view.fields if one.from_provider] if view and with_lists else []
    return render_template(
        "dashboard/connections/show.html",
        kind=kind,
        card=card,
        settings=view,
        sent=sent,
        faults=faults or {},
        push=request.form,
        lists={one.name: offered(card.slug, one.name) for one in listed},
    )


def offered(slug: str, field: str) -> tuple[list[tuple[str, str]], str]:
    """What may be chosen for a setting, as (value, label), or why there is nothing."""
    try:
        found = connections.setting_choices(hub(), scope(), slug, field)
    except Problem as problem:
        return [], redacted(problem.detail or problem.title)
    return [(one.value, one.label) for one in found.choices], ""


def _done(kind: str, slug: str, act: Callable[[], object], said: str) -> Response:
    """Do it, say how it went, and lead to the provider's page."""
    try:
        act()
        flash(said)
    except NotFound:
        raise
    except Problem as problem:
        _tell(problem)
    return redirect(url_for(".show", kind=kind, slug=slug), 303)


def _tell(problem: Problem) -> None:
    faults = " ".join(one.message for one in problem.errors)
    flash(redacted(problem.detail or faults or problem.title), "error")


def _landed() -> Response | None:
    """A connect dialogue led back here: say how it ended, once, under an address without it."""
    if "connected" not in request.args:
        return None
    slug = request.args.get("provider", "")
    last = cards.last_dialogue(hub(), scope(), slug)
    provider = provider_if_there(hub(), slug)
    if last is not None and provider is not None:
        if last.outcome == "connected":
            flash(f"{provider.title} is connected.")
        else:
            flash(
                sentence(redacted(f"{provider.title} was not connected: {last.message}")), "error"
            )
    return redirect(request.path, 303)
