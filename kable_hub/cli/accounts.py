"""`kable-hub accounts` and `kable-hub keys`: tenants, their plan, keys of every kind."""

from typing import Any

import click

from kable_hub.cli.defaults import defaults
from kable_hub.cli.opening import store_alone
from kable_hub.cli.showing import (
    PAGE,
    as_json,
    environment,
    moment,
    pages,
    say_fields,
    say_json,
    say_table,
)
from kable_hub.domain import Environment
from kable_hub.store.accounts import AccountRow
from kable_hub.store.api_keys import ApiKeyRow
from kable_hub.usecases import accounts as use
from kable_hub.usecases.accounts import PLANS, NewKey

plan_choice = click.Choice(PLANS)
label_option = click.option("--label", default="", help="A word for people.")


@click.group()
def accounts() -> None:
    """Manage accounts, their plan and their API keys. Starts without any plugin."""


@accounts.command()
@click.argument("name")
@click.option("--plan", type=plan_choice, default="free", show_default=True)
@as_json
def create(name: str, plan: str, json_: bool) -> None:
    """Make an account called NAME. Only accounts on the paid plan may connect providers."""
    with store_alone() as hub:
        _say_account(use.create_account(hub, name, plan), json_)


@accounts.command(name="list")
@as_json
def list_(json_: bool) -> None:
    """List all accounts, newest first."""
    with store_alone() as hub:
        rows = list(pages(lambda cursor: use.list_accounts(hub, cursor, PAGE)))
    if json_:
        say_json([_account(row) for row in rows])
    else:
        shown = [(row.id, row.name, row.plan, moment(row.created_at)) for row in rows]
        say_table(("ID", "Name", "Plan", "Created"), shown, "There are no accounts.")


@accounts.command(name="set-plan")
@click.argument("account")
@click.argument("plan", type=plan_choice)
@as_json
def set_plan(account: str, plan: str, json_: bool) -> None:
    """Put ACCOUNT (its id) on PLAN. `free` pauses its connections, `paid` lets them go on."""
    with store_alone() as hub:
        _say_account(use.set_plan(hub, account, plan), json_)


@accounts.command()
@click.argument("account")
@click.argument("name")
@as_json
def rename(account: str, name: str, json_: bool) -> None:
    """Call ACCOUNT (its id) NAME from now on."""
    with store_alone() as hub:
        _say_account(use.change_account(hub, account, name=name), json_)


@accounts.command(name="set-return-hosts")
@click.argument("account")
@click.argument("hosts", nargs=-1)
@as_json
def set_return_hosts(account: str, hosts: tuple[str, ...], json_: bool) -> None:
    """Lead browsers of ACCOUNT (its id) back to these HOSTS alone; to any where none is named.

    A host is written shop.example, shop.example:8443 or, for its subdomains, *.shop.example.
    """
    with store_alone() as hub:
        _say_account(use.change_account(hub, account, return_hosts=hosts), json_)


accounts.add_command(defaults)


@accounts.group()
def keys() -> None:
    """Manage the API keys of an account."""


@keys.command(name="create")
@click.argument("account")
@environment
@label_option
@as_json
def create_key(account: str, environment: str, label: str, json_: bool) -> None:
    """Make an API key of ACCOUNT for one environment. It is shown this once."""
    with store_alone() as hub:
        _say_new_key(use.create_api_key(hub, account, Environment(environment), label), json_)


@keys.command(name="list")
@click.argument("account")
@as_json
def list_keys(account: str, json_: bool) -> None:
    """List the API keys of ACCOUNT, newest first."""
    _say_keys(account, json_)


@keys.command(name="revoke")
@click.argument("account")
@click.argument("key")
def revoke_key(account: str, key: str) -> None:
    """Revoke KEY (its id) of ACCOUNT for good."""
    with store_alone() as hub:
        click.echo(f"{use.revoke_api_key(hub, account, key).id} is revoked.")


@click.group()
def operator_keys() -> None:
    """Manage operators' keys, which manage accounts over the API."""


@operator_keys.command(name="create-operator")
@label_option
@as_json
def create_operator(label: str, json_: bool) -> None:
    """Make an operator's key. It is shown this once."""
    with store_alone() as hub:
        _say_new_key(use.create_operator_key(hub, label), json_)


@operator_keys.command(name="list")
@as_json
def list_operator_keys(json_: bool) -> None:
    """List the operators' keys, newest first."""
    _say_keys(None, json_)


@operator_keys.command(name="revoke")
@click.argument("key")
def revoke_operator_key(key: str) -> None:
    """Revoke KEY (its id) for good."""
    with store_alone() as hub:
        click.echo(f"{use.revoke_api_key(hub, None, key).id} is revoked.")


def _account(row: AccountRow) -> dict[str, Any]:
    created, hosts = moment(row.created_at), list(row.return_hosts)
    known = {"id": row.id, "name": row.name, "plan": row.plan}
    return {**known, "returnHosts": hosts, "createdAt": created}


def _say_account(row: AccountRow, json_: bool) -> None:
    if json_:
        say_json(_account(row))
    else:
        say_fields({**_account(row), "returnHosts": ", ".join(row.return_hosts) or "any"})


def _key(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "accountId": row.scope.account_id if row.scope else None,
        "environment": row.scope.environment.value if row.scope else None,
        "label": row.label,
        "prefix": row.prefix,
        "createdAt": moment(row.created_at),
        "usedAt": moment(row.used_at) or None,
        "revokedAt": moment(row.revoked_at) or None,
    }


def _say_new_key(made: NewKey, json_: bool) -> None:
    if json_:
        say_json({**_key(made.key), "secret": made.secret})
        return
    kind = made.key.scope.environment.value if made.key.scope else "operator"
    say_fields({"id": made.key.id, "kind": kind, "key": made.secret})
    click.echo("Keep the key: it is not shown again.", err=True)


def _say_keys(account: str | None, json_: bool) -> None:
    with store_alone() as hub:
        rows = [
            _key(row) for row in pages(lambda cursor: use.list_api_keys(hub, account, cursor, PAGE))
        ]
    if json_:
        say_json(rows)
        return
    names = ("id", "environment", "label", "prefix", "createdAt", "usedAt", "revokedAt")
    shown = [[row[name] or "" for name in names] for row in rows]
    head = ("ID", "Environment", "Label", "Prefix", "Created", "Used", "Revoked")
    say_table(head, shown, "There are no keys.")
