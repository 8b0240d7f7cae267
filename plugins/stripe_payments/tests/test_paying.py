"""A final invoice is charged at once; no payment makes a push fail or an invoice twice."""

from contextlib import suppress

import kable_stripe_payments as plugin
import pytest

from kable_hub import LeaseLost, NeedsOperator, PaymentStatus, Receipt
from kable_hub.testing import Fault, builders

CALLS = 5
"""Create, add lines, finalize, pay, read."""


class Killed(BaseException):
    """The process died here."""


def cut(desk, survived, error):
    """Let so many calls pass, then `error` instead of the next ones."""
    left = [survived]

    def stop(name, writes):
        left[0] -= 1
        if left[0] < 0:
            raise error

    desk.guard.before = stop


@pytest.mark.parametrize("survived", range(CALLS + 1))
@pytest.mark.parametrize("late", [False, True])
def test_a_process_killed_between_any_two_calls_leaves_one_paid_invoice(desk, survived, late):
    push = desk.push(pay_at_once=True)
    cut(desk, survived, Killed())
    with suppress(Killed):
        desk.send(push)
    desk.guard.before = None
    if late:
        desk.clock.advance(25 * 3600)
    receipt = desk.settle(push)
    assert isinstance(receipt, Receipt)
    assert receipt.payment_status is PaymentStatus.PAID
    assert [one["status"] for one in desk.stripe.documents()] == ["paid"]
    assert desk.stripe.drafts() == []
    charges = [one for one in desk.stripe.events if one["type"] == "invoice.paid"]
    assert len(charges) == 1


def test_a_state_that_cannot_be_read_after_the_charge_is_no_error(desk):
    push = desk.push(pay_at_once=True)
    desk.stripe.fault(Fault("/v1/invoices/in_", "GET", status=500))
    receipt = desk.send(push)
    assert (receipt.status, receipt.payment_status) == ("open", PaymentStatus.OPEN)
    assert [one["status"] for one in desk.stripe.documents()] == ["paid"]


@pytest.mark.parametrize("survived", [CALLS - 2, CALLS - 1])
def test_only_the_loss_of_the_lease_ends_a_charge(desk, survived):
    push = desk.push(pay_at_once=True)
    cut(desk, survived, LeaseLost("another worker took over"))
    with pytest.raises(LeaseLost):
        desk.send(push)


def test_a_mailed_invoice_is_never_charged_at_once(desk):
    push = desk.push(pay_at_once=True, collection_method="send_invoice")
    assert desk.send(push).payment_status is PaymentStatus.OPEN
    assert desk.stripe.seen("POST", "/pay") == []


def test_what_made_a_draft_go_is_said_again_without_a_call(desk):
    invoice = builders.invoice(builders.line(tax=1900, tax_code="STD"))
    push = desk.push(invoice, tax="rates", tax_rates="STD: txr_unknown")
    for _ in range(2):
        with pytest.raises(NeedsOperator) as caught:
            desk.send(push)
        assert (caught.value.code, caught.value.on) == ("tax_rate_unknown", "settings")
    assert len(desk.stripe.seen("POST")) == 2
    assert desk.stripe.drafts() == []
    assert plugin.find_invoice(desk.connection(), push) is None


def test_a_permission_that_is_missing_leaves_the_draft_to_go_on_from(desk):
    push = desk.push()
    text = '{"error": {"message": "Having the \'rak_invoice_write\' permission would allow this"}}'
    desk.stripe.fault(Fault("add_lines", "POST", status=403, body=text))
    with pytest.raises(NeedsOperator) as caught:
        desk.send(push)
    assert caught.value.scope == "connection"
    assert len(desk.stripe.drafts()) == 1
    assert desk.send(push).total == 10000
