"""People, clocks and crashes that meet a delivery in the middle: nothing is lost or made twice."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kable_hub import Connection, Dedupe, OutcomeUnknown, Push, Receipt, Rejected, hookimpl
from kable_hub.clock import epoch_ms
from kable_hub.dialogue import Credentials
from kable_hub.store import outbox
from kable_hub.store import tables as t
from kable_hub.store.credentials import save_credentials
from kable_hub.sync.keys import CLOCKS_DIFFER
from kable_hub.testing import Fault
from kable_hub.usecases import connections
from tests.acme import PROVIDER, Acme
from tests.delivery.stage import SCOPE, Stage, stage


def after(at_work: Stage, hook: str, act: Callable[[], None]) -> Any:
    """`act` once, just after the plugin's `hook` ended, before the hub hears of it."""
    dispatcher, done = at_work.hub.dispatcher, []
    call = dispatcher.call

    def spied(slug: str, name: str, **arguments: Any) -> Any:
        try:
            return call(slug, name, **arguments)
        finally:
            if name == hook and not done:
                done.append(1)
                act()

    dispatcher.call = spied  # type: ignore[method-assign]
    return done


def test_deliveries_of_a_drain_that_failed_are_taken_up_again(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = at_work.invoice()

    def broken(*_: Any) -> list[str]:
        raise OSError("the disk is full")

    monkeypatch.setattr(at_work.hub.queue, "settle", broken)
    with pytest.raises(OSError, match="full"):
        at_work.drain()
    monkeypatch.undo()
    assert at_work.delivery(invoice).state == "pushing"
    assert at_work.hub.queue.reconcile(at_work.hub.now() + 1) == 1
    at_work.drain()
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.docs) == 1


def test_settings_saved_while_a_plan_asks_for_them_are_not_asked_for_again(
    at_work: Stage,
) -> None:
    def save() -> None:
        at_work.settings(item="7")
        with at_work.hub.database.write():
            outbox.outdate_plans(SCOPE, "con_1", at_work.hub.now())
            outbox.wake_blocked(SCOPE, "con_1", on="settings", now=at_work.hub.now())

    invoice = at_work.invoice(memo="no item")
    after(at_work, "plan_invoice", save)
    at_work.drain()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_what_is_claimed_after_settings_were_saved_is_planned_with_them(at_work: Stage) -> None:
    second: list[str] = []

    def save() -> None:
        at_work.settings(item="7")
        second.append(at_work.invoice(memo="no item"))

    at_work.invoice()
    after(at_work, "push_invoice", save)
    at_work.drain(width=1)
    assert at_work.delivery(second[0]).state == "delivered"


def test_a_customer_that_becomes_ready_during_the_try_is_tried_again(at_work: Stage) -> None:
    at_work.settings(need_method=True)
    at_work.acme.customers["A-1"]["method"] = False
    invoice = at_work.invoice()

    def ready() -> None:
        at_work.acme.customers["A-1"]["method"] = True
        with at_work.hub.database.write():
            now = at_work.hub.now()
            outbox.wake_blocked(SCOPE, "con_1", on="customer", now=now, customer_id="cus_1")

    after(at_work, "plan_invoice", ready)
    at_work.drain(2)
    assert at_work.delivery(invoice).state == "delivered"


def test_a_link_made_while_the_plan_missed_it_is_used(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_work.hub.database.write():
        t.Link.update(state="pending").execute()
    invoice = at_work.invoice()
    settle = at_work.hub.queue.settle

    def linked_first(*given: Any) -> list[str]:
        monkeypatch.undo()
        with at_work.hub.database.write():
            t.Link.update(state="linked").execute()
            outbox.relink(SCOPE, "con_1", "cus_1", at_work.hub.now())
        return settle(*given)

    monkeypatch.setattr(at_work.hub.queue, "settle", linked_first)
    at_work.drain(2)
    assert at_work.delivery(invoice).state == "delivered"


def test_a_refusal_of_old_access_does_not_pause_what_was_reconnected_meanwhile(
    at_work: Stage,
) -> None:
    at_work.acme.revoked = True
    invoice = at_work.invoice()

    def reconnect() -> None:
        at_work.acme.revoked = False
        with at_work.hub.database.write():
            fresh = Credentials({"token": "token-1", "refresh": "refresh-1"})
            save_credentials(at_work.hub.vault, SCOPE, "con_1", fresh, at_work.hub.now())

    after(at_work, "push_invoice", reconnect)
    at_work.drain()
    assert at_work.connection().state == "active"
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_a_token_that_is_refreshed_for_a_plan_blocks_nothing_and_counts_as_no_send(
    at_work: Stage,
) -> None:
    at_work.settings(need_method=True)
    at_work.acme.tokens.clear()
    invoice = at_work.invoice()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    with at_work.hub.database.read():
        assert t.Generation.get().sends == 1


def test_a_lease_lost_to_the_clock_blames_no_plugin(at_work: Stage) -> None:
    at_work.settings(need_method=True)
    at_work.acme.fault(Fault(path="/customers", delay=0.9))
    invoice = at_work.invoice()

    def jump() -> None:
        with at_work.hub.database.write():
            t.Connection.update(lease_until=1).execute()

    threading.Timer(0.2, jump).start()
    at_work.drain(lease_seconds=1)
    assert at_work.delivery(invoice).state in ("due", "pushing")
    time.sleep(0.8)
    at_work.hub.queue.reconcile(at_work.hub.now())
    at_work.drain(2)
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.docs) == 1


def test_a_thread_that_was_given_up_while_it_began_to_send_is_not_forgotten(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kable_hub.sync.drain.CALL_SECONDS", 0.2)
    invoice, queue = at_work.invoice(), at_work.hub.queue
    mark, marked = queue.mark_may_exist, threading.Event()
    settle = queue.settle

    def slow_mark(*given: Any) -> bool:
        time.sleep(1.0)
        answer = mark(*given)
        marked.set()
        return answer

    def settled_after_the_mark(*given: Any) -> list[str]:
        assert marked.wait(60)
        return settle(*given)

    monkeypatch.setattr(queue, "mark_may_exist", slow_mark)
    monkeypatch.setattr(queue, "settle", settled_after_the_mark)
    at_work.drain()
    monkeypatch.undo()
    time.sleep(0.5)
    assert at_work.delivery(invoice).may_exist
    queue.reconcile(at_work.hub.now())
    at_work.due_now()
    at_work.drain(2)
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.docs) == 1


def test_a_database_that_stumbles_blocks_nothing(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, stumbled = at_work.invoice(), []
    monkeypatch.setattr("kable_hub.sync.lease.CONFIRM_SECONDS", 0.0)

    def stumbles(*_: Any) -> bool:
        monkeypatch.undo()
        stumbled.append(1)
        raise OSError("server closed the connection unexpectedly")

    monkeypatch.setattr(at_work.hub.queue, "leased", stumbles)
    at_work.drain()
    assert stumbled
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


class Unsure(Acme):
    """Acme that says of every refusal that nobody knows what it did."""

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        try:
            return super().push_invoice(connection, push)
        except Rejected as error:
            raise OutcomeUnknown("who knows", http_status=error.http_status) from error


def test_an_answer_that_proves_nothing_is_not_believed_because_it_has_a_status(
    database_url: str, tmp_path: Path
) -> None:
    provider = replace(PROVIDER, dedupe=Dedupe("none"), settle_after=timedelta(hours=1))
    with stage(database_url, tmp_path, Unsure(provider)) as at_work:
        at_work.acme.refuse.add("BAD")
        invoice = at_work.invoice(number="BAD")
        for _ in range(3):
            at_work.drain()
            at_work.due_now()
        row = at_work.delivery(invoice)
        assert (row.state, row.error_code) == ("uncertain", "not_settled_yet")
        assert len(at_work.acme.seen("POST", "/docs")) == 1


@pytest.mark.parametrize("status", [408, 409, 425])
def test_a_request_that_may_still_be_at_work_is_waited_for(at_work: Stage, status: int) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", status=status))
    invoice = at_work.invoice()
    at_work.drain()
    row = at_work.delivery(invoice)
    assert (row.state, row.error_code) == ("uncertain", "not_settled_yet")


@pytest.mark.parametrize("age", [timedelta(hours=24, seconds=-30), timedelta(hours=-3)])
def test_a_key_is_used_again_only_while_it_is_surely_kept(at_work: Stage, age: timedelta) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True))
    invoice = at_work.invoice()
    at_work.drain()
    at_work.acme.answers.clear()
    with at_work.hub.database.write():
        sent = at_work.hub.now() - int(age / timedelta(milliseconds=1))
        t.Generation.update(first_sent_at=sent).execute()
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).receipt["adopted"] is True
    assert len(at_work.acme.docs) == 1


def test_a_later_generation_looks_as_far_back_as_the_first(at_work: Stage) -> None:
    at_work.acme.refuse.add("BAD")
    invoice = at_work.invoice(number="BAD")
    at_work.drain()
    at_work.acme.refuse.clear()
    with at_work.hub.database.read():
        first = t.Generation.get().first_sent_at
    with at_work.hub.database.write():
        outbox.retry(SCOPE, at_work.delivery(invoice).id, at_work.hub.now())
    seen: list[Push] = []
    call = at_work.hub.dispatcher.call

    def spied(slug: str, name: str, **arguments: Any) -> Any:
        if name == "push_invoice":
            seen.append(arguments["push"])
        return call(slug, name, **arguments)

    at_work.hub.dispatcher.call = spied  # type: ignore[method-assign]
    at_work.drain()
    assert seen[0].generation == 2
    assert epoch_ms(seen[0].since + CLOCKS_DIFFER) == first


def test_a_void_that_was_cancelled_can_be_asked_for_again(at_work: Stage) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    push, now = at_work.delivery(invoice).id, at_work.hub.now()
    with at_work.hub.database.write():
        outbox.open_void(SCOPE, push, now)
        assert outbox.cancel(SCOPE, at_work.delivery(invoice, "void").id, now)
        outbox.open_void(SCOPE, push, now)
    at_work.drain()
    assert at_work.delivery(invoice, "void").state == "delivered"


def test_a_mark_survives_a_power_cut(at_work: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite = at_work.hub.database.is_sqlite
    asked, full = ("PRAGMA synchronous", 2) if on_sqlite else ("SHOW synchronous_commit", "on")
    seen: list[object] = []
    mark = at_work.hub.queue._mark

    def spied(*given: Any) -> None:
        seen.append(at_work.hub.database.sql(asked).fetchone()[0])
        mark(*given)

    monkeypatch.setattr(at_work.hub.queue, "_mark", spied)
    at_work.invoice()
    at_work.drain()
    assert seen == [full]


def test_a_connection_that_is_resumed_while_its_lease_is_given_back_goes_on(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, queue = at_work.invoice(), at_work.hub.queue
    connections.pause(at_work.hub, SCOPE, "acme")
    release = queue.release

    def overtaken(*given: Any, **how: Any) -> None:
        connections.resume(at_work.hub, SCOPE, "acme")
        release(*given, **how)

    monkeypatch.setattr(queue, "release", overtaken)
    at_work.drain()
    monkeypatch.undo()
    assert at_work.delivery(invoice).state == "due"
    assert queue.due_connections(at_work.hub.now(), 9, "acme") == ["con_1"]
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert queue.due_connections(at_work.hub.now(), 9, "acme") == []
