"""The embedded engine: drains start at once, one engine per store, a slow provider stops nobody."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kable_hub.store import tables as t
from kable_hub.sync.loop import EmbeddedEngine, EngineRunning
from kable_hub.testing import Fault
from kable_hub.usecases import endpoints
from kable_hub.usecases.running import start_engine
from tests.delivery.stage import SCOPE, Stage
from tests.receiver import receiver


@pytest.fixture
def running(at_work: Stage) -> Iterator[EmbeddedEngine]:
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
    at_work: Stage, running: EmbeddedEngine
) -> None:
    invoices = []
    for _ in range(30):
        invoices.append(at_work.invoice())
        time.sleep(0.01)
    until(lambda: all(at_work.delivery(one).state == "delivered" for one in invoices))
    assert len(at_work.acme.docs) == 30


def test_a_second_engine_on_the_same_store_is_refused(
    at_work: Stage, running: EmbeddedEngine
) -> None:
    with pytest.raises(EngineRunning, match="another process"):
        start_engine(at_work.hub)
    at_work.hub.on_wake = running.wake


def test_a_failed_try_is_repeated_by_itself(at_work: Stage, running: EmbeddedEngine) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True))
    invoice = at_work.invoice()
    until(lambda: at_work.delivery(invoice).state == "delivered")
    assert len(at_work.acme.docs) == 1


def test_stopping_waits_for_what_is_under_way(at_work: Stage, running: EmbeddedEngine) -> None:
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


def test_a_wake_that_was_lost_is_made_good_by_reconciliation(at_work: Stage) -> None:
    invoice = at_work.invoice()
    with at_work.hub.database.write():
        t.Connection.update(next_due_at=None).execute()
    assert at_work.hub.queue.reconcile(at_work.hub.now()) == 1
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert at_work.hub.queue.reconcile(at_work.hub.now()) == 0


def test_a_hanging_plugin_is_named_and_its_delivery_parked(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kable_hub.sync.drain.CALL_SECONDS", 0.2)
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=3.0))
    both = [at_work.invoice(), at_work.invoice()]
    at_work.drain(width=2)
    ends = sorted((at_work.delivery(one).state, at_work.delivery(one).error_code) for one in both)
    assert ends == [("delivered", ""), ("uncertain", "plugin_hung")]
    time.sleep(3)
    at_work.due_now()
    at_work.drain()
    assert [at_work.delivery(one).state for one in both] == ["delivered", "delivered"]
    assert len(at_work.acme.docs) == 2


def test_stopping_in_the_middle_returns_what_was_not_sent(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=0.3, times=99))
    invoices = [at_work.invoice() for _ in range(12)]
    threading.Timer(0.2, at_work.stop.set).start()
    at_work.drain(width=2)
    states = [at_work.delivery(one).state for one in invoices]
    assert states.count("delivered") == len(at_work.acme.docs) == 2
    assert states.count("due") == 10
    at_work.stop.clear()
    at_work.acme.clear_faults()
    at_work.drain()
    assert len(at_work.acme.docs) == 12


def test_a_provider_that_is_down_is_left_alone_for_a_while(at_work: Stage) -> None:
    at_work.acme.fault(Fault(method="POST", status=503, times=999))
    for _ in range(40):
        at_work.invoice()
    at_work.drain()
    tried = len(at_work.acme.requests)
    assert tried < 20
    assert at_work.connection().next_due_at > at_work.hub.now() + 3000


def test_pace_is_part_of_the_settings(at_work: Stage) -> None:
    hub = at_work.hub
    hub.settings = replace(hub.settings, push_threads=3)
    engine = start_engine(hub)
    engine.stop()
    assert at_work.connection().lease_until == 0


def test_a_provider_with_many_due_connections_hides_no_other(at_work: Stage) -> None:
    hub, now = at_work.hub, at_work.hub.now()
    at_work.invoice()
    with hub.database.write():
        values = t.Connection.get_by_id("con_1").__data__
        for place in range(120):
            own = {"id": f"con_x{place}", "account_id": f"acc_x{place}", "external_id": f"x{place}"}
            busy = {"provider": "busy", "next_due_at": now - 9000, "webhook_token": None}
            t.Connection.create(**{**values, **own, **busy})
    found = hub.queue.due_connections(hub.now() + 1, 10, "acme")
    assert found == ["con_1"]


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
