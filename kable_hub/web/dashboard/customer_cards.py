"""What a customer has of its own at a provider: a page for its card, and settings."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.usecases import collecting, connections, link_settings
from kable_hub.usecases.addresses import address_fault
from kable_hub.usecases.errors import Invalid, Problem
from kable_hub.usecases.forms import FormField
from kable_hub.usecases.link_settings import LinkSettings
from kable_hub.web.dashboard.context import account, hub, scope, user
from kable_hub.web.dashboard.customer_links import back, who
from kable_hub.web.dashboard.forms import faults_of, values_of

blueprint = Blueprint("customer_cards", __name__, url_prefix="/customers/<customer>/at/<slug>")
YES_NO = (("true", "Yes"), ("false", "No"))


@blueprint.route("/card", methods=["GET", "POST"])
def card(customer: str, slug: str) -> Response | str | tuple[str, int]:
    """Make a page at the provider on which the customer leaves a card."""
    row, provider = who(customer, slug)
    given = request.form if request.method == "POST" else _comes_back()
    faults, status = {}, 200
    if request.method == "POST":
        success, failure = given.get("success", "").strip(), given.get("failure", "").strip()
        try:
            collecting.collect_payment_method(hub(), scope(), row.id, success, failure, slug)
        except Invalid as problem:
            faults, status = faults_of(problem), problem.status
        else:
            flash(f"The page at {provider.title} is ready: copy its address and send it.")
            return redirect(f"{back(row).location}#at-{slug}", 303)
    page = render_template(
        "dashboard/customer_links/card.html",
        row=row,
        provider=provider,
        given=given,
        faults=faults,
        hint="" if given.get("success") else _why_no_address(),
    )
    return page, status


@blueprint.route("/settings", methods=["GET", "POST"])
def settings(customer: str, slug: str) -> Response | str | tuple[str, int]:
    """What the customer does otherwise than the connection."""
    row, provider = who(customer, slug)
    own = link_settings.get_link_settings(hub(), scope(), row.id, slug)
    values: dict[str, Any] = {name: _shown(one) for name, one in own.values.items()}
    faults, status = {}, 200
    if request.method == "POST":
        values = {name: one for name, one in values_of(_fields(own)).items() if one != {}}
        try:
            link_settings.put_link_settings(hub(), scope(), row.id, slug, values)
        except Invalid as problem:
            faults, status = faults_of(problem), problem.status
        else:
            flash(f"The settings at {provider.title} are kept.")
            return redirect(f"{back(row).location}#at-{slug}", 303)
    offered = {one.name: _choices(slug, one) for one in own.fields if one.from_provider}
    page = render_template(
        "dashboard/customer_links/settings.html",
        row=row,
        provider=provider,
        fields=_fields(own),
        values=values,
        faults=faults,
        choices=offered,
        blanks={one.name: _general(own, one, offered.get(one.name)) for one in own.fields},
    )
    return page, status


def _fields(own: LinkSettings) -> list[FormField]:
    """The fields with nothing chosen where the connection decides."""
    return [_field(one) for one in own.fields]


def _field(one: FormField) -> FormField:
    if one.type == "boolean":
        one = replace(one, type="choice", choices=YES_NO)
    return replace(one, required=False, default=None)


def _general(own: LinkSettings, one: FormField, offered: list[tuple[str, str]] | None) -> str:
    """What holds for everybody, as the choice of nothing says it."""
    value = own.general.get(one.name)
    labels = dict(offered or _field(one).choices)
    shown = "" if isinstance(value, dict) else labels.get(str(_shown(value)), value)
    return "As for everybody" + (f" ({shown})" if shown not in (None, "") else "")


def _shown(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _choices(slug: str, one: FormField) -> list[tuple[str, str]] | None:
    """What the provider offers; None where it does not answer: the value is typed then."""
    try:
        found = connections.setting_choices(hub(), scope(), slug, one.name)
    except Problem:
        return None
    return [(choice.value, choice.label) for choice in found.choices]


def _comes_back() -> dict[str, str]:
    """Where the customer lands afterwards: at the account's first host, else at this hub.

    Nothing where neither can be said beforehand; `_why_no_address` says what to do then.
    """
    base, ends = hub().settings.public_url, {"success": "kept", "failure": "left"}
    found = {name: base + url_for("thanks.page", outcome=end) for name, end in ends.items()}
    hosts = account().return_hosts
    if hosts:
        named = [one for one in hosts if not one.startswith("*.")]
        found = {name: f"https://{one}/" for name in ends for one in named[:1]}
    sound = [not address_fault(one, scope().environment, hosts) for one in found.values()]
    return found if all(sound) else {}


def _why_no_address() -> str:
    """What to do where no address to come back to is known."""
    hosts, base = account().return_hosts, hub().settings.public_url
    if hosts:
        return f"Name a page of yours at {' or '.join(hosts)}, where the customer comes back to."
    hub_itself = (
        "Set KABLE_PUBLIC_URL to an https address of this hub and start it anew"
        if user().is_operator
        else "Ask an operator of this hub to give it an https address"
    )
    return (
        f"In {scope().environment.value.capitalize()} customers are led to https addresses alone, "
        f"and this hub is at {base}. {hub_itself}, or name an https page of yours below."
    )
