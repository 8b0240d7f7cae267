"""The stage, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kable_hub.clock import ManualClock
from kable_hub.usecases import endpoints
from kable_hub.usecases.running import teller_of
from tests import stores
from tests.conftest import fresh
from tests.delivery.stage import SCOPE, Stage, stage
from tests.delivery.told import Told
from tests.receiver import receiver


@pytest.fixture(params=stores.KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the hub's tables."""
    yield from fresh(request.param, tmp_path, stores.migrated)


@pytest.fixture
def at_work(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as one:
        yield one


@pytest.fixture
def told(at_work: Stage) -> Iterator[Told]:
    hub, clock = at_work.hub, ManualClock(datetime.now(UTC))
    hub.settings = replace(hub.settings, private_webhooks=True)
    hub.clock = clock
    with receiver() as there:
        made = endpoints.add_endpoint(hub, SCOPE, there.url)
        teller = teller_of(hub)
        yield Told(at_work, there, clock, teller, made.endpoint.id, made.secret)
        teller.stop()
