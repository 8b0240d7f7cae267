"""Moving a store, the marks: a store that is left or filled is closed, to everybody.

Whoever opens a closed store is refused. Processes that had it open before can write nothing any
more, whatever version of the hub they are: triggers in the store itself refuse every write.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import peewee as pw

from kable_hub import canonical
from kable_hub.store import tables as t
from kable_hub.store.database import Database

Role = Literal["leaving", "left", "arriving"]
MARK = "store_move"
_SAID: dict[str, str] = {
    "leaving": "it is being moved to {0}; `kable-hub move-store` goes on with that",
    "left": "this store was moved to {0}: set DATABASE_URL to that place",
    "arriving": "it is being filled from {0}; `kable-hub move-store` there goes on with that",
}
STAYING = ("schema_migration", MARK, "worker_process")
"""The tables of a database and not of the store in it."""

_WORDS = "the store is closed"
_LEASED = ("connection", "credential", "webhook_endpoint")


class StoreClosed(pw.PeeweeException):
    """This store is left or not filled yet: nothing may be read for use or written here."""


@dataclass(frozen=True)
class Move:
    """The mark of one side of a move. `progress` maps tables to the last key that was copied."""

    id: str
    role: Role
    place: str
    progress: dict[str, Any] = field(default_factory=dict)

    def told(self) -> StoreClosed:
        """Why the store is closed."""
        return StoreClosed(_SAID[self.role].format(self.place))


def shown(url: str) -> str:
    """A database's URL without user, password and options."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return url
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"postgresql://{host}{port}{parts.path}"


def marked(database: Database) -> Move | None:
    """The store's mark, None where it is an ordinary one (of whatever version)."""
    with database.read():
        if not database.peewee.table_exists(MARK):
            return None
        row = database.sql("SELECT id, role, place, progress FROM store_move").fetchone()
    return None if row is None else Move(row[0], row[1], row[2], canonical.loads(row[3]))


def refuse_closed(database: Database) -> None:
    """Raise StoreClosed where the store was moved, or is not filled yet."""
    move = marked(database)
    if move is not None:
        raise move.told()


def leased(database: Database, now: int) -> list[str]:
    """The tables in which somebody holds a row at this moment."""
    with database.read():
        return [name for name in _LEASED if _is_leased(database, name, now)]


def close(database: Database, move: Move, now: int) -> None:
    """Mark the store and refuse every write from now on, in one commit; its leases are void."""
    with database.write():
        for name in _LEASED:
            database.sql(f'UPDATE "{name}" SET lease_until = 0 WHERE lease_until > 0')  # noqa: S608
        _write(database, move, now)
        for text in _closing(database, move):
            database.peewee.execute_sql(text)


def mark(database: Database, move: Move, now: int) -> None:
    """Write the mark alone: nothing has this store open yet."""
    with database.write():
        _write(database, move, now)


def progress(database: Database, move: Move) -> None:
    """Put down how far the store is filled; join the transaction that filled it."""
    text = "UPDATE store_move SET progress = ? WHERE id = ?"
    database.sql(text, canonical.dumps(move.progress), move.id)


def set_left(database: Database) -> None:
    """The other side holds everything: there is no way back but by hand."""
    with database.write():
        database.sql("UPDATE store_move SET role = 'left'")


def open_again(database: Database) -> None:
    """Take the mark and all that refuses writes away, in one commit."""
    with database.write():
        for text in _opening(database):
            database.peewee.execute_sql(text)
        database.sql("DELETE FROM store_move")


def is_refusal(error: pw.PeeweeException) -> bool:
    """Whether a write failed because the store is closed."""
    return _WORDS in str(error)


def names() -> list[str]:
    """The tables that move, in an order in which they can be filled."""
    known = [str(one._meta.table_name) for one in t.TABLES]
    return [name for name in known if name not in STAYING]


def _is_leased(database: Database, name: str, now: int) -> bool:
    text = f'SELECT 1 FROM "{name}" WHERE lease_until > ? LIMIT 1'  # noqa: S608 - own names
    return database.sql(text, now).fetchone() is not None


def _write(database: Database, move: Move, now: int) -> None:
    database.sql("DELETE FROM store_move")
    text = "INSERT INTO store_move (id, role, place, progress, began_at) VALUES (?, ?, ?, ?, ?)"
    values = (move.id, move.role, move.place, canonical.dumps(move.progress), now)
    database.sql(text, *values)


def _closing(database: Database, move: Move) -> Iterator[str]:
    said = f"{_WORDS}: it moves to {move.place}".replace("'", "''")
    if not database.is_sqlite:
        said = said.replace("%", "%%")
        yield f"""
            CREATE OR REPLACE FUNCTION store_closed() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN
                RAISE EXCEPTION
                    USING MESSAGE = '{said}', ERRCODE = 'integrity_constraint_violation';
            END $body$
        """
    for name in names():
        if not database.is_sqlite:
            yield (
                f'CREATE TRIGGER store_closed BEFORE INSERT OR UPDATE OR DELETE ON "{name}"'
                " FOR EACH STATEMENT EXECUTE FUNCTION store_closed()"
            )
            continue
        for event in ("INSERT", "UPDATE", "DELETE"):
            yield (
                f'CREATE TRIGGER "store_closed_{name}_{event}" BEFORE {event} ON "{name}"'
                f" BEGIN SELECT RAISE(ABORT, '{said}'); END"
            )


def _opening(database: Database) -> Iterator[str]:
    if not database.is_sqlite:
        yield "DROP FUNCTION IF EXISTS store_closed() CASCADE"
        return
    for name in names():
        for event in ("INSERT", "UPDATE", "DELETE"):
            yield f'DROP TRIGGER IF EXISTS "store_closed_{name}_{event}"'
