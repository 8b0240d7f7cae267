"""`kable-hub links`."""

from pathlib import Path
from typing import Any

import click

from kable_hub.cli.opening import account_named, with_plugins
from kable_hub.cli.showing import as_json, environment, say_json, say_table
from kable_hub.domain import Environment
from kable_hub.store.scope import Scope
from kable_hub.usecases.bulk_linking import REFUSED, LinkOutcome, link_all
from kable_hub.usecases.link_files import read_links


@click.group()
def links() -> None:
    """Link customers to their counterparts at the providers."""


@links.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", default="", help="The account's id. [the only one there is]")
@environment
@click.option("--dry-run", is_flag=True, help="Look every row up and link nothing.")
@click.option("--share", is_flag=True, help="Link a row although another customer has it there.")
@as_json
def import_links(
    file: Path, account: str, environment: str, dry_run: bool, share: bool, json_: bool
) -> None:
    """Link customers from FILE: CSV with the columns clientId, provider and reference.

    Each row is looked up at its provider and stands for itself. It can be repeated: what is
    linked so already is left alone.

    Exit status 1 where a row was refused.
    """
    with with_plugins() as hub:
        scope = Scope(account_named(hub, account), Environment(environment))
        wishes = read_links(file.read_bytes())
        outcomes = link_all(hub, scope, wishes, share=share, dry_run=dry_run)
    if json_:
        say_json([_plain(one) for one in outcomes])
    else:
        head = ("Line", "Customer", "Provider", "Outcome", "Reference", "Who stands there")
        say_table(head, [_row(one) for one in outcomes], "")
    if any(one.state == REFUSED for one in outcomes):
        raise click.exceptions.Exit(1)


def _plain(one: LinkOutcome) -> dict[str, Any]:
    return {
        "line": one.wish.line,
        "clientId": one.wish.client_id,
        "provider": one.wish.provider,
        "state": one.state,
        "reference": one.reference or one.wish.reference,
        "title": one.title,
        "warnings": list(one.warnings),
        "linkedTo": list(one.linked_to),
        "replaces": one.replaces,
        "code": one.code,
        "message": one.message,
    }


def _row(one: LinkOutcome) -> tuple[str, ...]:
    wish = one.wish
    outcome = f"{one.state}: {one.message}" if one.message else one.state
    known = [one.title, *(f"with {other}" for other in one.linked_to), *one.warnings]
    reference = one.reference or wish.reference
    who = "; ".join(filter(None, known))
    return str(wish.line), wish.client_id, wish.provider, outcome, reference, who
