"""The parts about the command line, files to import, and the API."""

import json
import tempfile
from collections.abc import Iterator

import click
from tables import code, table

from kable_hub.cli import main
from kable_hub.importing import FIELDS
from kable_hub.importing.columns import API_NAMES
from kable_hub.settings import Settings
from kable_hub.usecases import errors as problems_tree
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.hub import open_hub
from kable_hub.web.app import create_app

WIDTH = 88


def walk(
    command: click.Command = main, name: str = "kable-hub", parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command with its full name and a context to ask it for help."""
    said = {"info_name": name, "terminal_width": WIDTH, **command.context_settings}
    context = click.Context(command, parent, **said)
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for one in command.list_commands(context):
            inner = command.get_command(context, one)
            if inner is not None:
                yield from walk(inner, one, context)


def commands() -> str:
    """What `--help` says, for every command."""
    return "\n\n".join(
        f"## {path}\n\n```text\n{command.get_help(context)}\n```"
        for path, command, context in walk()
    )


def csv_columns() -> str:
    """The columns of a CSV file."""
    rows = [(code(name), code(API_NAMES[name]), about) for name, about in FIELDS.items()]
    return table(("column", "in the API", "meaning"), rows)


def endpoints() -> str:
    """Every operation of the API, by path."""
    rows = []
    for path, operations in sorted(_description()["paths"].items()):
        for method in ("get", "post", "put", "patch", "delete"):
            if method in operations:
                said = operations[method]
                rows.append((code(f"{method.upper()} {path}"), said.get("summary", "")))
    return table(("operation", "what it does"), rows)


def problems() -> str:
    """The kinds of problem by their HTTP status."""
    kinds = {
        (kind.status, kind.title, (kind.__doc__ or "").strip().splitlines()[0])
        for kind in vars(problems_tree).values()
        if isinstance(kind, type) and issubclass(kind, Problem) and kind is not Problem
    }
    rows = [(str(status), title, about) for status, title, about in sorted(kinds)]
    return table(("status", "title", "when"), rows)


def _description() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    with tempfile.TemporaryDirectory() as folder:
        hub = open_hub(Settings.load({"KABLE_DATA_DIR": folder}))
        try:
            with create_app(hub).test_client() as client:
                found: dict[str, dict[str, dict[str, dict[str, str]]]] = json.loads(
                    client.get("/docs/openapi.json").data
                )
                return found
        finally:
            hub.close()
