"""Webhooks: proven to come from Intuit, told apart by company, worked by reading afresh."""

import base64
import hashlib
import hmac
import json

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import simulator_customers, simulator_invoices
from kable_quickbooks_ledger.simulator import PRODUCTION_REALM, SANDBOX_REALM

from kable_hub import (
    CustomerGone,
    DocumentChanged,
    Environment,
    PaymentChanged,
    PaymentStatus,
    Rejected,
    Transient,
    WebhookRequest,
)
from kable_hub.testing import Fault


def request(world, body, headers):
    return WebhookRequest(body, headers, world.clock.now())


def signature(body, token="sandbox-verifier-token"):
    digest = hmac.new(token.encode(), body, hashlib.sha256).digest()
    return {"intuit-signature": base64.b64encode(digest).decode()}


def receive(world, connection, body, headers):
    return plugin.receive_webhook(request(world, body, headers), connection.app, connection)


def test_events_of_several_companies_are_told_apart(world):
    connection = world.connection()
    body, headers = world.simulator.webhook(
        (SANDBOX_REALM, "Invoice", "7", "updated"),
        ("777", "Customer", "28", "merged", "30"),
        (SANDBOX_REALM, "Vendor", "31", "updated"),
        (SANDBOX_REALM, "Invoice", "8", "created"),
    )
    events = receive(world, connection, body, headers)
    assert [(one.external_id, one.type, dict(one.payload)) for one in events] == [
        (SANDBOX_REALM, "invoice.updated", {"entity": "Invoice", "id": "7"}),
        ("777", "customer.merged", {"entity": "Customer", "id": "30", "into": "28"}),
    ]
    assert [(one.document, one.customer) for one in events] == [("7", ""), ("", "30")]
    assert {one.environment for one in events} == {Environment.TEST}
    assert len({one.id for one in events}) == 2
    assert receive(world, connection, body, headers) == events


def test_the_older_shape_is_understood_and_a_repeat_has_the_same_id(world):
    connection = world.connection()
    entity = {"name": "Invoice", "id": "7", "operation": "Void", "lastUpdated": "2026-11-22"}
    notice = {"realmId": SANDBOX_REALM, "dataChangeEvent": {"entities": [entity]}}
    body = json.dumps({"eventNotifications": [notice]}).encode()
    (first,) = receive(world, connection, body, signature(body))
    (again,) = receive(world, connection, body, signature(body))
    assert (first.type, first.external_id, first.id) == ("invoice.void", SANDBOX_REALM, again.id)


@pytest.mark.parametrize("headers", [{}, {"intuit-signature": ""}, {"intuit-signature": "ü"}])
def test_what_is_not_signed_is_refused(world, headers):
    body, _ = world.simulator.webhook((SANDBOX_REALM, "Invoice", "7", "updated"))
    with pytest.raises(Rejected) as caught:
        receive(world, world.connection(), body, headers)
    assert caught.value.code == "bad_signature"


def test_a_changed_body_another_token_and_no_token_are_refused(world):
    connection = world.connection()
    body, headers = world.simulator.webhook((SANDBOX_REALM, "Invoice", "7", "updated"))
    for changed, given in ((body + b" ", headers), (body, signature(body, "other"))):
        with pytest.raises(Rejected):
            receive(world, connection, changed, given)
    for app in ({}, {"verifier_token": ""}):
        with pytest.raises(Rejected):
            plugin.receive_webhook(request(world, body, signature(body, "")), app, connection)


def test_the_environment_is_the_one_whose_token_fits(world):
    body, headers = world.simulator.webhook((PRODUCTION_REALM, "Invoice", "7", "updated"))
    live, test = (world.simulator.keys(one) for one in (Environment.LIVE, Environment.TEST))
    came = WebhookRequest(body, headers, world.clock.now(), Environment.LIVE)
    (event,) = plugin.receive_webhook(came, live, None)
    assert event.environment is Environment.LIVE
    with pytest.raises(Rejected):
        plugin.receive_webhook(came, test, None)
    assert plugin.receive_webhook(request(world, body, headers), live, None) == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b'[{"id":"x"},7]'])
def test_what_says_nothing_tells_nothing(world, body):
    assert receive(world, world.connection(), body, signature(body)) == []


def test_a_signed_body_that_is_no_json_is_refused(world):
    with pytest.raises(Rejected) as caught:
        receive(world, world.connection(), b"{", signature(b"{"))
    assert caught.value.code == "bad_body"


@pytest.fixture
def work(world):
    connection = world.connection()

    def run(entity, row_id):
        body, headers = world.simulator.webhook((SANDBOX_REALM, entity, row_id, "updated"))
        (event,) = receive(world, connection, body, headers)
        return plugin.work_event(connection, event)

    return run


def test_working_an_event_reads_the_invoice_afresh(world, work):
    connection = world.connection()
    made = plugin.push_invoice(connection, world.push(connection)).external_id
    assert work("Invoice", made) == []
    row, now = world.book.tables["Invoice"][made], world.clock.now()
    world.book.touch(row, now)
    moved = PaymentChanged(made, PaymentStatus.OPEN, now)
    assert work("Invoice", made) == [moved, DocumentChanged(made, "edited", now)]
    simulator_invoices.void(world.book, row, now)
    assert work("Invoice", made) == [DocumentChanged(made, "voided", now)]
    world.book.remove("Invoice", made, now)
    assert work("Invoice", made) == [DocumentChanged(made, "deleted", now)]


def test_working_an_event_finds_a_customer_gone(world, work):
    assert work("Customer", "28") == []
    row = world.book.tables["Customer"]["28"]
    simulator_customers.deactivate(world.book, row, world.clock.now())
    (effect,) = work("Customer", "28")
    assert isinstance(effect, CustomerGone)
    assert "inactive" in effect.message
    world.book.remove("Customer", "28", world.clock.now())
    assert "merged" in work("Customer", "28")[0].message


def test_working_an_event_while_quickbooks_is_away_is_tried_again(world, work):
    world.simulator.fault(Fault(path="/customer/", status=503))
    with pytest.raises(Transient):
        work("Customer", "28")
