"""The stage, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stores
from tests.conftest import fresh
from tests.delivery.stage import Stage, stage


@pytest.fixture(params=stores.KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the hub's tables."""
    yield from fresh(request.param, tmp_path, stores.migrated)


@pytest.fixture
def at_work(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as one:
        yield one
