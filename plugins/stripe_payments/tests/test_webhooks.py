"""What Stripe tells the hub: proven, taken apart, and read afresh."""

import json
from dataclasses import replace

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments import webhooks
from kable_stripe_payments.simulator import customers, events

from kable_hub import (
    ConnectionRevoked,
    CustomerGone,
    CustomerReady,
    DocumentChanged,
    Environment,
    PageChanged,
    PaymentChanged,
    PaymentStatus,
    ReconnectRequired,
    Rejected,
    Transient,
)
from kable_hub.testing import Fault

TEST, LIVE = Environment.TEST, Environment.LIVE


def default_card(desk, declines=""):
    ledger = desk.stripe.accounts[desk.account].test
    method = customers.add_card(ledger, desk.customer, declines=declines)
    ledger.get("customer", desk.customer)["invoice_settings"]["default_payment_method"] = method


def test_every_event_that_is_worked_is_declared():
    assert set(plugin.provider().events) == set(webhooks._WORK)


def test_an_event_names_account_environment_and_object_and_nothing_secret(desk):
    receipt = desk.send(desk.push())
    (event,) = desk.arrive(desk.last("invoice.finalized"))
    assert (event.type, event.external_id, event.environment) == (
        "invoice.finalized",
        desk.account,
        TEST,
    )
    assert dict(event.payload) == {"object": receipt.external_id}


def test_a_live_event_is_for_live(desk):
    event = {"id": "evt_1", "type": "invoice.paid", "account": "acct_1", "livemode": True}
    (got,) = desk.arrive({**event, "data": {"object": {"id": "in_1"}}})
    assert got.environment is LIVE


def test_thin_and_snapshot_events_have_the_same_effect(desk):
    desk.send(desk.push())
    desk.stripe.collect()
    snapshot = desk.last("invoice.paid")
    ledger = desk.stripe.accounts[desk.account].test
    thin = events.thin(ledger, "invoice.paid", snapshot["data"]["object"])
    assert desk.work(snapshot) == desk.work(thin) != []


def test_unknown_kinds_and_foreign_events_are_ignored(desk):
    event = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}
    assert desk.arrive(event) == []
    assert desk.arrive({**event, "account": "acct_1", "type": "charge.captured"}) == []
    with pytest.raises(Rejected, match="not an event"):
        desk.arrive([1, 2])
    assert desk.arrive({"account": "acct_1", "type": "invoice.paid"}) == []


def test_an_event_at_a_connections_own_address_is_for_its_account(desk):
    key = desk.with_key()
    connection = replace(key, credentials={**key.credentials, "webhook_secret": "whsec_own"})
    event = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}
    at = int(desk.clock.now().timestamp())
    signature = events.signature(json.dumps(event).encode(), "whsec_own", at)
    (got,) = desk.arrive(event, connection, signature=signature)
    assert got.external_id == desk.account
    with pytest.raises(Rejected):
        desk.arrive(event, connection)


def test_paid_is_read_from_stripe_not_from_the_event(desk):
    receipt = desk.send(desk.push())
    stale = desk.last("invoice.finalized")
    desk.stripe.collect()
    (effect,) = desk.work(stale)
    assert isinstance(effect, PaymentChanged)
    assert (effect.document, effect.status) == (receipt.external_id, PaymentStatus.PAID)
    assert effect.as_of == desk.clock.now()
    assert effect.url.endswith(receipt.external_id)


@pytest.mark.parametrize(
    ("declines", "event", "status", "code"),
    [
        (
            "insufficient_funds",
            "invoice.payment_failed",
            PaymentStatus.PAYMENT_FAILED,
            "insufficient_funds",
        ),
        (
            "authentication_required",
            "invoice.payment_action_required",
            PaymentStatus.REQUIRES_ACTION,
            "requires_action",
        ),
    ],
)
def test_a_failed_charge_says_why(desk, declines, event, status, code):
    desk.send(desk.push())
    default_card(desk, declines)
    desk.stripe.collect()
    (effect,) = desk.work(desk.last(event))
    assert (effect.status, effect.code) == (status, code)
    assert effect.message


def test_a_card_removed_after_the_push_shows_as_requires_payment_method(desk):
    desk.send(desk.push())
    ledger = desk.stripe.accounts[desk.account].test
    ledger.get("customer", desk.customer)["invoice_settings"]["default_payment_method"] = None
    desk.stripe.collect()
    (effect,) = desk.work(desk.last("invoice.finalized"))
    assert (effect.status, effect.code) == (PaymentStatus.PAYMENT_FAILED, "requires_payment_method")


def test_a_void_at_stripe_is_payment_status_and_a_changed_document(desk):
    push = desk.push()
    receipt = desk.send(push)
    plugin.cancel_invoice(desk.connection(), receipt, push)
    paid, changed = desk.work(desk.last("invoice.voided"))
    assert paid.status is PaymentStatus.VOID
    assert changed == DocumentChanged(receipt.external_id, "voided", desk.clock.now())


def test_an_invoice_that_is_gone_is_a_changed_document(desk):
    receipt = desk.send(desk.push())
    desk.stripe.accounts[desk.account].test.of("invoice").clear()
    assert desk.work(desk.last("invoice.finalized")) == [
        DocumentChanged(receipt.external_id, "deleted", desk.clock.now())
    ]


def test_an_invoice_of_somebody_else_has_no_effect(desk):
    receipt = desk.send(desk.push())
    ledger = desk.stripe.accounts[desk.account].test
    ledger.of("invoice")[receipt.external_id]["metadata"].clear()
    assert desk.work(desk.last("invoice.finalized")) == []


def test_a_status_nobody_knows_yet_has_no_effect(desk):
    receipt = desk.send(desk.push())
    ledger = desk.stripe.accounts[desk.account].test
    ledger.of("invoice")[receipt.external_id]["status"] = "contemplating"
    assert desk.work(desk.last("invoice.finalized")) == []


def test_stripe_away_while_an_event_is_worked_is_transient(desk):
    desk.send(desk.push())
    for path in ("/v1/invoices/", "/v1/customers/"):
        desk.stripe.fault(Fault(path, "GET", status=503))
    with pytest.raises(Transient):
        desk.work(desk.last("invoice.finalized"))
    desk.stripe.delete_customer(desk.account, TEST, desk.customer)
    with pytest.raises(Transient):
        desk.work(desk.last("customer.deleted"))


def page(desk):
    desk.customer = desk.stripe.add_customer(desk.account, TEST, with_card=False)
    urls = ("http://127.0.0.1:1/ok", "http://127.0.0.1:1/no")
    hosted = plugin.collect_payment_method(desk.connection(), desk.link(), *urls)
    return hosted, hosted.url.rsplit("/", 1)[1]


def default(desk):
    return desk.stripe.customer(desk.account, TEST, desk.customer)["invoice_settings"][
        "default_payment_method"
    ]


def test_the_card_page_lives_half_an_hour(desk):
    hosted, _ = page(desk)
    minutes = (hosted.expires_at - desk.clock.now()).total_seconds() / 60
    assert 30 <= minutes <= 31
    (request,) = desk.stripe.seen("POST", "checkout")
    assert b"currency=usd" in request.body


@pytest.mark.parametrize(
    "kinds",
    [
        ["checkout.session.completed"],
        ["setup_intent.succeeded"],
        ["setup_intent.succeeded", "checkout.session.completed"],
        ["checkout.session.completed", "checkout.session.completed"],
    ],
)
def test_a_card_left_on_our_page_becomes_the_default_once(desk, kinds):
    hosted, session = page(desk)
    desk.stripe.complete_session(session)
    assert default(desk) is None
    for kind in kinds:
        ready = CustomerReady(desk.customer)
        assert desk.work(desk.last(kind)) == [ready, PageChanged(hosted.id, "completed")]
    assert default(desk)
    assert len([one for one in desk.stripe.events if one["type"] == "customer.updated"]) == 1
    assert desk.send(desk.push()).status == "open"


def test_a_late_event_of_an_older_card_changes_no_default(desk):
    _, first = page(desk)
    second = plugin.collect_payment_method(desk.connection(), desk.link(), "https://a", "https://b")
    desk.stripe.complete_session(first)
    older = desk.last("checkout.session.completed")
    desk.clock.advance(60)
    desk.stripe.complete_session(second.url.rsplit("/", 1)[1])
    desk.work(desk.last("setup_intent.succeeded"))
    newest = default(desk)
    desk.clock.advance(3 * 24 * 3600)
    assert CustomerReady(desk.customer) in desk.work(older)
    desk.work(desk.last("checkout.session.completed"))
    assert default(desk) == newest is not None


def test_a_card_of_a_customer_who_was_deleted_is_told_as_gone(desk):
    _, session = page(desk)
    desk.stripe.complete_session(session)
    desk.stripe.customer(desk.account, TEST, desk.customer)["deleted"] = True
    (effect,) = desk.work(desk.last("setup_intent.succeeded"))
    assert isinstance(effect, CustomerGone)


def test_a_page_that_died_is_told(desk):
    hosted, session = page(desk)
    desk.stripe.expire_session(session)
    assert desk.work(desk.last("checkout.session.expired")) == [PageChanged(hosted.id, "expired")]


def test_a_page_of_another_connection_to_the_same_account_changes_no_default(desk):
    _, session = page(desk)
    desk.stripe.complete_session(session)
    other = replace(desk.connection(), id="con_2")
    for kind in ("checkout.session.completed", "setup_intent.succeeded"):
        (one,) = desk.arrive(desk.last(kind))
        assert plugin.work_event(other, one) == []
    assert default(desk) is None


def test_a_page_of_another_platform_changes_no_default(desk):
    _, id = page(desk)
    desk.stripe.complete_session(id)
    ledger = desk.stripe.accounts[desk.account].test
    session = ledger.get("checkout.session", id)
    session["metadata"].clear()
    ledger.get("setup_intent", session["setup_intent"])["metadata"].clear()
    assert desk.work(desk.last("checkout.session.completed")) == []
    assert desk.work(desk.last("setup_intent.succeeded")) == []
    assert default(desk) is None


def test_a_page_whose_customer_differs_from_the_cards_changes_no_default(desk):
    _, id = page(desk)
    desk.stripe.complete_session(id)
    ledger = desk.stripe.accounts[desk.account].test
    ledger.get("checkout.session", id)["customer"] = "cus_other"
    assert desk.work(desk.last("checkout.session.completed")) == []
    assert default(desk) is None


def test_a_default_set_in_the_dashboard_makes_the_customer_ready(desk):
    page(desk)
    ledger = desk.stripe.accounts[desk.account].test
    customer = ledger.get("customer", desk.customer)
    customer["email"] = None
    desk.stripe.emit(ledger, "customer.updated", customer)
    assert desk.work(desk.last("customer.updated")) == []
    default_card(desk)
    assert desk.work(desk.last("customer.updated")) == [CustomerReady(desk.customer)]


def test_an_address_makes_a_customer_ready_for_mailed_invoices(desk):
    event = {"id": "evt_1", "type": "customer.updated", "account": desk.account}
    desk.customer = desk.stripe.add_customer(desk.account, TEST, email="", with_card=True)
    (one,) = desk.arrive({**event, "data": {"object": {"id": desk.customer}}})
    connection = desk.connection(collection_method="send_invoice")
    # Its card may be what this customer is charged by, otherwise than others.
    assert plugin.work_event(connection, one) == [CustomerReady(desk.customer, certain=False)]
    desk.stripe.customer(desk.account, TEST, desk.customer)["invoice_settings"] = {}
    assert plugin.work_event(connection, one) == []
    desk.stripe.customer(desk.account, TEST, desk.customer)["email"] = "a@example.com"
    assert plugin.work_event(connection, one) == [CustomerReady(desk.customer)]


def test_a_deleted_customer_is_gone(desk):
    desk.stripe.delete_customer(desk.account, TEST, desk.customer)
    (effect,) = desk.work(desk.last("customer.deleted"))
    assert isinstance(effect, CustomerGone)
    assert effect.reference == desk.customer
    desk.stripe.accounts[desk.account].test.of("customer").clear()
    assert len(desk.work(desk.last("customer.deleted"))) == 1


def test_access_taken_back_revokes_unless_it_was_granted_anew(desk):
    desk.stripe.revoke(desk.account)
    event = desk.last("account.application.deauthorized")
    (effect,) = [
        effect
        for one in desk.arrive(event)
        for effect in plugin.work_event(desk.connection(LIVE), one)
    ]
    assert isinstance(effect, ConnectionRevoked)
    desk.stripe.accounts[desk.account].granted.add(True)
    assert desk.work(event) == []


def test_an_error_other_than_a_missing_invoice_is_passed_on(desk):
    desk.send(desk.push())
    body = '{"error": {"type": "invalid_request_error", "message": "No."}}'
    desk.stripe.fault(Fault("/v1/invoices/", "GET", status=400, body=body))
    with pytest.raises(Rejected, match="No"):
        desk.work(desk.last("invoice.finalized"))
    desk.stripe.fault(Fault("/v1/customers/", "GET", status=400, body=body))
    desk.stripe.delete_customer(desk.account, TEST, desk.customer)
    with pytest.raises(Rejected, match="No"):
        desk.work(desk.last("customer.deleted"))


def test_an_event_after_the_access_ended_needs_a_new_connection(desk):
    desk.send(desk.push())
    event = desk.last("invoice.finalized")
    desk.stripe.revoke(desk.account)
    with pytest.raises(ReconnectRequired):
        desk.work(event)
