"""A plugin that never returns costs its own deliveries, under either engine: no thread of its
provider for ever, no other provider anything, and it does not keep the hub from stopping."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kable_hub import Connection, Effect, Event, Push, Receipt, hookimpl
from kable_hub.store import tables as t
from kable_hub.store import webhook_events
from kable_hub.usecases.running import start_engine
from tests.acme import PROVIDER, Acme
from tests.delivery.engines import ENGINES, engaged
from tests.delivery.stage import SCOPE, Stage
from tests.delivery.test_engine import until


class Stuck(Acme):
    """Acme that never comes back from invoices with a memo: before it calls, or after."""

    def __init__(self) -> None:
        super().__init__(replace(PROVIDER, limits=()))
        self.free = threading.Event()
        self.inside = 0

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        if push.invoice.memo == "before":
            self._hang()
        receipt = super().push_invoice(connection, push)
        if push.invoice.memo == "after":
            self._hang()
        return receipt

    @hookimpl
    def work_event(self, connection: Connection, event: Event) -> Sequence[Effect]:
        self._hang()
        return ()

    def _hang(self) -> None:
        self.inside += 1
        self.free.wait(60)


@pytest.fixture
def plugin() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.free.set()


@pytest.fixture(params=ENGINES)
def at_work(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    plugin: Stuck,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    monkeypatch.setattr("kable_hub.sync.drain.CALL_SECONDS", 0.2)
    monkeypatch.setattr("kable_hub.sync.drain.STOP_SECONDS", 0.2)
    for engine in ("loop", "cluster"):
        monkeypatch.setattr(f"kable_hub.sync.{engine}.STOP_SECONDS", 0.2)
        monkeypatch.setattr(f"kable_hub.sync.{engine}.LEEWAY", 1.0)
    small = {"KABLE_PUSH_THREADS": "2", "KABLE_DRAIN_SLOTS": "2"}
    with engaged(request.param, tmp_path, plugin, **small) as one:
        yield one


def states(stage: Stage, *invoices: str) -> list[str]:
    return [stage.delivery(one).state for one in invoices]


def test_threads_that_never_come_back_are_replaced_and_the_plugin_is_named(
    at_work: Stage, plugin: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    engine = start_engine(at_work.hub)
    stuck = [at_work.invoice(memo=memo) for memo in ("before", "after")]
    until(lambda: plugin.inside == 2)
    others = [at_work.invoice() for _ in range(3)]
    until(lambda: states(at_work, *others) == ["delivered"] * 3)
    assert [at_work.delivery(one).error_code for one in stuck] == ["plugin_hung"] * 2
    assert at_work.delivery(stuck[1]).state == "uncertain"
    assert any("acme hung on delivery" in one for one in caplog.messages)
    assert any("threads of acme have not come back" in one for one in caplog.messages)
    plugin.free.set()
    assert engine.stop()


def test_the_hub_stops_all_the_same_and_what_hangs_is_not_lost(
    at_work: Stage, plugin: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kable_hub.sync.drain.CALL_SECONDS", 60.0)
    engine = start_engine(at_work.hub)
    before, after = (at_work.invoice(memo=memo) for memo in ("before", "after"))
    until(lambda: plugin.inside == 2)
    assert not engine.stop()
    assert states(at_work, before, after) == ["due", "uncertain"]
    assert at_work.connection().lease_until == 0
    plugin.free.set()
    at_work.due_now()
    at_work.drain()
    assert states(at_work, before, after) == ["delivered", "delivered"]
    assert len(at_work.acme.docs) == 2


def test_events_that_hang_at_one_provider_stop_no_other(at_work: Stage, plugin: Stuck) -> None:
    now = at_work.hub.now()
    engine = start_engine(at_work.hub)
    with at_work.hub.database.write():
        for provider, event in (("acme", "hangs"), ("gone", "goes on")):
            told = Event(event, "doc.changed", "shop", SCOPE.environment, {"doc": "D-1"})
            webhook_events.add(provider, [told], now)

    def outcomes() -> set[str]:
        with at_work.hub.database.read():
            return {one.outcome for one in t.WebhookEvent.select()}

    until(lambda: plugin.inside == 1 and "ignored: no connection" in outcomes())
    assert outcomes() == {"", "ignored: no connection"}
    assert not engine.stop()
    plugin.free.set()
