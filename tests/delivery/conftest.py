"""The stage, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.stage import Stage, stage


@pytest.fixture
def at_work(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as one:
        yield one
