"""Both engines: drains start at once, nothing is stranded, a slow provider stops nobody."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from peewee import PeeweeException

from kable_hub.sync.engine import Engine, EngineRunning
from kable_hub.testing import Fault
from kable_hub.usecases import endpoints
from kable_hub.usecases.running import engine_of, start_engine
from tests.delivery.engines import ENGINES, engaged
from tests.delivery.stage import SCOPE, Stage
from tests.receiver import receiver


@pytest.fixture(params=ENGINES)
def at_work(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with engaged(request.param, tmp_path) as one:
        yield one


@pytest.fixture
def running(at_work: Stage) -> Iterator[Engine]:
    engine = start_engine(at_work.hub)
    yield engine
    engine.stop()


def until(check: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait for a condition; answers how long it took."""
    started = time.monotonic()
    while not check():
        assert time.monotonic() - started < seconds, "it never came true"
        time.sleep(0.005)
    return time.monotonic() - started


def test_a_new_delivery_starts_without_waiting_for_the_sweep(at_work: Stage) -> None:
    seldom = replace(at_work.hub.settings, sweep_seconds=600.0)
    engine = start_engine(replace(at_work.hub, settings=seldom))
    at_work.hub.on_wake = engine.wake
    try:
        for _ in range(5):
            invoice = at_work.invoice()
            until(lambda one=invoice: at_work.delivery(one).state == "delivered")
    finally:
        engine.stop()


def test_what_becomes_due_while_a_drain_ends_is_not_stranded(
    at_work: Stage, running: Engine
) -> None:
    invoices = []
    for _ in range(30):
        invoices.append(at_work.invoice())
        time.sleep(0.01)
    until(lambda: all(at_work.delivery(one).state == "delivered" for one in invoices))
    assert len(at_work.acme.docs) == 30


def test_a_second_engine_on_the_same_store_is_refused_but_for_a_cluster(
    at_work: Stage, running: Engine
) -> None:
    if at_work.hub.settings.engine == "cluster":
        assert start_engine(at_work.hub).stop()
    else:
        with pytest.raises(EngineRunning, match="another process"):
            start_engine(at_work.hub)
    at_work.hub.on_wake = running.wake


def test_an_engine_that_could_not_start_leaves_the_store_to_the_next(tmp_path: Path) -> None:
    with engaged("sqlite", tmp_path) as one:
        engine = engine_of(one.hub)
        with one.hub.database.write():
            one.hub.database.sql("ALTER TABLE delivery RENAME TO gone")
        with pytest.raises(PeeweeException):
            engine.start()
        with one.hub.database.write():
            one.hub.database.sql("ALTER TABLE gone RENAME TO delivery")
        assert start_engine(one.hub).stop()
        assert engine.stop(), "there is nothing to end"


def test_a_failed_try_is_repeated_by_itself(at_work: Stage, running: Engine) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True))
    invoice = at_work.invoice()
    until(lambda: at_work.delivery(invoice).state == "delivered")
    assert len(at_work.acme.docs) == 1


def test_stopping_waits_for_what_is_under_way(at_work: Stage, running: Engine) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=0.5))
    invoice = at_work.invoice()
    until(lambda: at_work.delivery(invoice).state == "pushing")
    running.stop()
    assert at_work.delivery(invoice).state == "delivered"
    assert at_work.connection().lease_until == 0


def test_a_crash_is_recovered_when_the_engine_starts_again(at_work: Stage) -> None:
    invoice = at_work.invoice()
    hub = at_work.hub
    token = hub.queue.acquire("con_1", hub.now(), 3_000 if hub.database.is_sqlite else 300)
    assert token is not None
    assert len(hub.queue.claim("con_1", token, hub.now(), 10)) == 1
    engine = start_engine(hub)
    until(lambda: at_work.delivery(invoice).state == "delivered")
    engine.stop()


def test_pace_is_part_of_the_settings(at_work: Stage) -> None:
    hub = at_work.hub
    hub.settings = replace(hub.settings, push_threads=3)
    engine = start_engine(hub)
    engine.stop()
    assert at_work.connection().lease_until == 0


def test_the_running_engine_tells_whoever_listens_and_ends_with_its_threads(
    at_work: Stage,
) -> None:
    at_work.hub.settings = replace(at_work.hub.settings, private_webhooks=True)
    with receiver() as there:
        made = endpoints.add_endpoint(at_work.hub, SCOPE, there.url)
        engine = start_engine(at_work.hub)
        at_work.invoice()
        until(lambda: there.types == ["invoice.delivered"])
        assert there.verified(made.secret)["data"]["delivery"]["state"] == "delivered"
        engine.stop()
    assert [one.name for one in threading.enumerate() if one.name.startswith("webhooks")] == []
