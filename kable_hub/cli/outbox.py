"""`kable-hub outbox`: deliveries, as they stand and once more."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import click

from kable_hub.cli.opening import store_alone
from kable_hub.cli.showing import PAGE, as_json, moment, pages, say_json, say_table
from kable_hub.domain import Environment
from kable_hub.store.deliveries import STATES, DeliveryFilter, DeliveryRow
from kable_hub.store.scope import Scope
from kable_hub.usecases import deliveries, restoring
from kable_hub.usecases.accounts import get_account, list_accounts
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.hub import Hub

KINDS = ("push", "void", "collect", "create_customer")


@click.group()
def outbox() -> None:
    """Look at deliveries and try them again. Starts without any plugin."""


def _which(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which deliveries."""
    for option in (
        click.option("--code", default="", help="Only with this error code."),
        click.option("--provider", default="", metavar="SLUG", help="Only to this provider."),
        click.option("--kind", type=click.Choice(KINDS), help="Only of this kind."),
        click.option("--state", type=click.Choice(STATES), help="Only in this state."),
        click.option("--env", type=click.Choice([one.value for one in Environment])),
        click.option("--account", default="", help="Only of this account (its id)."),
    ):
        command = option(command)
    return command


@outbox.command(name="list")
@_which
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@as_json
def list_(limit: int, json_: bool, account: str, env: str | None, **which: str | None) -> None:
    """List deliveries of all accounts, newest first within each."""
    with store_alone() as hub:
        found = (
            (scope, row)
            for scope in _scopes(hub, account, env)
            for row in _listed(hub, scope, _filter(which))
        )
        rows = [_delivery(scope, row) for scope, row in islice(found, limit)]
    if json_:
        say_json(rows)
        return
    names = ("id", "environment", "provider", "kind", "state", "errorCode", "errorMessage")
    shown = [[str(row[name]) for name in names] for row in rows]
    say_table(
        ("ID", "Environment", "Provider", "Kind", "State", "Code", "Reason"), shown, "Nothing."
    )


@outbox.command()
@click.argument("ids", nargs=-1)
@_which
@as_json
def retry(
    ids: tuple[str, ...], json_: bool, account: str, env: str | None, **which: str | None
) -> None:
    """Try deliveries again: those with these IDS, or all blocked or rejected ones that fit."""
    wanted = _filter(which)
    if ids and wanted != DeliveryFilter():
        raise click.UsageError("Name deliveries by id or by what they have in common, not both.")
    with store_alone() as hub:
        scopes = list(_scopes(hub, account, env))
        if ids:
            retried = sum(_retry_one(hub, scopes, one) for one in dict.fromkeys(ids))
        else:
            retried = sum(deliveries.retry_many(hub, scope, wanted) for scope in scopes)
    if json_:
        say_json({"retried": retried})
    else:
        click.echo(f"{retried} {'delivery is' if retried == 1 else 'deliveries are'} tried again.")


@outbox.command()
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@as_json
def restored(dry_run: bool, json_: bool) -> None:
    """Mark what may have been sent since, after an older state of the store was put back.

    Run it once, before the hub is started. Every unfinished delivery becomes uncertain: it is
    looked for at its provider before anything of it is sent.
    """
    with store_alone() as hub:
        counts = restoring.count(hub)
        marked = 0 if dry_run else restoring.mark(hub)
    if json_:
        names = ("provider", "environment", "state", "count")
        say_json(
            {"marked": marked, "found": [dict(zip(names, row, strict=True)) for row in counts]}
        )
        return
    rows = ((*row[:3], f"{row[3]:,}") for row in counts)
    say_table(("Provider", "Environment", "State", "Deliveries"), rows, "Nothing is unfinished.")
    if not dry_run:
        click.echo(f"{marked} are looked for before anything of them is sent.")


def _retry_one(hub: Hub, scopes: list[Scope], delivery_id: str) -> int:
    for scope in scopes:
        try:
            deliveries.retry(hub, scope, delivery_id)
            return 1
        except NotFound:
            continue
    raise NotFound("delivery", delivery_id)


def _scopes(hub: Hub, account: str, env: str | None) -> Iterator[Scope]:
    """Every account and environment that is meant. Raises NotFound."""
    environments = [Environment(env)] if env else list(Environment)
    rows = (
        [get_account(hub, account)]
        if account
        else pages(lambda cursor: list_accounts(hub, cursor, PAGE))
    )
    for row in rows:
        yield from (Scope(row.id, environment) for environment in environments)


def _listed(hub: Hub, scope: Scope, wanted: DeliveryFilter) -> Iterator[DeliveryRow]:
    return pages(lambda cursor: deliveries.list_deliveries(hub, scope, wanted, cursor, PAGE))


def _filter(which: dict[str, str | None]) -> DeliveryFilter:
    return DeliveryFilter(**{name: value or "" for name, value in which.items()})


def _delivery(scope: Scope, row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "accountId": scope.account_id,
        "environment": scope.environment.value,
        "provider": row.provider,
        "kind": row.kind,
        "state": row.state,
        "subjectId": row.subject_id,
        "attempts": row.attempts,
        "mayExist": row.may_exist,
        "errorCode": row.error_code,
        "errorMessage": row.error_message,
        "externalId": row.external_id,
        "dueAt": moment(row.due_at),
    }
