"""A house, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stores
from tests.conftest import need_postgres
from tests.stores import migrated
from tests.usecases.house import House, house


@pytest.fixture(params=stores.KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "postgres":
        need_postgres()
    url = stores.fresh_database_url(request.param, tmp_path, prepare=migrated)
    with house(url, tmp_path) as one:
        yield one
    stores.drop_database(url)


@pytest.fixture
def at_home(tmp_path: Path) -> Iterator[House]:
    """On SQLite alone, for rules that no database takes part in."""
    with house(stores.fresh_sqlite(tmp_path, migrated) + "", tmp_path) as one:
        yield one
