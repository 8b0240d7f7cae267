"""What has to be there before an invoice is made, and how its amounts come back."""

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments.simulator import customers

from kable_hub import NeedsCustomer, NeedsOperator, PaymentStatus, Rejected
from kable_hub.testing import Fault, builders


def only(desk):
    """The one document there is; no draft beside it."""
    assert desk.stripe.drafts() == []
    (document,) = desk.stripe.documents()
    return document


@pytest.mark.parametrize("card", ["none", "attached", "source"])
def test_only_a_default_payment_method_counts(desk, card):
    environment = desk.connection().environment
    desk.customer = desk.stripe.add_customer(desk.account, environment, with_card=False)
    customer = desk.stripe.customer(desk.account, environment, desk.customer)
    if card == "source":
        customer["default_source"] = "card_1"
        assert desk.send(desk.push()).status == "open"
        return
    if card == "attached":
        customers.add_card(desk.stripe.accounts[desk.account].test, desk.customer)
    with pytest.raises(NeedsCustomer) as caught:
        desk.push()
    assert (caught.value.code, caught.value.on) == ("requires_payment_method", "customer")
    assert desk.stripe.seen("POST") == []


def test_nothing_to_pay_needs_no_card(desk):
    environment = desk.connection().environment
    desk.customer = desk.stripe.add_customer(desk.account, environment, with_card=False)
    receipt = desk.send(desk.push(builders.invoice(builders.line(amount=0))))
    assert receipt.payment_status is PaymentStatus.PAID


def test_a_sum_under_stripes_minimum_is_paid_at_once(desk):
    receipt = desk.send(desk.push(builders.invoice(builders.line(amount=30))))
    assert (receipt.total, receipt.payment_status) == (30, PaymentStatus.PAID)


def test_a_mailed_invoice_needs_an_address_and_no_card(desk):
    environment = desk.connection().environment
    desk.customer = desk.stripe.add_customer(desk.account, environment, email="", with_card=False)
    with pytest.raises(NeedsOperator) as caught:
        desk.push(collection_method="send_invoice")
    assert (caught.value.code, caught.value.on) == ("customer_email", "customer")
    desk.customer = desk.stripe.add_customer(desk.account, environment, with_card=False)
    receipt = desk.send(desk.push(collection_method="send_invoice"))
    (invoice,) = desk.stripe.ledger(desk.account, environment)
    assert invoice["due_date"] == invoice["created"] + 30 * 86400
    assert receipt.payment_status is PaymentStatus.OPEN


@pytest.mark.parametrize("moment", ["before the plan", "after the plan"])
def test_a_deleted_customer_is_customer_gone_and_nothing_is_made(desk, moment):
    environment = desk.connection().environment
    push = desk.push() if moment == "after the plan" else None
    desk.stripe.delete_customer(desk.account, environment, desk.customer)
    with pytest.raises(NeedsOperator) as caught:
        desk.send(push or desk.push())
    assert (caught.value.code, caught.value.on) == ("customer_gone", "link")
    assert desk.stripe.documents() == desk.stripe.drafts() == []


def test_a_customer_nobody_knows_is_customer_gone_too(desk):
    desk.customer = "cus_unknown"
    with pytest.raises(NeedsOperator) as caught:
        desk.push()
    assert caught.value.code == "customer_gone"


@pytest.mark.parametrize(
    ("currency", "amounts", "total"),
    [("JPY", [1000], 1000), ("ISK", [5], 5), ("KWD", [5124, 1], 5130), ("MGA", [1200], 1200)],
)
def test_the_receipt_counts_as_the_hub_counts(desk, currency, amounts, total):
    lines = [builders.line(at, amount=one) for at, one in enumerate(amounts)]
    receipt = desk.send(desk.push(builders.invoice(*lines, currency=currency)))
    assert (receipt.total, receipt.currency) == (total, currency)
    assert only(desk)["total"] == total


@pytest.mark.parametrize("tax", ["amounts", "line"])
def test_the_receipt_knows_the_tax_on_the_document(desk, tax):
    receipt = desk.send(desk.push(builders.invoice(builders.line(tax=1900)), tax=tax))
    assert (receipt.total, receipt.tax) == (11900, 1900)


def test_a_refusal_that_is_not_about_the_customer_is_passed_on(desk):
    push = desk.push()
    body = '{"error": {"type": "invalid_request_error", "message": "No."}}'
    desk.stripe.fault(Fault("/v1/customers/", "GET", status=400, body=body))
    with pytest.raises(Rejected, match="No"):
        desk.push()
    desk.stripe.fault(Fault("/v1/invoices$", "POST", status=400, body=body))
    with pytest.raises(Rejected, match="No"):
        desk.send(push)
    assert desk.stripe.documents() == desk.stripe.drafts() == []
    desk.progress = {"invoice": "in_1", "lines": 0}
    desk.stripe.fault(Fault("/v1/invoices/in_1", "GET", status=400, body=body))
    with pytest.raises(Rejected, match="No"):
        desk.send(push)


def test_a_part_paid_invoice_shows_as_partially_paid(desk):
    push = desk.push()
    desk.send(push)
    (invoice,) = desk.stripe.ledger(desk.account, desk.connection().environment)
    invoice["amount_paid"] = 400
    found = plugin.find_invoice(desk.connection(), push)
    assert found.payment_status is PaymentStatus.PARTIALLY_PAID
