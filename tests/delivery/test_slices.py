"""A drain that hangs, is stopped, finds the provider away, or was never woken."""

import threading
import time
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from kable_hub.store import tables as t
from kable_hub.store.queue import Settlement
from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.run import Run
from kable_hub.sync.worker import Worker
from kable_hub.testing import Fault
from tests.delivery.stage import Stage


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
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=1.2))
    both = [at_work.invoice(), at_work.invoice()]
    at_work.drain(width=2)
    ends = sorted((at_work.delivery(one).state, at_work.delivery(one).error_code) for one in both)
    assert ends == [("delivered", ""), ("uncertain", "plugin_hung")]
    time.sleep(1.2)
    at_work.due_now()
    at_work.drain()
    assert [at_work.delivery(one).state for one in both] == ["delivered", "delivered"]
    assert len(at_work.acme.docs) == 2


def test_what_a_thread_saw_that_did_not_come_back_in_time_is_looked_for_again(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", reset=True, times=2))
    invoice = at_work.invoice()
    for _ in range(2):
        at_work.drain()
        at_work.due_now()
    work = Worker.work

    def late(self: Worker, run: Run) -> Settlement:
        end = work(self, run)
        time.sleep(0.9)
        return end

    at_work.settled()
    with monkeypatch.context() as patched:
        patched.setattr("kable_hub.sync.drain.CALL_SECONDS", 0.2)
        patched.setattr(Worker, "work", late)
        at_work.drain()
    seen = at_work.delivery(invoice)
    assert (seen.state, seen.may_exist) == ("uncertain", True)
    time.sleep(0.8)
    at_work.settled()
    at_work.drain(2)
    row = at_work.delivery(invoice)
    assert (row.state, row.generation) == ("delivered", 2)
    assert len(at_work.acme.docs) == 1


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


class Counted(Executor):
    """Hands work on; `most` is how much of it was under way at once."""

    def __init__(self, real: Executor) -> None:
        self.real, self.most = real, 0
        self.under_way: set[Future[Any]] = set()

    def submit(self, /, *given: Any, **more: Any) -> Future[Any]:
        made = self.real.submit(*given, **more)
        self.under_way = {one for one in self.under_way if not one.done()} | {made}
        self.most = max(self.most, len(self.under_way))
        return made


@pytest.mark.parametrize(("share", "most"), [(0, 1), (2, 2), (99, 4)])
def test_a_drain_fills_its_share_of_the_push_threads_and_no_more_than_its_width(
    at_work: Stage, share: int, most: int
) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=0.05, times=99))
    invoices = [at_work.invoice() for _ in range(8)]
    counted = Counted(at_work.pushers)
    pace = Pace(slice_seconds=30, lease_seconds=15, width=4)
    drain(at_work.rooms, "con_1", pace, counted, at_work.stop, share=lambda: share)
    assert counted.most == most
    assert {at_work.delivery(one).state for one in invoices} == {"delivered"}
