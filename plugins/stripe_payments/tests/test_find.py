"""Finding, voiding and collecting what was delivered."""

from dataclasses import replace

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments.simulator import customers

from kable_hub import (
    NeedsOperator,
    OutcomeUnknown,
    PaymentStatus,
    ReconnectRequired,
    Rejected,
    Transient,
)
from kable_hub.testing import Fault, builders


def find(desk, push):
    return plugin.find_invoice(desk.connection(), push)


def test_nothing_there_is_none(desk):
    assert find(desk, desk.push()) is None


def test_another_invoice_of_the_same_customer_is_not_taken_for_this_one(desk):
    desk.send(desk.push(builders.invoice(id="inv_2", number="INV-2")))
    assert find(desk, desk.push()) is None


@pytest.mark.parametrize("state", ["open", "void"])
def test_the_number_under_another_mark_of_the_hub_is_for_a_person(desk, state):
    lost = desk.push(builders.invoice(id="inv_0"))
    receipt = desk.send(lost)
    if state == "void":
        plugin.cancel_invoice(desk.connection(), receipt, lost)
        assert find(desk, desk.push()) is None
        return
    with pytest.raises(NeedsOperator) as caught:
        find(desk, desk.push())
    assert caught.value.code == "document_conflict"
    assert [one.value for one in caught.value.choices] == [receipt.external_id]
    other = replace(desk.push(), marker="hub_2/acc_1/inv_1")
    assert find(desk, other) is None


@pytest.mark.parametrize("state", ["open", "void", "paid"])
def test_a_final_invoice_is_found_in_any_state(desk, state):
    push = desk.push()
    receipt = desk.send(push)
    if state == "void":
        plugin.cancel_invoice(desk.connection(), receipt, push)
    if state == "paid":
        desk.stripe.collect()
    found = find(desk, push)
    assert (found.external_id, found.status, found.adopted) == (receipt.external_id, state, True)


def test_it_is_found_behind_many_others_page_by_page(desk):
    push = desk.push()
    receipt = desk.send(push)
    ledger = desk.stripe.accounts[desk.account].test
    original = ledger.of("invoice")[receipt.external_id]
    for _ in range(250):
        ledger.add(
            "invoice", "in", {**{k: v for k, v in original.items() if k != "id"}, "metadata": {}}
        )
    assert find(desk, push).external_id == receipt.external_id
    pages = desk.stripe.seen("GET", "/v1/invoices$")
    assert len(pages) == 3
    assert {page.query["customer"] for page in pages} == {desk.customer}


def test_the_search_begins_an_hour_before_since(desk):
    push = desk.push()
    receipt = desk.send(push)
    later = replace(push, since=desk.clock.now())
    desk.clock.advance(3500)
    assert find(desk, replace(later, since=desk.clock.now())).external_id == receipt.external_id
    desk.clock.advance(200)
    assert find(desk, replace(later, since=desk.clock.now())) is None


def test_two_hits_are_a_conflict_a_person_has_to_settle(desk):
    push = desk.push()
    desk.send(push)
    desk.progress = {}
    desk.send(replace(push, key="another", generation=2))
    with pytest.raises(NeedsOperator) as caught:
        find(desk, push)
    assert caught.value.code == "document_conflict"
    assert len(caught.value.choices) == 2


def test_looking_while_stripe_is_away_is_transient(desk):
    push = desk.push()
    desk.stripe.fault(Fault("invoices", "GET", stage="after", reset=True))
    with pytest.raises(Transient):
        find(desk, push)


def test_voiding_works_and_may_be_repeated(desk):
    push = desk.push()
    receipt = desk.send(push)
    for _ in range(2):
        voided = plugin.cancel_invoice(desk.connection(), receipt, push)
        assert (voided.status, voided.payment_status) == ("void", PaymentStatus.VOID)
    assert len(desk.stripe.seen("POST", "/void$")) == 1


def test_a_paid_invoice_is_not_voided(desk):
    push = desk.push()
    receipt = desk.send(push)
    desk.stripe.collect()
    with pytest.raises(Rejected) as caught:
        plugin.cancel_invoice(desk.connection(), receipt, push)
    assert caught.value.code == "already_paid"


def test_paid_between_the_look_and_the_void_is_already_paid(desk):
    push = desk.push()
    receipt = desk.send(push)

    def pay(name, writes):
        if name == "invoices.void":
            desk.stripe.collect()

    desk.guard.before = pay
    with pytest.raises(Rejected) as caught:
        plugin.cancel_invoice(desk.connection(), receipt, push)
    assert caught.value.code == "already_paid"


def test_a_void_refused_for_another_reason_is_passed_on(desk):
    push = desk.push()
    receipt = desk.send(push)
    body = '{"error": {"type": "invalid_request_error", "message": "No."}}'
    desk.stripe.fault(Fault("/void$", "POST", status=400, body=body))
    with pytest.raises(Rejected, match="No"):
        plugin.cancel_invoice(desk.connection(), receipt, push)


def test_a_lost_answer_to_a_void_is_unknown_and_settled_by_a_repeat(desk):
    push = desk.push()
    receipt = desk.send(push)
    desk.stripe.fault(Fault("/void$", "POST", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.cancel_invoice(desk.connection(), receipt, push)
    assert plugin.cancel_invoice(desk.connection(), receipt, push).status == "void"


def card(desk, declines=""):
    ledger = desk.stripe.accounts[desk.account].test
    method = customers.add_card(ledger, desk.customer, declines=declines)
    ledger.get("customer", desk.customer)["invoice_settings"]["default_payment_method"] = method


@pytest.mark.parametrize(
    ("declines", "status"),
    [
        ("", PaymentStatus.PAID),
        ("insufficient_funds", PaymentStatus.PAYMENT_FAILED),
        ("authentication_required", PaymentStatus.REQUIRES_ACTION),
    ],
)
def test_collecting_again_answers_how_the_payment_stands(desk, declines, status):
    receipt = desk.send(desk.push(builders.invoice(builders.line(tax=500)), tax="line"))
    card(desk, declines)
    again = plugin.collect_invoice(desk.connection(), receipt, "key-1")
    assert (again.payment_status, again.external_id) == (status, receipt.external_id)
    assert again.tax == receipt.tax == 500


def test_collecting_without_any_card_says_so_and_is_no_decline(desk):
    receipt = desk.send(desk.push())
    ledger = desk.stripe.accounts[desk.account].test
    ledger.get("customer", desk.customer)["invoice_settings"]["default_payment_method"] = None
    again = plugin.collect_invoice(desk.connection(), receipt, "key-1")
    assert (again.payment_status, again.payment_code) == (
        PaymentStatus.PAYMENT_FAILED,
        "requires_payment_method",
    )


def test_collecting_what_is_paid_already_is_success(desk):
    receipt = desk.send(desk.push())
    desk.stripe.collect()
    again = plugin.collect_invoice(desk.connection(), receipt, "key-1")
    assert again.payment_status is PaymentStatus.PAID


def test_collecting_without_access_is_an_error(desk):
    receipt = desk.send(desk.push())
    desk.stripe.revoke(desk.account)
    with pytest.raises(ReconnectRequired):
        plugin.collect_invoice(desk.connection(), receipt, "key-1")


def test_a_lost_answer_to_a_collection_is_unknown_and_charges_once(desk):
    receipt = desk.send(desk.push())
    desk.stripe.fault(Fault("/pay$", "POST", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.collect_invoice(desk.connection(), receipt, "key-1")
    again = plugin.collect_invoice(desk.connection(), receipt, "key-1")
    assert again.payment_status is PaymentStatus.PAID


def test_overdue_shows_by_the_due_date(desk):
    push = desk.push(collection_method="send_invoice", days_until_due=1)
    desk.send(push)
    desk.clock.advance(2 * 86400)
    assert find(desk, push).payment_status is PaymentStatus.OVERDUE
