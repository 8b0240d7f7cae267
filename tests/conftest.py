"""The databases of tests: one folder and at most one shared PostgreSQL server for a run."""

import logging
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from kable_hub import logs
from tests import postgres, stores

RUN = pytest.StashKey[stores.Run]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the workers of xdist share what their parent made
        config.stash[RUN] = stores.Run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Give each test the logging that the run began with.

    A command sets logging up for its process, which is the run's where a test calls it here.
    """
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        return (yield)
    finally:
        root.handlers = handlers
        root.setLevel(level)  # and not `level =`: loggers remember what they let through
        logs.route()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]


def need_postgres() -> None:
    if postgres.missing():
        pytest.skip(postgres.missing())


def fresh(kind: str, tmp_path: Path, prepare: stores.Prepare | None = None) -> Iterator[str]:
    if kind == "postgres":
        need_postgres()
    url = stores.fresh_database_url(kind, tmp_path, prepare=prepare)
    yield url
    stores.drop_database(url)


@pytest.fixture(params=stores.KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    yield from fresh(request.param, tmp_path)


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    yield from fresh("postgres", tmp_path)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty SQLite database."""
    yield from fresh("sqlite", tmp_path)


@pytest.fixture
def own_postgres(request: pytest.FixtureRequest) -> Iterator[postgres.PostgresServer]:
    """A started PostgreSQL server for this test alone, which may stop, crash and start it."""
    need_postgres()
    server = stores.private_server("own")
    server.start()
    yield server
    if server.port():
        server.stop()
