"""What is claimed ahead, frozen late, and sent only under a lease that holds."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kable_hub import Connection, Push, Receipt, hookimpl
from kable_hub.clock import ManualClock, epoch_ms
from kable_hub.store import outbox
from kable_hub.store import tables as t
from kable_hub.sync.budget import Spender
from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.lease import CONFIRM_SECONDS, Lease
from kable_hub.testing import Fault
from tests.acme import PROVIDER, Acme
from tests.delivery.stage import SCOPE, Stage, stage
from tests.delivery.test_meetings import after


def generations() -> list[t.Generation]:
    return list(t.Generation.select().order_by(t.Generation.number))


def test_what_a_slice_does_not_get_to_is_given_back_untouched(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=0.3, times=99))
    invoices = [at_work.invoice() for _ in range(12)]
    threading.Timer(0.2, at_work.stop.set).start()
    at_work.drain(width=4)
    left = [one for one in map(at_work.delivery, invoices) if one.state == "due"]
    assert len(left) == 8
    assert [(one.attempts, one.error_code) for one in left] == [(0, "")] * 8


def test_a_pause_reaches_what_was_claimed_ahead(at_work: Stage) -> None:
    at_work.acme.fault(
        Fault(path="/docs", method="POST", delay=0.1),
        Fault(path="/docs", method="POST", delay=1.5, times=99),
    )
    invoices = [at_work.invoice() for _ in range(12)]
    slow = threading.Thread(target=at_work.drain)
    slow.start()
    time.sleep(0.5)
    held = [one.state for one in map(at_work.delivery, invoices)]
    with at_work.hub.database.write():
        t.Connection.update(state="paused", pauses={"operator": "wait"}).execute()
    time.sleep(0.6)
    sooner = [one.state for one in map(at_work.delivery, invoices)]
    slow.join()
    assert held.count("pushing") > sooner.count("pushing") == 4
    assert len(at_work.acme.docs) == 5


def test_lost_access_shows_on_what_was_claimed_ahead_too(at_work: Stage) -> None:
    at_work.settings(need_method=True)
    at_work.acme.fault(
        Fault(path="/customers", status=401, skip=1),
        Fault(path="/token", status=400),
        Fault(path="/docs", delay=0.9, times=9),
    )
    invoices = [at_work.invoice() for _ in range(4)]
    at_work.drain(width=2)
    ends = sorted((one.state, one.error_code) for one in map(at_work.delivery, invoices))
    assert ends == [("blocked", "not_connected")] * 2 + [("delivered", "")] * 2


@pytest.mark.parametrize(("others_wait", "made"), [(False, 12), (True, 2)])
def test_a_slice_goes_on_in_place_while_nobody_else_waits(
    at_work: Stage, others_wait: bool, made: int
) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=0.2, times=99))
    for _ in range(12):
        at_work.invoice()
    pace = Pace(slice_seconds=0.1, lease_seconds=5, width=2)
    given = (at_work.rooms, "con_1", pace, at_work.pushers, at_work.stop)
    drain(*given, lambda: others_wait)
    assert len(at_work.acme.docs) == made


def test_a_plan_outdated_before_the_first_write_leaves_nothing_behind(at_work: Stage) -> None:
    invoice = at_work.invoice()

    def outdate() -> None:
        with at_work.hub.database.write():
            outbox.outdate_plans(SCOPE, "con_1", at_work.hub.now())

    after(at_work, "plan_invoice", outdate)
    at_work.drain(width=1, slice_seconds=0)
    with at_work.hub.database.read():
        assert generations() == []
    assert at_work.acme.requests == []
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    with at_work.hub.database.read():
        assert [(one.number, one.sends) for one in generations()] == [(1, 1)]


def test_a_write_whose_turn_is_far_off_is_not_marked_until_it_comes(at_work: Stage) -> None:
    who = Spender(PROVIDER, SCOPE.environment, "con_1")
    at_work.hub.budget.pause(who, "calls", timedelta(seconds=2))
    invoice = at_work.invoice()
    slow = threading.Thread(target=at_work.drain)
    slow.start()
    time.sleep(0.7)
    waiting = at_work.delivery(invoice)
    slow.join()
    assert (waiting.state, waiting.may_exist) == ("pushing", False)
    assert at_work.delivery(invoice).state == "delivered"


class Noting(Acme):
    """Acme that notes something before it writes, and looks what the store has by then."""

    seen: list[tuple[bool, int]]

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        self.seen = [(False, t.Generation.select().count())] if not push.progress else self.seen
        push.save({"noted": 1})
        self.seen.append((True, t.Generation.select().count()))
        return super().push_invoice(connection, push)


def test_progress_saved_before_any_write_freezes_the_plan(
    database_url: str, tmp_path: Path
) -> None:
    plugin = Noting()
    with stage(database_url, tmp_path, plugin) as at_work:
        at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True))
        invoice = at_work.invoice()
        database = at_work.hub.database
        call = at_work.hub.dispatcher.call

        def reading(slug: str, name: str, **arguments: Any) -> Any:
            if name != "push_invoice":
                return call(slug, name, **arguments)
            # Its own look at the store, which a real plugin has not.
            with database.read():
                return call(slug, name, **arguments)

        at_work.hub.dispatcher.call = reading  # type: ignore[method-assign]
        at_work.drain()
        assert plugin.seen == [(False, 0), (True, 1)]
        with database.read():
            (kept,) = generations()
        assert (kept.progress, kept.sends) == ({"noted": 1}, 1)
        at_work.due_now()
        at_work.drain()
        assert at_work.delivery(invoice).state == "delivered"
        assert len(at_work.acme.docs) == 1


class Finding(Acme):
    """Acme that finds, before it writes, what somebody made."""

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        found = self.find_invoice(connection, push)
        return found or super().push_invoice(connection, push)  # type: ignore[return-value]


def test_a_document_that_a_push_finds_without_writing_is_on_record(
    database_url: str, tmp_path: Path
) -> None:
    with stage(database_url, tmp_path, Finding()) as at_work:
        invoice = at_work.invoice()
        at_work.drain()
        with at_work.hub.database.write():
            t.Generation.delete().execute()
            t.Delivery.update(
                state="due", may_exist=False, frozen=False, generation=0, receipt=None
            ).execute()
            at_work.hub.queue.wake("con_1", 0)
        at_work.drain()
        row = at_work.delivery(invoice)
        with at_work.hub.database.read():
            assert [(one.number, one.sends) for one in generations()] == [(1, 0)]
        assert (row.state, row.generation, len(at_work.acme.docs)) == ("delivered", 1, 1)


def test_a_worker_that_was_stopped_past_its_lease_sends_nothing_more(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a stopped process does: it renews nothing, and goes on in the middle of a push."""
    at_work.settings(drafts=True)
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=1.2))
    invoice = at_work.invoice()
    renew = at_work.hub.queue.renew

    def late(*given: Any) -> bool:
        time.sleep(1.3)
        return renew(*given)

    monkeypatch.setattr(at_work.hub.queue, "renew", late)
    at_work.drain(lease_seconds=0.8)
    monkeypatch.undo()
    assert [one.path for one in at_work.acme.seen("POST")] == ["/docs"]
    at_work.due_now()
    at_work.hub.queue.reconcile(at_work.hub.now())
    at_work.drain(2)
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.finals()) == len(at_work.acme.docs) == 1


def lease_of(at_work: Stage) -> tuple[Lease, ManualClock]:
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    lease = Lease(clock, at_work.hub.queue, "con_1", 15_000)
    assert lease.acquire()
    return lease, clock


def test_a_lease_ends_by_this_machines_clocks_and_renewing_keeps_it(at_work: Stage) -> None:
    lease, clock = lease_of(at_work)
    clock.advance(14)
    assert lease.keep()
    clock.advance(15)
    assert not lease.holds()
    assert not lease.keep()


def test_a_lease_is_kept_by_the_threads_that_ask_for_it_while_its_drain_is_busy(
    at_work: Stage,
) -> None:
    lease, clock = lease_of(at_work)
    for _ in range(10):
        clock.advance(6)
        assert lease.holds()
    assert lease.token == at_work.connection().lease_token
    assert at_work.connection().lease_until == epoch_ms(clock.now()) + 15_000


def test_a_lease_ends_where_either_clock_says_so(at_work: Stage) -> None:
    lease, clock = lease_of(at_work)
    slept, clock._now = clock._now, datetime(2026, 11, 22, 0, 0, 16, tzinfo=UTC)
    assert not lease.holds()
    clock._now = slept
    assert lease.holds()
    clock._ticks += 16
    assert not lease.holds()


def test_a_lease_taken_over_is_noticed_soon_and_for_good(at_work: Stage) -> None:
    lease, clock = lease_of(at_work)
    with at_work.hub.database.write():
        t.Connection.update(lease_token=t.Connection.lease_token + 1).execute()
    clock.advance(CONFIRM_SECONDS)
    assert not lease.holds()
    with at_work.hub.database.write():
        t.Connection.update(lease_token=lease.token).execute()
    assert not lease.holds()
