"""`kable-hub move-store`."""

from typing import Any

import click

from kable_hub.cli.opening import load_settings
from kable_hub.cli.showing import as_json, say_json, say_table
from kable_hub.settings import Settings
from kable_hub.usecases import moving
from kable_hub.usecases.moving import Compared, Moved

_TABLES = ("Table", "Rows", "Sum of numbers", "Characters", "Agrees")
_MONEY = ("Account, environment, currency", "Invoices", "Subtotals", "Taxes", "Totals", "Agrees")
_STATES = ("Deliveries", "How many", "Agrees")


@click.command()
@click.option(
    "--to",
    metavar="URL",
    default="",
    help="The empty database to move to. A password may stand in PGPASSWORD or ~/.pgpass.",
)
@click.option("--release", is_flag=True, help="Take the configured store back into use.")
@as_json
def move_store(to: str, release: bool, json_: bool) -> None:
    """Move the whole store of DATABASE_URL to another database, such as PostgreSQL.

    Stop the hub first. From the beginning on nobody can write to the old store; killed at any
    moment, the same command goes on. In the end both sides are compared: exit status 0 only where
    everything agrees, and then the old store is left for good. The encryption key does not move.
    """
    if release == bool(to):
        raise click.UsageError("Say either --to URL or --release.")
    settings = load_settings()
    if release:
        _release(settings, json_)
        return
    found = moving.move(settings, to, say=lambda step: None if json_ else click.echo(step))
    if json_:
        say_json(_json(found))
    else:
        _show(found, settings)
    if not found.done:
        raise click.exceptions.Exit(1)


def _release(settings: Settings, json_: bool) -> None:
    released = moving.release(settings)
    if json_:
        say_json({"released": True, "uncertain": released.uncertain})
        return
    click.echo("The store is in use again.")
    if released.whole:
        click.echo(
            f"It had moved to {released.place}, where everything since then stays. See that"
            " nothing runs there any more.\n"
            f"{released.uncertain} unfinished deliveries are looked for before they are sent."
        )


def _show(found: Moved, settings: Settings) -> None:
    for fault in found.faults:
        click.echo(str(fault))
    if found.faults:
        click.echo("The target cannot hold this. Nothing was moved; the old store is in use again.")
        return
    if not found.tables:
        click.echo(f"The store was moved to {found.place} before.")
        return
    say_table(_TABLES, (_row(one, 3) for one in found.tables), "")
    say_table(_MONEY, (_row(one, 4) for one in found.money), "No invoices.")
    say_table(_STATES, (_row(one, 1) for one in found.states), "No deliveries.")
    click.echo(_after(found, settings))


def _after(found: Moved, settings: Settings) -> str:
    if not found.done:
        return "The two sides differ. Nothing was moved; the old store is in use again."
    key = settings.data_dir / "encryption.key"
    kept = "Its keys are those of KABLE_ENCRYPTION_KEYS."
    if not settings.encryption_keys:
        kept = (
            f"The encryption key stays in {key}: the hub needs it there, or the settings have it."
        )
    return f"Everything is at {found.place}. Set DATABASE_URL as --to and start the hub.\n{kept}"


def _row(one: Compared, most: int) -> list[str]:
    blank = (0,) * most
    pairs = zip((one.source or blank)[:most], (one.target or blank)[:most], strict=True)
    shown = [f"{here:,}" if here == there else f"{here:,} / {there:,}" for here, there in pairs]
    return [one.what, *shown, "yes" if one.agrees else "NO"]


def _json(found: Moved) -> dict[str, Any]:
    parts = {"tables": found.tables, "money": found.money, "deliveries": found.states}
    compared = {
        name: [
            {"what": one.what, "source": one.source, "target": one.target, "agrees": one.agrees}
            for one in some
        ]
        for name, some in parts.items()
    }
    return {
        "place": found.place,
        "moved": found.done,
        **compared,
        "faults": [vars(one) for one in found.faults],
    }
