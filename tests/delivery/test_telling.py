"""What happens is told to the account's software: once for each change, signed, at least once."""

from dataclasses import replace

import pytest
from standardwebhooks import WebhookVerificationError

from kable_hub.domain import Environment
from kable_hub.store import outbox, pauses, signals
from kable_hub.store import tables as t
from kable_hub.store.outbox import Opening
from kable_hub.testing import Fault
from kable_hub.usecases import deliveries, endpoints
from tests.delivery.stage import SCOPE
from tests.delivery.told import Told


def test_a_delivered_invoice_is_told_signed_and_in_the_words_of_the_api(told: Told) -> None:
    invoice = told.stage.invoice(12345, number="A-7")
    told.stage.drain()
    told.send()
    event = told.there.verified(told.secret)
    assert event["type"] == "invoice.delivered"
    assert event["id"] == told.there.heard[0].id
    assert (event["accountId"], event["environment"]) == ("acc_1", "test")
    mine = event["data"]["invoice"]
    assert (mine["id"], mine["number"], mine["clientId"]) == (invoice, "A-7", "c1")
    assert (mine["total"], mine["currency"], mine["issueDate"]) == ("123.45", "USD", "2026-11-22")
    delivery = event["data"]["delivery"]
    assert (delivery["provider"], delivery["state"], delivery["kind"]) == (
        "acme",
        "delivered",
        "push",
    )
    assert delivery["receipt"]["externalId"] == delivery["externalId"] == "D-1"
    assert told.there.heard[0].path == "/hooks?from=hub"
    assert [one.state for one in told.messages()] == ["delivered"]
    with pytest.raises(WebhookVerificationError):
        told.there.verified("whsec_" + "A" * 43 + "=")


def test_each_end_of_a_delivery_is_told_as_what_it_is(told: Told) -> None:
    told.stage.settings(need_method=True)
    told.stage.acme.customers["A-1"]["method"] = False
    blocked = told.stage.invoice()
    told.stage.drain()
    held = told.stage.invoice(state="held")
    delivery = told.stage.delivery(held).id
    deliveries.cancel(told.stage.hub, SCOPE, delivery)
    told.send()
    assert told.there.types == ["invoice.blocked", "invoice.cancelled"]
    why = told.there.heard[0].event["data"]
    assert (why["invoice"]["id"], why["delivery"]["state"]) == (blocked, "blocked")
    assert why["delivery"]["errorCode"] == told.stage.delivery(blocked).error_code != ""


def test_what_becomes_uncertain_is_told_once_and_then_what_became_of_it(told: Told) -> None:
    told.stage.acme.fault(Fault(path="/docs", method="POST", status=500, stage="after"))
    told.stage.acme.fault(Fault(path="/docs", method="POST", status=500, stage="after"))
    invoice = told.stage.invoice()
    for _ in range(4):
        told.stage.due_now()
        told.stage.drain()
        told.clock.advance(60)
    assert told.stage.delivery(invoice).state == "delivered"
    told.send()
    assert told.there.types == ["invoice.uncertain", "invoice.delivered"]


def test_what_a_killed_worker_left_is_told_as_uncertain(told: Told) -> None:
    invoice = told.stage.invoice()
    with told.stage.hub.database.write():
        theirs = t.Delivery.subject_id == invoice
        t.Delivery.update(state="pushing", may_exist=True, lease_token=0).where(theirs).execute()
    token = told.stage.hub.queue.acquire("con_1", told.stage.hub.now(), 1000)
    assert token
    told.send()
    assert told.there.types == ["invoice.uncertain"]


def test_a_void_and_a_payment_are_told_once_each(told: Told) -> None:
    invoice = told.stage.invoice()
    told.stage.drain()
    hub, now = told.stage.hub, told.stage.hub.now()
    with hub.database.write():
        lane = pauses.load_lane("con_1")
        assert lane
        for _ in range(2):
            signals.change_payment(lane, "D-1", "payment_failed", now, {"message": "no"}, now)
        signals.add_signal(lane, "D-1", "edited", "somebody changed it", now + 1, now)
        for _ in range(2):
            pauses.pause(SCOPE, "con_1", "reconnect", "access was taken back", now)
        pauses.pause(SCOPE, "con_1", "operator", "by a person", now)
        signals.break_links(lane, "A-1", "it was deleted", now)
        outbox.tell_voided(SCOPE, "con_1", invoice, now)
    told.clock.advance(1)
    told.send()
    assert sorted(told.there.types) == [
        "connection.paused",
        "customer.link_changed",
        "invoice.changed_at_provider",
        "invoice.delivered",
        "invoice.payment_changed",
        "invoice.voided",
    ]
    by_type = {one.event["type"]: one.event["data"] for one in told.there.heard}
    assert by_type["connection.paused"]["reason"] == "reconnect"
    assert by_type["customer.link_changed"]["link"]["state"] == "broken"
    assert by_type["customer.link_changed"]["customer"]["clientId"] == "c1"
    assert by_type["invoice.changed_at_provider"]["change"]["kind"] == "edited"
    assert by_type["invoice.payment_changed"]["delivery"]["paymentStatus"] == "payment_failed"
    assert by_type["invoice.voided"]["delivery"]["paymentStatus"] == "void"


def test_a_change_that_is_undone_tells_nothing(told: Told) -> None:
    invoice = told.stage.invoice(state="held")
    delivery = told.stage.delivery(invoice).id

    def cancel_and_fail() -> None:
        with told.stage.hub.database.write():
            outbox.cancel(SCOPE, delivery, 1)
            assert t.OutgoingMessage.select().count() == 1
            raise LookupError("undone")

    with pytest.raises(LookupError):
        cancel_and_fail()
    assert told.messages() == []


def test_where_nobody_listens_nothing_is_written(told: Told) -> None:
    hub = told.stage.hub
    endpoints.change_endpoint(hub, SCOPE, told.endpoint, event_types=["invoice.voided"])
    endpoints.add_endpoint(hub, replace(SCOPE, environment=Environment.LIVE), "https://x.example")
    told.stage.invoice()
    told.stage.drain()
    endpoints.change_endpoint(hub, SCOPE, told.endpoint, event_types=[], enabled=False)
    told.stage.invoice()
    told.stage.drain()
    with hub.database.read():
        assert t.OutgoingEvent.select().count() == t.OutgoingMessage.select().count() == 0


def test_what_stops_at_once_is_told_and_what_waits_for_its_link_is_not(told: Told) -> None:
    stage = told.stage
    invoice = stage.invoice(state="held")
    with stage.hub.database.write():
        t.Delivery.delete().execute()
        for code, state in (("link_pending", "blocked"), ("too_many_lines", "rejected")):
            one = Opening("con_1", "push", invoice, "cus_1", state, code, "no")
            outbox.open_operations(SCOPE, [one], stage.hub.now())
            outbox.open_operations(SCOPE, [one], stage.hub.now())
            assert t.OutgoingEvent.select().count() == (state == "rejected")
            t.Delivery.delete().execute()
    told.send()
    assert told.there.types == ["invoice.rejected"]


def test_what_a_person_settles_is_told_as_delivered(told: Told) -> None:
    invoice = told.stage.invoice()
    delivery = told.stage.delivery(invoice).id
    with told.stage.hub.database.write():
        t.Delivery.update(state="uncertain", may_exist=True).execute()
    deliveries.settle(told.stage.hub, SCOPE, delivery, exists=True, external_id="D-9")
    told.send()
    assert told.there.types == ["invoice.delivered"]
    assert told.there.heard[0].event["data"]["delivery"]["externalId"] == "D-9"


def test_a_customer_that_was_created_there_and_one_that_cannot_be_are_told(told: Told) -> None:
    stage = told.stage
    with stage.hub.database.write():
        t.Link.update(state="pending", reference="").execute()
        stage.open("create_customer", "cus_1")
    stage.acme.fault(Fault(path="/customers", status=422, body='{"error": "name"}'))
    stage.hub.wake("con_1")
    stage.drain()
    creation = stage.delivery("cus_1", "create_customer")
    assert creation.state in ("blocked", "rejected")
    deliveries.retry(stage.hub, SCOPE, creation.id)
    stage.drain()
    told.clock.advance(1)
    told.send()
    assert told.there.types == ["customer.link_changed"] * 2
    links = [one.event["data"]["link"] for one in told.there.heard]
    assert [one["state"] for one in links] == ["pending", "linked"]
    assert [bool(one["errorCode"]) for one in links] == [True, False]
    assert links[1]["reference"]
