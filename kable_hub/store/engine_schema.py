"""The tables of the cluster engine's own queue, in a PostgreSQL schema of their own.

They are Procrastinate's; what was applied of its migrations is written down beside them.
"""

from importlib import resources
from pathlib import Path

from kable_hub.store.database import Database
from kable_hub.store.schema import alone

SCHEMA = "kable_engine"
"""The schema's name; the engine's connections have it as their search path."""

_HISTORY = f"{SCHEMA}.applied"


def migrate(database: Database) -> list[str]:
    """Apply what is pending, under the lock of `schema.migrate`; answers the names applied."""
    with alone(database), database.read():
        run = database.peewee.connection().execute
        run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        run(f"CREATE TABLE IF NOT EXISTS {_HISTORY} (name TEXT PRIMARY KEY)")
        names = _pending(database)
        if len(names) == len(_migrations()):
            _apply(database, _read("sql", "schema.sql"), names)
        else:
            for name in names:
                _apply(database, _migrations()[name].read_text(), [name])
    return names


def pending(database: Database) -> list[str]:
    """The names of migrations that were not applied yet."""
    with database.read():
        there = database.sql("SELECT to_regclass(?)", _HISTORY).fetchone()[0]
        return _pending(database) if there else list(_migrations())


def conninfo(url: str) -> str:
    """How the engine connects to the database of `url`."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    given = conninfo_to_dict(url).get("options") or ""
    return make_conninfo(url, options=f"{given} -c search_path={SCHEMA}".strip())


def _pending(database: Database) -> list[str]:
    done = {str(row[0]) for row in database.sql(f"SELECT name FROM {_HISTORY}").fetchall()}  # noqa: S608
    return [name for name in _migrations() if name not in done]


def _apply(database: Database, text: str, names: list[str]) -> None:
    with database.write():
        run = database.peewee.connection().execute
        run(f"SET LOCAL search_path = {SCHEMA}")
        run(text)
        for name in names:
            database.sql(f"INSERT INTO {_HISTORY} (name) VALUES (?)", name)  # noqa: S608


def _migrations() -> dict[str, Path]:
    """By name, in the order of their versions."""
    from procrastinate.schema import SchemaManager

    folder = Path(SchemaManager.get_migrations_path())
    return {file.stem: file for file in sorted(folder.glob("*.sql"))}


def _read(*parts: str) -> str:
    return resources.files("procrastinate").joinpath(*parts).read_text()
