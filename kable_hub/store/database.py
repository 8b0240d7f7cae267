"""One door to the database: SQLite in WAL mode, or PostgreSQL, pooled.

Transactions are short and never stand open during a network call. SQLite has one writer:
a lock of this process keeps its threads from busy-waiting on each other.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import peewee as pw
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from kable_hub.store import tables

POOL_SIZE = 100
_ALONE = 5_274_922


class DatabaseUrlError(ValueError):
    """DATABASE_URL names neither an SQLite file nor a PostgreSQL database."""


class Database:
    """An opened database, the only one of the process: the tables are bound to it."""

    def __init__(self, url: str) -> None:
        self.path = sqlite_path(url)
        self.peewee: Any = _sqlite(self.path) if self.path else _postgres(url)
        self._writer = threading.RLock()
        tables.database.initialize(self.peewee)

    @property
    def is_sqlite(self) -> bool:
        """Whether one file holds it all."""
        return self.path is not None

    @contextmanager
    def read(self) -> Iterator[None]:
        """A pooled connection for this block; joins the one that is open in this thread."""
        if not self.peewee.is_closed():
            yield
            return
        self.peewee.connect()
        try:
            yield
        finally:
            self.peewee.close()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[None]:
        """A transaction for this block; joins the one that is open in this thread.

        `durable=False` may lose the last commits in a power cut (SQLite only): for what can be
        found out again.
        """
        if not self.peewee.is_closed() and self.peewee.in_transaction():
            yield
            return
        if not self.is_sqlite:
            with self.read(), self.peewee.atomic():
                yield
            return
        with self._writer, self.read():
            self.peewee.execute_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            with self.peewee.atomic():
                yield

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Whether this block is the only one of that name now, over all processes (PostgreSQL).

        Holds a pooled connection, but no transaction; whoever dies lets go.
        """
        if self.is_sqlite:
            yield True
            return
        with self.read():
            asked = "SELECT pg_try_advisory_lock(?, hashtext(?))"
            got = bool(self.sql(asked, _ALONE, name).fetchone()[0])
            try:
                yield got
            finally:
                if got:
                    self.sql("SELECT pg_advisory_unlock(?, hashtext(?))", _ALONE, name)

    def in_transaction(self) -> bool:
        """Whether this thread holds a transaction open."""
        return not self.peewee.is_closed() and bool(self.peewee.in_transaction())

    def sql(self, text: str, *values: Any) -> Any:
        """Run fixed SQL with `?` placeholders (no literal `?` or `%` in the text)."""
        if not self.is_sqlite:
            text = text.replace("?", "%s")
        return self.peewee.execute_sql(text, values)

    def close(self) -> None:
        """Close every pooled connection."""
        self.peewee.close_all()


def sqlite_path(url: str) -> Path | None:
    """The file of an `sqlite:///…` URL, None for PostgreSQL. Raises DatabaseUrlError."""
    parts = urlsplit(url)
    if parts.scheme in ("postgresql", "postgres"):
        return None
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) < 2:
        shown = parts._replace(netloc=parts.hostname or "").geturl()
        raise DatabaseUrlError(
            f"DATABASE_URL {shown!r} is neither sqlite:///path/to/hub.db nor postgresql://…"
        )
    return Path(unquote(parts.path[1:]))


def _sqlite(path: Path) -> pw.Database:
    path.parent.mkdir(parents=True, exist_ok=True)
    pragmas = {"journal_mode": "wal", "busy_timeout": 15000, "foreign_keys": 1}
    return PooledSqliteDatabase(
        str(path),
        max_connections=POOL_SIZE,
        pragmas=pragmas,
        lock_type="IMMEDIATE",
        autoconnect=False,
        check_same_thread=False,
    )


def _postgres(url: str) -> pw.Database:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        said = "PostgreSQL needs another package: pip install 'kable-hub[postgres]'"
        raise DatabaseUrlError(said) from None
    try:
        options = dict(conninfo_to_dict(url))
    except ProgrammingError:
        # Never its text, which repeats what it could not read: that may be a password.
        raise DatabaseUrlError("this is no URL of a PostgreSQL database") from None
    return PooledPostgresqlDatabase(
        options.pop("dbname", "postgres"),
        max_connections=POOL_SIZE,
        timeout=30,
        autoconnect=False,
        prefer_psycopg3=True,
        **options,
    )
