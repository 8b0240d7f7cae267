"""`kable-hub webhooks`: the addresses of an account's own software that are told what happens."""

from typing import Any

import click

from kable_hub.cli.opening import store_alone
from kable_hub.cli.showing import as_json, environment, moment, say_fields, say_json, say_table
from kable_hub.domain import Environment
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts as tenants
from kable_hub.usecases import endpoints as use
from kable_hub.usecases.endpoints import EVENT_TYPES, EndpointRow
from kable_hub.usecases.hub import Hub


@click.group()
def webhooks() -> None:
    """Manage the webhooks that the hub sends. Starts without any plugin."""


@webhooks.command(name="list")
@click.argument("account")
@environment
@as_json
def list_(account: str, environment: str, json_: bool) -> None:
    """List the endpoints of ACCOUNT (its id) in one environment, oldest first."""
    with store_alone() as hub:
        rows = use.list_endpoints(hub, _scope(hub, account, environment))
    if json_:
        say_json([_endpoint(row) for row in rows])
        return
    shown = [(row.id, row.url, ", ".join(row.event_types) or "all", _state(row)) for row in rows]
    say_table(("ID", "Address", "Events", "State"), shown, "There are no endpoints.")


@webhooks.command()
@click.argument("account")
@click.argument("url")
@environment
@click.option("--description", default="", help="A word for people.")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(list(EVENT_TYPES)),
    help="What to tell; may be given several times. [all]",
)
@as_json
def add(
    account: str,
    url: str,
    environment: str,
    description: str,
    events: tuple[str, ...],
    json_: bool,
) -> None:
    """Have URL told what happens to ACCOUNT (its id). The secret is shown this once."""
    with store_alone() as hub:
        made = use.add_endpoint(hub, _scope(hub, account, environment), url, description, events)
    if json_:
        say_json({**_endpoint(made.endpoint), "secret": made.secret})
        return
    say_fields({"id": made.endpoint.id, "url": made.endpoint.url, "secret": made.secret})
    click.echo("Keep the secret: it is not shown again.", err=True)


@webhooks.command()
@click.argument("account")
@click.argument("endpoint")
@environment
def remove(account: str, endpoint: str, environment: str) -> None:
    """Tell ENDPOINT (its id) of ACCOUNT nothing more, and forget what it was sent."""
    with store_alone() as hub:
        use.remove_endpoint(hub, _scope(hub, account, environment), endpoint)
    click.echo(f"{endpoint} is removed.")


@webhooks.command()
@click.argument("account")
@click.argument("endpoint")
@environment
def test(account: str, endpoint: str, environment: str) -> None:
    """Send ENDPOINT (its id) of ACCOUNT an event of type webhook.test.

    The running hub sends it; `kable-hub webhooks list` says when an endpoint fails.
    """
    with store_alone() as hub:
        sent = use.send_test(hub, _scope(hub, account, environment), endpoint)
    click.echo(f"{sent.event_id} is on its way: the running hub sends it.")


def _scope(hub: Hub, account: str, environment: str) -> Scope:
    return Scope(tenants.get_account(hub, account).id, Environment(environment))


def _state(row: EndpointRow) -> str:
    if not row.enabled:
        return f"disabled: {row.disabled_reason or 'by a person'}"
    return f"failing since {moment(row.failing_since)}" if row.failing_since else "enabled"


def _endpoint(row: EndpointRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "eventTypes": list(row.event_types),
        "enabled": row.enabled,
        "disabledReason": row.disabled_reason,
        "failingSince": moment(row.failing_since) or None,
        "createdAt": moment(row.created_at),
    }
