"""`kable-hub import`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from kable_hub.cli.opening import account_named, with_plugins
from kable_hub.cli.showing import as_json, say_fields, say_json, say_table
from kable_hub.domain import Environment
from kable_hub.importing import (
    FIELDS,
    BadMapping,
    Columns,
    ColumnsMissing,
    CsvFile,
    FileRefused,
    JsonFile,
    Report,
    Source,
    check_destinations,
    load,
)
from kable_hub.store.scope import Scope
from kable_hub.usecases.hub import Hub

FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
EPILOG = "\b\nColumns of a CSV file, named as here unless --column says otherwise:\n" + "\n".join(
    f"  {name:<13} {about}" for name, about in FIELDS.items()
)


@click.command(name="import", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", default="", help="The account's id. [the only one there is]")
@click.option(
    "--env",
    "environment",
    type=click.Choice([one.value for one in Environment]),
    default=Environment.TEST.value,
    show_default=True,
)
@click.option(
    "--format", "format_", type=click.Choice(["csv", "jsonl"]), help="[by the file's name]"
)
@click.option(
    "--column", "columns", multiple=True, metavar="FIELD=HEADER", help="CSV only; repeatable."
)
@click.option("--date-format", default="%Y-%m-%d", show_default=True, help="CSV only.")
@click.option("--currency", default="", help="Of invoices that name none, such as GBP.")
@click.option(
    "--create-at", default="", metavar="SLUG,...", help="Create and link customers there first."
)
@as_json
def import_(
    file: Path,
    account: str,
    environment: str,
    format_: str | None,
    columns: Sequence[str],
    date_format: str,
    currency: str,
    create_at: str,
    json_: bool,
) -> None:
    """Import invoices from FILE: JSON lines as the API takes them, or CSV with a row per line.

    Customers that are missing are made. A faulty row refuses its whole invoice, the other
    invoices go in, and every fault is told with its line. An import can be repeated: what is
    there already with the same content is unchanged, with other content it is refused.

    Exit status 1 where an invoice was refused.
    """
    kind = format_ or FORMATS.get(file.suffix.lower())
    if kind is None:
        raise click.UsageError("Say --format csv or --format jsonl: the file's name does not tell.")
    mapping = _mapping(columns)
    with with_plugins() as hub:
        scope = Scope(account_named(hub, account), Environment(environment))
        slugs = [slug.strip() for slug in create_at.split(",") if slug.strip()]
        check_destinations(hub, scope, slugs)
        try:
            source: Source
            if kind == "csv":
                source = CsvFile(file, mapping, date_format=date_format, currency=currency)
            else:
                source = JsonFile(file, currency=currency)
            report = _load(hub, scope, source, slugs)
        except FileRefused as refused:
            mapping_helps = isinstance(refused, ColumnsMissing)
            hint = ("Map one with --column field=Header.",) if mapping_helps else ()
            raise click.ClickException("\n".join((*refused.reasons, *hint))) from None
    _say(report, json_)
    if report.refused:
        raise click.exceptions.Exit(1)


def _mapping(columns: Sequence[str]) -> Columns:
    try:
        return Columns.parse(columns)
    except BadMapping as error:
        raise click.BadParameter(str(error), param_hint="--column") from None


def _load(hub: Hub, scope: Scope, source: Source, create_at: Sequence[str]) -> Report:
    columns = (TextColumn("Importing"), BarColumn(), MofNCompleteColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("", total=source.total)
        return load(hub, scope, source, create_at, lambda more: progress.advance(task, more))


def _say(report: Report, json_: bool) -> None:
    counts = {
        "invoices": report.invoices,
        "accepted": report.accepted,
        "unchanged": report.unchanged,
        "refused": report.refused,
        "customersCreated": report.customers_created,
    }
    if json_:
        say_json({**counts, "faults": [asdict(fault) for fault in report.faults]})
        return
    if report.faults:
        rows = [(str(one.line), one.number, one.field, one.reason) for one in report.faults]
        say_table(("Line", "Invoice", "Field", "Reason"), rows, "")
        click.echo()
    say_fields({name: str(value) for name, value in counts.items()})
