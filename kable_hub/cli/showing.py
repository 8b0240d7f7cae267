"""How commands show things: tables for people, JSON for scripts."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kable_hub.clock import from_ms
from kable_hub.domain import Environment
from kable_hub.store.scope import Page

T = TypeVar("T")
PAGE = 200
PIPE_WIDTH = 250

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON for a script.")
environment = click.option(
    "--env",
    "environment",
    type=click.Choice([one.value for one in Environment]),
    required=True,
    help="The environment.",
)


def console() -> Console:
    """Where tables go: standard output, as it is now; a pipe is as wide as anybody needs."""
    made = Console()
    return made if made.is_terminal else Console(width=PIPE_WIDTH)


def say_json(value: Any) -> None:
    """Print `value` as JSON, indented."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say_table(columns: Iterable[str], rows: Iterable[Iterable[str]], empty: str) -> None:
    """Print a table, or `empty` where it has no rows. What it shows is never markup."""
    table = Table(show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one) for one in row))
    if table.row_count:
        console().print(table)
    else:
        click.echo(empty)


def say_fields(fields: Mapping[str, str]) -> None:
    """Print one thing, a field on each line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {value}")


def moment(value: int | None) -> str:
    """Epoch milliseconds as ISO 8601 in UTC; empty for None."""
    return from_ms(value).isoformat(timespec="seconds").replace("+00:00", "Z") if value else ""


def pages(read: Callable[[str], Page[T]]) -> Iterator[T]:
    """Everything behind a paged use case, which is handed the cursor."""
    cursor = ""
    while True:
        page = read(cursor)
        yield from page.items
        cursor = page.next_cursor
        if not cursor:
            return
