"""What becomes of a delivery, error by error and crash by crash, judged by Acme's own ledger."""

import threading
import time

import pytest

from kable_hub.clock import epoch_ms
from kable_hub.store import outbox
from kable_hub.store import tables as t
from kable_hub.testing import Fault
from tests.delivery.stage import SCOPE, Stage


def test_an_invoice_arrives_once_with_its_marker_and_a_timeline(at_work: Stage) -> None:
    invoice = at_work.invoice(1234)
    at_work.drain()
    row = at_work.delivery(invoice)
    (doc,) = at_work.acme.finals()
    assert (row.state, row.external_id, row.variance) == ("delivered", doc["id"], 0)
    assert doc["total"] == 1234
    assert doc["marker"] == f"{at_work.hub.instance_id}/acc_1/{invoice}"
    (attempt,) = at_work.attempts(invoice)
    assert (attempt.step, attempt.outcome, attempt.http_status) == ("push", "ok", 200)
    assert [call["name"] for call in attempt.calls] == ["docs.create"]


def test_many_invoices_arrive_once_each(at_work: Stage) -> None:
    invoices = [at_work.invoice(100 + n) for n in range(40)]
    at_work.drain()
    assert sorted(doc["total"] for doc in at_work.acme.finals()) == list(range(100, 140))
    assert {at_work.delivery(one).state for one in invoices} == {"delivered"}
    assert at_work.connection().next_due_at is None


def test_an_answer_lost_after_the_commit_does_not_duplicate_the_invoice(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True))
    invoice = at_work.invoice()
    at_work.drain()
    assert at_work.delivery(invoice).state == "uncertain"
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.docs) == 1
    keys = {one.header("key") for one in at_work.acme.seen("POST", "/docs")}
    assert len(keys) == 1


def test_a_500_that_repeats_under_the_key_ends_by_looking(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", status=500, times=2))
    invoice = at_work.invoice()
    for _ in range(3):
        at_work.drain()
        at_work.due_now()
    row = at_work.delivery(invoice)
    assert row.state == "delivered"
    assert row.receipt["adopted"] is True
    assert len(at_work.acme.docs) == 1


def test_nothing_found_before_settle_after_is_not_believed(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", reset=True, times=2))
    invoice = at_work.invoice()
    for _ in range(3):
        at_work.drain()
        at_work.due_now()
    assert at_work.delivery(invoice).state == "uncertain"
    assert at_work.delivery(invoice).error_code == "not_settled_yet"
    at_work.settled()
    at_work.drain(2)
    row = at_work.delivery(invoice)
    assert (row.state, row.generation) == ("delivered", 2)
    assert len(at_work.acme.docs) == 1


def test_a_refused_invoice_is_rejected_with_the_reason_and_its_neighbours_go_on(
    at_work: Stage,
) -> None:
    at_work.acme.refuse.add("BAD")
    bad, good = at_work.invoice(number="BAD"), at_work.invoice()
    at_work.drain()
    row = at_work.delivery(bad)
    assert (row.state, row.error_message, row.may_exist) == ("rejected", "refused by rule", False)
    assert [one.step for one in at_work.attempts(bad)] == ["push", "find"]
    assert at_work.delivery(good).state == "delivered"


def test_a_retried_rejection_is_planned_anew_under_a_new_key(at_work: Stage) -> None:
    at_work.acme.refuse.add("BAD")
    bad = at_work.invoice(number="BAD")
    at_work.drain()
    at_work.acme.refuse.clear()
    with at_work.hub.database.write():
        outbox.retry(SCOPE, at_work.delivery(bad).id, at_work.hub.now())
    at_work.drain()
    assert (at_work.delivery(bad).state, at_work.delivery(bad).generation) == ("delivered", 2)


def test_a_missing_payment_method_blocks_before_anything_is_sent(at_work: Stage) -> None:
    at_work.settings(need_method=True)
    at_work.acme.customers["A-1"]["method"] = False
    invoice = at_work.invoice()
    at_work.drain()
    row = at_work.delivery(invoice)
    assert (row.state, row.error_code) == ("blocked", "requires_payment_method")
    assert row.blocked_on == "customer"
    assert at_work.acme.docs == {}
    at_work.acme.customers["A-1"]["method"] = True
    with at_work.hub.database.write():
        now = at_work.hub.now()
        woken = outbox.wake_blocked(SCOPE, "con_1", on="customer", now=now, customer_id="cus_1")
    assert woken == 1
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_a_missing_setting_blocks_until_settings_are_saved(at_work: Stage) -> None:
    invoice = at_work.invoice(memo="no item")
    at_work.drain()
    assert at_work.delivery(invoice).error_code == "missing_setting"
    at_work.settings(item="7")
    with at_work.hub.database.write():
        outbox.wake_blocked(SCOPE, "con_1", on="settings", now=at_work.hub.now())
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_too_many_lines_are_rejected_before_any_call(at_work: Stage) -> None:
    invoice = at_work.invoice(lines=251)
    at_work.drain()
    row = at_work.delivery(invoice)
    assert (row.state, row.error_code) == ("rejected", "unsupported")
    assert at_work.acme.requests == []


def test_a_provider_that_is_away_is_tried_again_later(at_work: Stage) -> None:
    at_work.acme.stop()
    invoice = at_work.invoice()
    before = at_work.hub.now()
    at_work.drain()
    row = at_work.delivery(invoice)
    assert (row.state, row.error_code, row.failures) == ("uncertain", "transient", 1)
    assert row.due_at >= before + 1000
    at_work.acme.start()
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_retry_after_is_honoured_and_pauses_the_limit(at_work: Stage) -> None:
    headers = {"Retry-After": "30"}
    at_work.acme.fault(Fault(path="/docs", method="POST", status=429, headers=headers))
    invoice = at_work.invoice()
    before = at_work.hub.now()
    at_work.drain()
    row = at_work.delivery(invoice)
    assert row.due_at >= before + 30_000
    assert row.error_code == "rate_limited"


def test_a_stale_token_is_refreshed_once_by_many_threads(at_work: Stage) -> None:
    at_work.acme.tokens.clear()
    invoices = [at_work.invoice() for _ in range(8)]
    at_work.drain()
    assert {at_work.delivery(one).state for one in invoices} == {"delivered"}
    assert len(at_work.acme.seen("POST", "/token")) == 1
    assert len(at_work.acme.docs) == 8


def test_a_revoked_connection_pauses_and_keeps_its_queue(at_work: Stage) -> None:
    at_work.acme.revoked = True
    invoice = at_work.invoice()
    at_work.drain()
    assert at_work.connection().state == "paused"
    assert at_work.connection().pauses == {"reconnect": "access was taken back"}
    at_work.drain()
    assert at_work.delivery(invoice).state == "uncertain"
    assert at_work.connection().next_due_at is None


@pytest.mark.parametrize("path", ["/docs$", "/finalize"])
@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_draft_is_finished_whatever_call_is_lost(at_work: Stage, path: str, stage: str) -> None:
    at_work.settings(drafts=True)
    at_work.acme.fault(Fault(path=path, method="POST", stage=stage, reset=True, times=2))
    invoice = at_work.invoice()
    for _ in range(4):
        at_work.drain()
        at_work.due_now()
    at_work.settled()
    at_work.drain(2)
    assert at_work.delivery(invoice).state == "delivered"
    assert [doc["status"] for doc in at_work.acme.docs.values()] == ["open"]


def test_a_worker_that_lost_its_lease_changes_nothing(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=1.0))
    invoice = at_work.invoice()
    slow = threading.Thread(target=at_work.drain)
    slow.start()
    while not at_work.delivery(invoice).may_exist:
        time.sleep(0.01)
    with at_work.hub.database.write():
        t.Connection.update(lease_until=0).execute()
    token = at_work.hub.queue.acquire("con_1", epoch_ms(at_work.hub.clock.now()), 5000)
    slow.join()
    assert token == 2
    assert at_work.delivery(invoice).state == "uncertain"
    assert at_work.attempts(invoice) == []
    at_work.hub.queue.release("con_1", 2, at_work.hub.now(), states="1 = 1")
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.docs) == 1


def test_an_edit_while_a_plan_is_made_sends_the_new_text(at_work: Stage) -> None:
    at_work.settings(need_method=True)
    at_work.acme.fault(Fault(path="/customers", delay=0.5))
    invoice = at_work.invoice(1000)
    slow = threading.Thread(target=at_work.drain)
    slow.start()
    while at_work.delivery(invoice).state != "pushing":
        time.sleep(0.01)
    with at_work.hub.database.write():
        assert outbox.discard_frozen(SCOPE, invoice, at_work.hub.now())
        t.Invoice.update(total=2000, subtotal=2000, revision=2).execute()
    slow.join()
    at_work.drain()
    assert [doc["total"] for doc in at_work.acme.finals()] == [2000]


def test_a_sent_invoice_cannot_be_edited_or_cancelled(at_work: Stage) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    with at_work.hub.database.write():
        assert not outbox.discard_frozen(SCOPE, invoice, at_work.hub.now())
        assert not outbox.cancel(SCOPE, at_work.delivery(invoice).id, at_work.hub.now())


def test_a_person_settles_what_stays_uncertain(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True, times=9))
    invoice = at_work.invoice()
    at_work.drain()
    delivery = at_work.delivery(invoice).id
    with at_work.hub.database.write():
        now = at_work.hub.now()
        outbox.settle_by_hand(SCOPE, delivery, exists=True, external_id="D-1", now=now)
    assert at_work.delivery(invoice).state == "delivered"
    assert at_work.delivery(invoice).external_id == "D-1"


def test_two_documents_with_our_marker_are_a_conflict_for_a_person(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True, times=2))
    invoice = at_work.invoice()
    at_work.drain()
    doc = next(iter(at_work.acme.docs.values()))
    at_work.acme.docs["D-9"] = {**doc, "id": "D-9"}
    at_work.due_now()
    at_work.drain()
    at_work.due_now()
    at_work.drain()
    row = at_work.delivery(invoice)
    assert (row.state, row.error_code, row.may_exist) == ("blocked", "document_conflict", True)


def test_voiding_a_delivered_invoice_voids_it_there_once(at_work: Stage) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    with at_work.hub.database.write():
        outbox.open_void(SCOPE, at_work.delivery(invoice).id, at_work.hub.now())
    at_work.hub.wake("con_1")
    at_work.acme.fault(Fault(path="/void", stage="after", reset=True))
    at_work.drain()
    assert at_work.delivery(invoice, "void").state == "uncertain"
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice, "void").state == "delivered"
    assert at_work.delivery(invoice).payment_status == "void"
    assert [doc["status"] for doc in at_work.acme.docs.values()] == ["void"]


def test_voiding_a_paid_invoice_is_rejected(at_work: Stage) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    next(iter(at_work.acme.docs.values()))["status"] = "paid"
    with at_work.hub.database.write():
        outbox.open_void(SCOPE, at_work.delivery(invoice).id, at_work.hub.now())
    at_work.drain()
    row = at_work.delivery(invoice, "void")
    assert (row.state, row.error_code) == ("rejected", "already_paid")


def test_a_customer_is_created_once_and_its_invoices_follow(at_work: Stage) -> None:
    with at_work.hub.database.write():
        t.Link.update(state="pending", reference="").execute()
        at_work.open("create_customer", "cus_1")
    invoice = at_work.invoice()
    at_work.acme.fault(Fault(path="/customers", method="POST", stage="after", reset=True))
    at_work.drain()
    assert at_work.delivery(invoice).error_code == "link_pending"
    at_work.due_now()
    at_work.drain()
    with at_work.hub.database.read():
        link = t.Link.get()
    assert (link.state, link.reference) == ("linked", "A-2")
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"
    assert len(at_work.acme.customers) == 2


def test_an_unlinked_customer_is_not_charged(at_work: Stage) -> None:
    invoice = at_work.invoice()
    with at_work.hub.database.write():
        t.Link.delete().execute()
        outbox.block_unlinked(SCOPE, "con_1", "cus_1", at_work.hub.now())
    at_work.drain()
    row = at_work.delivery(invoice)
    assert (row.state, row.error_code) == ("blocked", "not_linked")
    assert at_work.acme.docs == {}


def test_a_held_invoice_waits_for_a_person(at_work: Stage) -> None:
    invoice = at_work.invoice(state="held")
    at_work.drain()
    assert at_work.delivery(invoice).state == "held"
    with at_work.hub.database.write():
        outbox.push_held(SCOPE, at_work.delivery(invoice).id, at_work.hub.now())
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_a_paused_connection_sends_nothing_new(at_work: Stage) -> None:
    invoice = at_work.invoice()
    with at_work.hub.database.write():
        t.Connection.update(state="paused", pauses={"plan": "free plan"}).execute()
    at_work.drain()
    assert at_work.delivery(invoice).state == "due"
    assert at_work.acme.requests == []
