"""One invoice, once, whatever happens on the way."""

from dataclasses import replace

import kable_stripe_payments as plugin
import pytest

from kable_hub import (
    LeaseLost,
    OutcomeUnknown,
    PaymentStatus,
    ProviderError,
    ReconnectRequired,
    Rejected,
    Transient,
    Unfinished,
    Unsupported,
)
from kable_hub.testing import Fault, builders

STEPS = [("invoices$", 0), ("add_lines", 0), ("add_lines", 1), ("finalize", 0)]


def long_invoice(count=150):
    return builders.invoice(*[builders.line(at, tax=100) for at in range(count)])


def only(desk, environment="test"):
    """The one document there is; no draft beside it."""
    assert desk.stripe.drafts() == []
    (document,) = desk.stripe.documents()
    assert document["environment"] == environment
    return document


def test_an_invoice_becomes_one_open_stripe_invoice_with_the_hubs_marks(desk):
    receipt = desk.send(desk.push())
    document = only(desk)
    assert document["external_id"] == receipt.external_id
    assert document["marker"] == "hub_1/acc_1/inv_1"
    assert (receipt.total, receipt.currency, receipt.customer) == (10000, "USD", desk.customer)
    assert receipt.number
    assert receipt.url.endswith(receipt.external_id)
    assert receipt.payment_status is PaymentStatus.OPEN
    assert not receipt.adopted


def test_every_writing_request_has_a_key_of_its_own_and_names_the_account(desk):
    desk.send(desk.push(long_invoice()))
    writes = [one for one in desk.stripe.requests if one.method == "POST"]
    keys = [one.header("idempotency-key") for one in writes]
    assert len(set(keys)) == len(keys) == 4
    assert {one.header("stripe-account") for one in writes} == {desk.account}
    assert {one.header("stripe-version") for one in writes} == {"2026-10-28.endive"}


def test_progress_is_saved_after_each_step_that_leaves_something(desk):
    saved = []
    push = replace(desk.push(long_invoice()), save=saved.append)
    receipt = plugin.push_invoice(desk.connection(), push)
    assert saved == [{"invoice": receipt.external_id, "lines": at} for at in (0, 100, 150)]


@pytest.mark.parametrize("count", [1, 100, 101, 250])
def test_lines_arrive_in_order_in_chunks_of_a_hundred(desk, count):
    desk.send(desk.push(long_invoice(count)))
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    marks = [row["metadata"]["hub_line_id"] for row in invoice["_rows"]]
    assert marks == [f"line_{at}" for at in range(count)]
    assert len(desk.stripe.seen("POST", "add_lines")) == -(-count // 100)


def test_251_lines_are_unsupported_before_anything_is_sent(desk):
    with pytest.raises(Unsupported, match="250"):
        desk.push(long_invoice(251))
    assert desk.stripe.seen("POST") == []


@pytest.mark.parametrize(("path", "skip"), STEPS)
def test_a_cut_before_a_step_is_executed_makes_one_invoice_in_the_end(desk, path, skip):
    desk.stripe.fault(Fault(path, "POST", stage="before", reset=True, skip=skip))
    push = desk.push(long_invoice())
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    receipt = desk.settle(push)
    assert only(desk)["external_id"] == receipt.external_id
    assert receipt.total == only(desk)["total"] == push.invoice.total


@pytest.mark.parametrize(("path", "skip"), STEPS)
def test_a_lost_answer_makes_one_invoice_in_the_end(desk, path, skip):
    desk.stripe.fault(Fault(path, "POST", stage="after", reset=True, skip=skip))
    push = desk.push(long_invoice())
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    receipt = desk.settle(push)
    assert only(desk)["external_id"] == receipt.external_id
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    assert len(invoice["_rows"]) == 150


@pytest.mark.parametrize(("path", "skip"), STEPS)
def test_after_a_lost_answer_and_a_day_the_invoice_is_found_and_finished(desk, path, skip):
    desk.stripe.fault(Fault(path, "POST", stage="after", reset=True, skip=skip))
    push = desk.push(long_invoice())
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    desk.clock.advance(25 * 3600)
    found = plugin.find_invoice(desk.connection(), push)
    if isinstance(found, Unfinished):
        desk.progress = dict(found.progress)
        found = desk.send(push)
    assert only(desk)["external_id"] == found.external_id
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    assert len(invoice["_rows"]) == 150


@pytest.mark.parametrize("stage", ["before", "after"])
@pytest.mark.parametrize("path", ["invoices ", "add_lines", "finalize"])
def test_a_500_that_stripe_keeps_under_the_key_makes_one_invoice_in_the_end(desk, path, stage):
    desk.stripe.break_next(path, stage)
    push = desk.push(long_invoice())
    with pytest.raises(OutcomeUnknown) as caught:
        desk.send(push)
    assert caught.value.http_status == 500
    receipt = desk.settle(push)
    assert only(desk)["external_id"] == receipt.external_id
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    assert len(invoice["_rows"]) == 150


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("survived", range(5))
def test_a_process_killed_between_two_calls_leaves_one_invoice_in_the_end(desk, survived):
    push = desk.push(long_invoice())
    left = [survived]

    def die(name, writes):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    desk.guard.before = die
    if survived < 4:
        with pytest.raises(Killed):
            desk.send(push)
    else:
        desk.send(push)
    desk.guard.before = None
    desk.send(push)
    assert only(desk)["total"] == push.invoice.total
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    assert len(invoice["_rows"]) == 150


@pytest.mark.parametrize("step", range(4))
def test_a_process_killed_before_it_could_save_leaves_one_invoice_in_the_end(desk, step):
    push = desk.push(long_invoice())
    left = [step]

    def die(progress):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        desk._save(progress)

    if step < 3:
        with pytest.raises(Killed):
            plugin.push_invoice(desk.connection(), replace(push, save=die))
    desk.send(push)
    assert only(desk)["total"] == push.invoice.total


def test_the_same_push_twice_gives_the_same_receipt(desk):
    push = desk.push()
    assert desk.send(push) == desk.send(push)
    desk.progress = {}
    assert desk.send(push).external_id == only(desk)["external_id"]


def test_a_coupon_and_pending_items_of_the_customer_change_nothing(desk):
    environment = desk.connection().environment
    desk.stripe.customer(desk.account, environment, desk.customer)["_coupon"] = 50
    assert desk.send(desk.push()).total == 10000


def test_a_credit_balance_lowers_what_is_due_but_not_the_total(desk):
    environment = desk.connection().environment
    desk.stripe.customer(desk.account, environment, desk.customer)["balance"] = -4000
    assert desk.send(desk.push()).total == 10000
    (invoice,) = desk.stripe.ledger(desk.account, environment)
    assert invoice["amount_due"] == 6000


def add_by_hand(desk, amount):
    """Somebody adds a line in Stripe's dashboard."""
    (draft,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    draft["_rows"].append({**draft["_rows"][0], "amount": amount})
    draft["subtotal"] += amount
    draft["total"] += amount


def tampered(desk):
    push = desk.push()
    desk.stripe.fault(Fault("finalize", "POST", stage="before", reset=True))
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    add_by_hand(desk, 100)
    desk.stripe.fault(Fault("/v1/invoices/in_[^/]+$", "GET", stage="before", status=503))
    with pytest.raises(Transient):
        desk.send(push)
    return push


def test_totals_that_differ_remove_the_draft_and_say_so_again_without_a_call(desk):
    push = desk.push()
    document = {**push.document, "total": push.document["total"] + 1}
    push = replace(push, document=document)
    with pytest.raises(Rejected) as caught:
        desk.send(push)
    assert caught.value.code == "total_mismatch"
    assert desk.stripe.documents() == desk.stripe.drafts() == []
    before = len(desk.stripe.requests)
    with pytest.raises(Rejected, match="10001"):
        desk.send(push)
    assert len(desk.stripe.requests) == before
    assert plugin.find_invoice(desk.connection(), push) is None


def test_a_draft_that_somebody_changed_is_removed_not_finalized(desk):
    push = tampered(desk)
    with pytest.raises(Rejected) as caught:
        desk.send(push)
    assert caught.value.code == "total_mismatch"
    assert desk.stripe.documents() == desk.stripe.drafts() == []


def test_a_draft_that_cannot_be_removed_proves_nothing(desk):
    push = desk.push()
    push = replace(push, document={**push.document, "total": 1})
    desk.stripe.fault(Fault("/v1/invoices/", "DELETE", stage="before", reset=True))
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    assert len(desk.stripe.drafts()) == 1
    with pytest.raises(Rejected):
        desk.send(push)
    assert desk.stripe.drafts() == []


def test_a_draft_finalized_by_hand_meanwhile_is_found_not_removed(desk):
    push = desk.push()

    def by_hand(name, writes):
        if name == "invoices.finalize":
            (draft,) = desk.stripe.ledger(desk.account, desk.connection().environment)
            draft.update(status="open", number="BY-HAND-1")

    desk.guard.before = by_hand
    with pytest.raises(Rejected):
        desk.send(push)
    assert plugin.find_invoice(desk.connection(), push).number == "BY-HAND-1"


def test_a_lost_lease_is_let_through_at_every_call(desk):
    push = replace(desk.push(), document={**desk.push().document, "total": 1})
    reached = 0
    for allowed in range(4):
        left = [allowed]

        def refuse(name, writes, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise LeaseLost("another worker took over")

        desk.progress = {}
        desk.guard.before = refuse
        with pytest.raises((LeaseLost, Rejected)) as caught:
            desk.send(push)
        reached += caught.type is LeaseLost
    assert reached == 3


def test_an_amount_too_large_for_stripe_is_rejected_and_leaves_nothing(desk):
    line = builders.line(amount=99_999_999)
    push = desk.push(builders.invoice(line, builders.line(2, amount=1)))
    with pytest.raises(Rejected) as caught:
        desk.send(push)
    assert caught.value.code == "amount_too_large"
    assert desk.stripe.drafts() == []
    desk.send(desk.push(builders.invoice(line), generation=2))
    assert only(desk)["total"] == 99_999_999


def test_a_draft_deleted_by_hand_is_unknown_and_then_made_anew(desk):
    push = desk.push()
    desk.stripe.fault(Fault("add_lines", "POST", stage="before", reset=True))
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    desk.stripe.accounts[desk.account].test.of("invoice").clear()
    with pytest.raises(OutcomeUnknown) as caught:
        desk.send(push)
    assert caught.value.code == "draft_gone"
    desk.settle(push)
    assert only(desk)["total"] == 10000


def test_a_late_draft_of_an_older_generation_is_replaced(desk):
    old = desk.push()
    desk.stripe.fault(Fault("invoices$", "POST", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        desk.send(old)
    new = desk.push(builders.invoice(builders.line(amount=777)), generation=2)
    found = plugin.find_invoice(desk.connection(), new)
    assert isinstance(found, Unfinished)
    desk.progress = dict(found.progress)
    assert desk.send(new).total == 777
    assert only(desk)["total"] == 777
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    assert invoice["metadata"]["hub_generation"] == "2"


def test_the_same_key_with_other_parameters_is_unknown_not_a_second_invoice(desk):
    push = desk.push()
    desk.stripe.fault(Fault("invoices$", "POST", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    head = {**push.document["invoice"], "description": "changed"}
    with pytest.raises(OutcomeUnknown) as caught:
        desk.send(replace(push, document={**push.document, "invoice": head}))
    assert caught.value.code == "idempotency_mismatch"


def test_access_taken_back_in_the_middle_waits_for_a_person_and_goes_on(desk):
    push = desk.push()
    desk.stripe.fault(Fault("add_lines", "POST", stage="before", reset=True))
    with pytest.raises(OutcomeUnknown):
        desk.send(push)
    desk.stripe.revoke(desk.account)
    with pytest.raises(ReconnectRequired):
        desk.send(push)
    desk.stripe.accounts[desk.account].granted.add(True)
    assert desk.send(push).total == only(desk)["total"] == 10000


def test_an_older_draft_that_cannot_be_removed_stops_the_push(desk):
    push = desk.push()
    desk.progress = {"stale": "in_old"}
    desk.stripe.fault(Fault("in_old", "DELETE", stage="before", status=500))
    with pytest.raises(ProviderError):
        desk.send(push)
    assert desk.stripe.seen("POST") == []
    desk.send(push)
    assert only(desk)["total"] == 10000
