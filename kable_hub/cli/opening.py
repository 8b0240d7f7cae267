"""Open the hub for a command, with or without the plugins."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from kable_hub import logs
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.usecases.accounts import get_account, list_accounts
from kable_hub.usecases.hub import Hub, open_hub


def plugins_dir_option(command: Callable[..., None]) -> Callable[..., None]:
    """The option `--plugins-dir` of a command that knows plugins."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    said = "Single-file plugins too: DIR/acme.py. [KABLE_PLUGINS_DIR]"
    return click.option("--plugins-dir", type=folder, metavar="DIR", help=said)(command)


def load_settings(*, talkative: bool = False, plugins_dir: Path | None = None) -> Settings:
    """The settings of this process, its logging set up by them. Raises SettingsError.

    Commands that are not `talkative` log warnings only, unless KABLE_LOG_LEVEL is set.
    `plugins_dir` goes before KABLE_PLUGINS_DIR.
    """
    settings = Settings.load(os.environ)
    settings = replace(settings, plugins_dir=plugins_dir or settings.plugins_dir)
    quiet = not (talkative or os.environ.get("KABLE_LOG_LEVEL"))
    logs.configure(replace(settings, log_level="WARNING") if quiet else settings)
    return settings


@contextmanager
def store_alone() -> Iterator[Hub]:
    """A hub that knows no plugin, not even a broken one: for commands that repair."""
    yield from _opened(Registry.of())


@contextmanager
def with_plugins(plugins_dir: Path | None = None) -> Iterator[Hub]:
    """A hub with every admitted plugin."""
    yield from _opened(None, plugins_dir)


def account_named(hub: Hub, named: str) -> str:
    """The id of the account that is meant: the one named, else the only one.

    Raises NotFound, or UsageError where none is named and there is not exactly one.
    """
    if named:
        return get_account(hub, named).id
    found = list_accounts(hub, limit=2).items
    if len(found) != 1:
        raise click.UsageError("Say --account: there is not exactly one. `accounts list` has them.")
    return found[0].id


def _opened(registry: Registry | None, plugins_dir: Path | None = None) -> Iterator[Hub]:
    hub = open_hub(load_settings(plugins_dir=plugins_dir), registry=registry)
    try:
        yield hub
    finally:
        hub.close()
