"""One clear line for whatever a command cannot do."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from peewee import PeeweeException

from kable_hub.settings import SettingsError
from kable_hub.store.database import DatabaseUrlError
from kable_hub.store.vault import VaultError
from kable_hub.usecases.errors import Problem


@contextmanager
def told() -> Iterator[None]:
    """Turn what is known to go wrong into a click error: one line, exit status 1."""
    try:
        yield
    except Problem as problem:
        raise click.ClickException(_of(problem)) from None
    except PeeweeException as error:
        raise click.ClickException(f"The database: {_first_line(error)}") from None
    except (SettingsError, DatabaseUrlError, VaultError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{place}{error.strerror or _first_line(error)}") from None


def _of(problem: Problem) -> str:
    if problem.errors:
        return "\n".join(f"{one.field}: {one.message}" for one in problem.errors)
    return problem.detail or problem.title


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
