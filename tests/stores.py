"""Fresh databases for tests, on both stores that the hub supports.

    url = fresh_database_url("postgres", tmp_path)          # postgresql://…, empty
    url = fresh_database_url("sqlite", tmp_path, prepare=migrate)   # migrated once, then copied

A test that must hold on both takes the fixture `database_url`.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from tests import recycling
from tests.postgres import PostgresServer, locked

KINDS = ("sqlite", "postgres")
FOLDER = "HUB_TESTS_FOLDER"
Prepare = Callable[[str], object]


def fresh_database_url(
    kind: str, tmp_path: Path, *, prepare: Prepare | None = None, durable: bool = False
) -> str:
    """Make a database that nobody else uses and give its URL.

    `prepare(url)` is a module-level function that fills a database, for example with the tables.
    It runs once in a test run; every database then holds what it left, rows and ids included:
    as a copy, or (`recycling`) put back to it after another test. `durable` chooses a PostgreSQL
    that forces every commit to the disk.
    """
    if kind == "sqlite":
        return fresh_sqlite(tmp_path, prepare)
    return fresh_postgres(prepare, durable)


def migrated(url: str) -> None:
    """A `prepare`: the hub's tables."""
    from kable_hub.store import schema
    from kable_hub.store.database import Database

    database = Database(url)
    schema.migrate(database)
    database.close()


def migrated_for_cluster(url: str) -> None:
    """A `prepare`: the hub's tables, and those of its engine of many processes."""
    from kable_hub.store import engine_schema
    from kable_hub.store.database import Database

    migrated(url)
    database = Database(url)
    engine_schema.migrate(database)
    database.close()


def fresh_sqlite(tmp_path: Path, prepare: Prepare | None) -> str:
    path = tmp_path / f"hub-{uuid.uuid4().hex[:8]}" / "hub.db"
    path.parent.mkdir(parents=True)
    if prepare:
        shutil.copyfile(sqlite_template(prepare), path)
    return f"sqlite:///{path}"


def sqlite_template(prepare: Prepare) -> Path:
    path = run_folder() / f"{name_of(prepare)}.db"
    with locked(path.with_suffix(".lock")):
        if not path.exists():
            draft = path.with_suffix(".draft")
            prepare(f"sqlite:///{draft}")
            with closing(sqlite3.connect(draft)) as db:
                db.execute("pragma wal_checkpoint(truncate)")  # the copy takes one file only
            draft.replace(path)
    return path


def fresh_postgres(prepare: Prepare | None, durable: bool) -> str:
    server = shared_server(durable)
    if prepare is None or durable:
        return copied(server, postgres_template(server, prepare) if prepare else "template1")
    template = postgres_template(server, prepare)
    if used := recycling.lend(template):
        return used
    url = copied(server, template)
    recycling.enrol(url, template)
    return url


def copied(server: PostgresServer, template: str) -> str:
    name = f"t_{uuid.uuid4().hex[:16]}"
    execute(server.url(), f"create database {name} template {template} strategy file_copy")
    return server.url(name)


def postgres_template(server: PostgresServer, prepare: Prepare) -> str:
    name = f"{name_of(prepare)}_template"
    done = server.folder / f"{name}.done"
    with locked(done.with_suffix(".lock")):
        if not done.exists():
            execute(server.url(), f"create database {name}")
            prepare(server.url(name))
            # A database can be copied only while nobody is connected to it.
            execute(server.url(), f"alter database {name} allow_connections false")
            terminate = "select pg_terminate_backend(pid) from pg_stat_activity where datname="
            execute(server.url(), f"{terminate}'{name}'")
            done.touch()
    return name


def drop_database(url: str) -> None:
    """Give a database back. SQLite files go with `tmp_path`; PostgreSQL drops one that was made
    empty, and hands one that was prepared on to the next who asks for the same."""
    if url.startswith("postgres") and not recycling.give_back(url):
        recycling.drop(url)


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def name_of(prepare: Prepare) -> str:
    place = f"{prepare.__module__}.{getattr(prepare, '__qualname__', '')}"
    return f"p_{hashlib.sha256(place.encode()).hexdigest()[:12]}"


# --- the test run and its servers ------------------------------------------------------------


def shared_server(durable: bool = False) -> PostgresServer:
    """The server of this test run, the same for all its workers; started when first asked for."""
    server = PostgresServer(
        run_folder() / ("durable" if durable else "hasty"), run_folder() / "alive", durable=durable
    )
    if not server.port():
        server.start()
    return server


def private_server(name: str, *, durable: bool = False) -> PostgresServer:
    """A server of one test, that it may stop and crash; not started yet."""
    folder = run_folder() / f"{name}-{uuid.uuid4().hex[:8]}"
    return PostgresServer(folder, run_folder() / "alive", durable=durable)


def run_folder() -> Path:
    """Where this test run keeps its servers and templates."""
    return Path(os.environ[FOLDER])


@contextmanager
def running() -> Iterator[None]:
    """A test run for whoever needs databases outside of one; within one, that one."""
    run = None if FOLDER in os.environ else Run()
    try:
        yield
    finally:
        if run is not None:
            run.end()


class Run:
    """Hold the folder of a test run and the lock that keeps its servers alive."""

    def __init__(self) -> None:
        # Not pytest's own folder: that one is closed to `nobody`, who runs the server for root.
        self.folder = Path(tempfile.mkdtemp(prefix="kable-tests-"))
        self.folder.chmod(0o755)
        self.handle = (self.folder / "alive").open("w")
        # A POSIX lock belongs to this process alone: a forked child does not prolong it.
        fcntl.lockf(self.handle, fcntl.LOCK_EX)
        os.environ[FOLDER] = str(self.folder)

    def end(self) -> None:
        """Stop all servers and remove the folder."""
        servers = [PostgresServer(file.parent, file) for file in self.folder.glob("*/keeper")]
        self.handle.close()
        for server in servers:
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.pop(FOLDER, None)
