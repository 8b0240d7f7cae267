"""`kable-hub check-provider`: can it be connected, and does it work against the provider itself."""

import sys
from pathlib import Path
from typing import Any

import click

from kable_hub.cli import contract_checking
from kable_hub.cli.opening import load_settings, plugins_dir_option, with_plugins
from kable_hub.cli.showing import as_json, moment, say_json
from kable_hub.domain import Environment
from kable_hub.plugins import UnknownProvider
from kable_hub.settings import Settings
from kable_hub.usecases.forms import FormField
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.provider_checks import ProviderCheck, WayIn
from kable_hub.usecases.provider_checks import check_provider as use


@click.command("check-provider")
@click.argument("name")
@click.option("--env", type=click.Choice([one.value for one in Environment]), help="[both]")
@click.option("--method", default="", help="Only this way to connect.")
@click.option("--settings", "only_settings", is_flag=True, help="Leave the contract out.")
@click.option("--sandbox", is_flag=True, help="Try it at the provider, with test keys.")
@click.option(
    "--set", "values", multiple=True, metavar="NAME=VALUE", help="A setting of the connection."
)
@click.option("--customer", default="", metavar="ID", help="Use this customer; make none.")
@plugins_dir_option
@as_json
def check_provider(
    name: str,
    env: str | None,
    method: str,
    only_settings: bool,
    sandbox: bool,
    values: tuple[str, ...],
    customer: str,
    plugins_dir: Path | None,
    json_: bool,
) -> None:
    """Say what is missing before NAME can be connected, and how well its plugin keeps the
    contract; status 1 where it cannot be connected, or breaks a rule of the first level.

    Names the variables that are not set or malformed, the addresses to register at the
    provider, the permissions and events it needs, and how existing connections stand. Asks
    the provider nothing. Then, unless --settings is given, it tries every rule of the contract
    that applies against the plugin's own simulator, names the broken ones with the page that
    explains them, and the level: bronze, silver or gold.

    With --sandbox it plays the main flow against the provider itself, in its test environment
    and in a store that is thrown away: connect by the provider's form, customer, invoice, card
    page, void, disconnect. The form's values come from KABLE_<NAME>_TEST_FORM_<FIELD> or are
    asked for. Keys of live are refused. --set and --customer belong to it.
    """
    if sandbox:
        if env == Environment.LIVE.value:
            raise click.UsageError("--sandbox plays in test, never in live.")
        settings = load_settings(plugins_dir=plugins_dir)
        _play(settings, name, method, _settings(values), customer, json_)
        return
    if values or customer:
        raise click.UsageError("--set and --customer belong to --sandbox.")
    with with_plugins(plugins_dir) as hub:
        _known(hub, name)
        found = use(hub, name, Environment(env) if env else None, method)
        if not found.ways:
            raise click.UsageError(f"{name} has no such way to connect.")
        if not json_:
            _tell(found)
        rules = None if only_settings else contract_checking.verdicts(hub, name, not json_)
    if json_:
        say_json({**_as_json(found), "contract": contract_checking.as_json(rules)})
    elif not only_settings:
        contract_checking.tell(rules)
    if not found.connectable or not contract_checking.is_sound(rules):
        raise click.exceptions.Exit(1)


def _known(hub: Hub, name: str) -> None:
    try:
        hub.registry.provider(name)
    except UnknownProvider as error:
        raise click.ClickException(str(error)) from None


def _settings(values: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in values]
    if wrong := [name for name, sign, _ in pairs if not sign or not name]:
        raise click.UsageError(f"--set {wrong[0]}: it takes NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _as_json(found: ProviderCheck) -> dict[str, Any]:
    return {
        "provider": found.provider.slug,
        "title": found.provider.title,
        "connectable": found.connectable,
        "ways": [_way(one) for one in found.ways],
        "redirectUri": found.redirect_uri,
        "reconnectUrl": found.reconnect_url,
        "webhooks": {one.value: url for one, url in found.webhooks.items()},
        "events": list(found.provider.events),
        "connections": [
            {
                "id": one.id,
                "accountId": one.scope.account_id,
                "environment": one.scope.environment.value,
                "state": one.state,
                "pauses": dict(one.pauses),
                "warnings": list(one.warnings),
                "reconnectBy": moment(one.reconnect_by) or None,
            }
            for one in found.connections
        ],
        "remarks": list(found.remarks),
    }


def _way(one: WayIn) -> dict[str, Any]:
    return {
        "environment": one.environment.value,
        "method": one.method.name,
        "ready": one.ready,
        "missing": list(one.missing),
        "faults": list(one.faults),
        "optional": list(one.optional),
        "needs": list(one.method.needs),
    }


def _tell(found: ProviderCheck) -> None:
    click.echo(f"{found.provider.title} ({found.provider.slug})")
    for way in found.ways:
        lacks = [*(f"set {name}" for name in way.missing), *way.faults]
        said = "; ".join(lacks) or "ready"
        click.echo(f"  {way.environment}, {way.method.name} ({way.method.label}): {said}")
        if way.optional:
            click.echo(f"    may be set too: {', '.join(way.optional)}")
    for method in {way.method.name: way.method for way in found.ways}.values():
        if method.needs:
            click.echo(f"  {method.name} needs: {', '.join(method.needs)}")
    click.echo(f"  redirect address: {found.redirect_uri}")
    click.echo(f"  reconnect address: {found.reconnect_url}")
    for environment, url in found.webhooks.items():
        click.echo(f"  webhooks of {environment}: {url}")
    if found.provider.events:
        click.echo(f"  events: {', '.join(found.provider.events)}")
    for one in found.connections:
        why = "; ".join([*one.pauses.values(), *one.warnings])
        click.echo(
            f"  connection {one.id} of {one.scope.account_id} in {one.scope.environment}: "
            f"{one.state}{f' ({why})' if why else ''}"
        )
    for remark in found.remarks:
        click.echo(f"  note: {remark}")
    click.echo("It can be connected." if found.connectable else "It cannot be connected as it is.")


def _play(
    settings: Settings, name: str, method: str, values: dict[str, str], customer: str, json_: bool
) -> None:
    from kable_hub.demo.sandbox import Sandbox, Step

    def tell(step: Step) -> None:
        if not json_:
            click.echo(f"{step.outcome:<8} {step.name}{f': {step.said}' if step.said else ''}")

    with Sandbox.open(settings, name, method) as sandbox:
        _known(sandbox.hub, name)
        steps = sandbox.play(values, customer, _ask, tell)
    if json_:
        say_json([vars(step) for step in steps])
    if any(step.outcome == "failed" for step in steps):
        raise click.exceptions.Exit(1)


def _ask(field: FormField, variable: str) -> str:
    """A value of the form; empty where nobody can be asked."""
    if not field.required or not sys.stdin.isatty():
        return ""
    hidden = field.type == "secret"
    return str(click.prompt(f"{field.label} (or set {variable})", hide_input=hidden, err=True))
