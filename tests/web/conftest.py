"""The hub over HTTP, with Acme plugged in and an account on the paid plan."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stores
from tests.conftest import need_postgres
from tests.stores import migrated
from tests.web.site import Site, site


def _fresh(kind: str, folder: Path) -> Iterator[Site]:
    if kind == "postgres":
        need_postgres()
    url = stores.fresh_database_url(kind, folder, prepare=migrated)
    with site(url, folder) as one:
        yield one
    stores.drop_database(url)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Site]:
    """On SQLite."""
    yield from _fresh("sqlite", tmp_path)


@pytest.fixture(params=stores.KINDS)
def web_on_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Once on SQLite and once on PostgreSQL."""
    yield from _fresh(request.param, tmp_path)
