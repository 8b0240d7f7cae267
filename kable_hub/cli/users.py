"""`kable-hub users`: the people who sign in to the dashboard."""

from typing import Any

import click

from kable_hub.cli.opening import store_alone
from kable_hub.cli.showing import PAGE, as_json, moment, pages, say_fields, say_json, say_table
from kable_hub.store.users import UserRow
from kable_hub.usecases import signing_in
from kable_hub.usecases import users as use
from kable_hub.usecases.hub import Hub


@click.group()
def users() -> None:
    """Manage the people who sign in to the dashboard. Starts without any plugin."""


@users.command()
@click.argument("email")
@click.option("--account", help="The account (its id) of a member; an operator has none.")
@as_json
def add(email: str, account: str | None, json_: bool) -> None:
    """Add somebody and print the one-time link by which they choose a password."""
    with store_alone() as hub:
        _say_link(hub, use.add_user(hub, email, account), json_)


@users.command(name="list")
@as_json
def list_(json_: bool) -> None:
    """List everybody, newest first."""
    with store_alone() as hub:
        rows = list(pages(lambda at: use.list_users(hub, every=True, cursor=at, limit=PAGE)))
    if json_:
        say_json([_user(row) for row in rows])
        return
    head = ("ID", "E-mail", "Role", "Account", "Signed in", "Disabled")
    shown = [
        (
            row.id,
            row.email,
            row.role,
            row.account_id or "",
            moment(row.signed_in_at),
            moment(row.disabled_at),
        )
        for row in rows
    ]
    say_table(head, shown, "Nobody can sign in yet.")


@users.command()
@click.argument("user")
@click.option("--undo", is_flag=True, help="Let them in again.")
def disable(user: str, undo: bool) -> None:
    """Keep USER (id or e-mail) out; their sessions and links end at once."""
    with store_alone() as hub:
        found = use.find_user(hub, user)
        changed = use.enable_user(hub, found) if undo else use.disable_user(hub, found)
    click.echo(f"{changed.email} is {'disabled' if changed.disabled_at else 'enabled'}.")


@users.command()
@click.argument("user")
@as_json
def link(user: str, json_: bool) -> None:
    """Print a one-time link by which USER (id or e-mail) chooses a new password."""
    with store_alone() as hub:
        _say_link(hub, use.find_user(hub, user), json_)


def _user(row: UserRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "role": row.role,
        "accountId": row.account_id,
        "createdAt": moment(row.created_at),
        "signedInAt": moment(row.signed_in_at) or None,
        "disabledAt": moment(row.disabled_at) or None,
    }


def _say_link(hub: Hub, row: UserRow, json_: bool) -> None:
    url = f"{hub.settings.public_url}{signing_in.link_for(hub, row)}"
    if json_:
        say_json({**_user(row), "link": url})
        return
    say_fields({"id": row.id, "email": row.email, "role": row.role, "link": url})
    click.echo("The link works once, within a day.", err=True)
