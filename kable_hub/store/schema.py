"""Bring a database to the schema of this version, safely when several processes start at once.

The hub's own history is `schema_migration`; a plugin that stores something of its own gets a
directory and a history table of its own through the same function.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from kable_hub.store.database import Database
from kable_hub.store.moves import refuse_closed

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 5_274_921


def migrate(
    database: Database, directory: Path = MIGRATIONS, history: str = "schema_migration"
) -> list[str]:
    """Apply what is pending, under a lock over all processes; answers the names applied.

    Raises StoreClosed where the store was moved, or is being filled.
    """
    refuse_closed(database)
    with alone(database), database.read():
        runner = Runner(database.peewee, str(directory), table_name=history)
        return list(runner.up())


def pending(
    database: Database, directory: Path = MIGRATIONS, history: str = "schema_migration"
) -> list[str]:
    """The names of migrations that were not applied yet. Raises StoreClosed."""
    refuse_closed(database)
    return unapplied(database, directory, history)


def unapplied(
    database: Database, directory: Path = MIGRATIONS, history: str = "schema_migration"
) -> list[str]:
    """As `pending`, of a closed store too."""
    with database.read():
        runner = Runner(database.peewee, str(directory), table_name=history)
        return [one.name for one in runner.status() if not one.applied]


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """One process at a time changes the schema."""
    if database.path is None:
        with database.read():
            database.sql("SELECT pg_advisory_lock(?)", _ADVISORY_LOCK)
            try:
                yield
            finally:
                database.sql("SELECT pg_advisory_unlock(?)", _ADVISORY_LOCK)
        return
    with open(f"{database.path}.migrate.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
