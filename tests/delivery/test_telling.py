"""What happens is told to the account's software: once for each change, signed, at least once."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from kable_hub.clock import ManualClock
from kable_hub.domain import Environment
from kable_hub.store import notices, outbox, pauses, signals
from kable_hub.store import tables as t
from kable_hub.store.outbox import Opening
from kable_hub.sync import telling
from kable_hub.sync.telling import Teller
from kable_hub.testing import Fault
from kable_hub.usecases import deliveries, endpoints
from kable_hub.usecases.errors import Conflict
from kable_hub.usecases.running import teller_of
from tests.delivery.stage import SCOPE, Stage
from tests.receiver import Receiver, receiver

DAY = 86_400
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what the sender decides and no database takes part in."""


@dataclass
class Told:
    """A stage, somebody who listens, and who sends: in a time of their own."""

    stage: Stage
    there: Receiver
    clock: ManualClock
    teller: Teller
    endpoint: str
    secret: str

    def send(self) -> None:
        self.teller.serve(self.endpoint)

    def later(self, seconds: float) -> None:
        """Send, as the ticks of so long would."""
        self.clock.advance(seconds)
        self.send()

    def messages(self) -> list[Any]:
        return list(endpoints.list_messages(self.stage.hub, SCOPE, self.endpoint).items)

    def row(self) -> Any:
        return endpoints.get_endpoint(self.stage.hub, SCOPE, self.endpoint)

    def test(self) -> Any:
        return endpoints.send_test(self.stage.hub, SCOPE, self.endpoint)


@pytest.fixture
def told(at_work: Stage) -> Iterator[Told]:
    hub, clock = at_work.hub, ManualClock(datetime.now(UTC))
    hub.settings = replace(hub.settings, private_webhooks=True)
    hub.clock = clock
    with receiver() as there:
        made = endpoints.add_endpoint(hub, SCOPE, there.url)
        teller = teller_of(hub)
        yield Told(at_work, there, clock, teller, made.endpoint.id, made.secret)
        teller.stop()


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


@on_sqlite
def test_what_is_not_taken_is_tried_again_for_three_days_under_the_same_id(told: Told) -> None:
    told.there.statuses = [500, 302, 404, 503, 500, 500, 500, 500, 500, 500]
    told.there.headers = {"Location": told.there.url}
    told.test()
    told.send()
    for wait in telling.WAITS_MS:
        told.later(wait / 1000 - 1)
        assert len(told.there.heard) == len(told.messages()[0].tried)
        told.later(wait / 10_000 + 1)
    assert len(told.there.heard) == 10
    assert len({(one.id, one.body) for one in told.there.heard}) == 1
    (message,) = told.messages()
    assert (message.state, message.due_at) == ("failed", None)
    assert [one.status for one in message.tried][:4] == [500, 302, 404, 503]
    assert told.row().failing_since is not None
    endpoints.resend(told.stage.hub, SCOPE, told.endpoint, message.id)
    told.later(DAY)
    assert told.there.heard[-1].id == message.event_id
    assert (told.messages()[0].state, told.row().failing_since) == ("delivered", None)


@on_sqlite
def test_one_message_that_is_never_taken_holds_up_no_other(told: Told) -> None:
    told.there.statuses = [500]
    first = told.test()
    told.test()
    told.send()
    told.later(1)
    states = {one.id: one.state for one in told.messages()}
    assert states.pop(first.id) == "waiting"
    assert set(states.values()) == {"delivered"}


@on_sqlite
def test_an_endpoint_that_wants_nothing_more_is_disabled_by_410(told: Told) -> None:
    told.there.statuses = [410]
    told.test()
    told.test()
    told.send()
    assert not told.row().enabled
    assert "410" in told.row().disabled_reason
    told.later(DAY)
    assert len(told.there.heard) == 1
    with pytest.raises(Conflict) as refused:
        told.test()
    assert refused.value.code == "endpoint_disabled"
    endpoints.change_endpoint(told.stage.hub, SCOPE, told.endpoint, enabled=True)
    assert told.row().disabled_reason == ""
    told.send()
    assert len(told.there.heard) == 2


@on_sqlite
def test_an_endpoint_that_failed_for_five_days_is_disabled_and_says_why(told: Told) -> None:
    told.there.statuses = [500] * 100
    for _ in range(6):
        assert told.row().enabled
        told.test()
        told.later(DAY)
    assert not told.row().enabled
    assert "five days" in told.row().disabled_reason
    assert "500" in told.row().disabled_reason


@on_sqlite
def test_a_receiver_that_asks_for_time_is_given_it(told: Told) -> None:
    told.there.statuses, told.there.headers = [429], {"Retry-After": "3600"}
    told.test()
    told.send()
    told.test()
    told.later(3500)
    assert len(told.there.heard) == 1
    told.later(200)
    assert len(told.there.heard) == 3


@on_sqlite
def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(told: Told) -> None:
    fresh = endpoints.rotate_secret(told.stage.hub, SCOPE, told.endpoint).secret
    told.test()
    told.send()
    assert told.there.verified(told.secret) == told.there.verified(fresh)
    told.test()
    told.later(DAY + 1)
    one = told.there.heard[-1]
    at = datetime.fromtimestamp(int(one.headers["webhook-timestamp"]), UTC)
    signed = Webhook(fresh).sign(one.id, at, one.body.decode())
    assert one.headers["webhook-signature"] == signed


def test_a_sender_that_dies_before_it_notes_the_answer_sends_again_under_the_same_id(
    told: Told,
) -> None:
    told.test()
    told.stage.hub.database.close()
    sender = multiprocessing.get_context("fork").Process(target=_send, args=(told,))
    told.there.on_request = lambda: os.kill(sender.pid or 0, signal.SIGKILL)
    sender.start()
    sender.join(60)
    assert sender.exitcode == -signal.SIGKILL
    told.there.on_request = lambda: None
    told.send()
    assert len(told.there.heard) == 1, "the dead sender's lease still holds"
    told.later(telling.LEASE_MS / 1000 + 1)
    assert len(told.there.heard) == 2
    assert len({one.id for one in told.there.heard}) == 1
    assert [one.state for one in told.messages()] == ["delivered"]


def _send(told: Told) -> None:
    teller_of(told.stage.hub).serve(told.endpoint)
    os._exit(0)


def test_two_senders_of_one_store_send_nothing_twice(told: Told) -> None:
    other = teller_of(told.stage.hub)
    told.test()
    told.there.on_request = lambda: other.serve(told.endpoint)
    told.send()
    assert len(told.there.heard) == 1


def test_an_endpoint_that_is_removed_while_it_is_told_leaves_nothing(told: Told) -> None:
    told.test()
    told.there.on_request = lambda: endpoints.remove_endpoint(told.stage.hub, SCOPE, told.endpoint)
    told.send()
    with told.stage.hub.database.read():
        for table in (t.WebhookEndpoint, t.OutgoingMessage, t.OutgoingAttempt):
            assert table.select().count() == 0


def test_what_was_told_is_kept_for_a_month(told: Told) -> None:
    told.test()
    told.send()
    for days, left in ((29, 1), (31, 0)):
        with told.stage.hub.database.write():
            notices.forget_before(told.stage.hub.now() + (days - 30) * DAY * 1000)
        assert len(told.messages()) == left


@on_sqlite
def test_an_address_that_turned_private_is_not_called(told: Told) -> None:
    hub = told.stage.hub
    hub.settings = replace(hub.settings, private_webhooks=False)
    told.test()
    teller_of(hub).serve(told.endpoint)
    assert told.there.heard == []
    (tried,) = told.messages()[0].tried
    assert "public internet" in tried.error
    assert tried.status is None


@on_sqlite
def test_a_tick_sends_to_each_endpoint_in_a_thread_of_its_own(told: Told) -> None:
    hub = told.stage.hub
    with receiver() as other:
        second = endpoints.add_endpoint(hub, SCOPE, other.url).endpoint.id
        told.test()
        endpoints.send_test(hub, SCOPE, second)
        arrived = threading.Semaphore(0)
        told.there.on_request = other.on_request = arrived.release
        told.teller.tick()
        assert arrived.acquire(timeout=60)
        assert arrived.acquire(timeout=60)
        told.teller.stop()
        assert len(told.there.heard) == len(other.heard) == 1


@on_sqlite
def test_no_secret_stands_in_the_store_or_in_a_repr(told: Told) -> None:
    told.test()
    told.send()
    with told.stage.hub.database.read():
        kept = [list(one.select().dicts()) for one in (t.WebhookEndpoint, t.OutgoingEvent)]
    assert told.secret not in repr((kept, told.row(), told.messages()))
    assert repr(endpoints.rotate_secret(told.stage.hub, SCOPE, told.endpoint)).count("whsec") == 0


@on_sqlite
def test_a_currency_that_nobody_knows_keeps_no_event_from_its_delivery(told: Told) -> None:
    invoice = told.stage.invoice()
    delivery = told.stage.delivery(invoice).id
    receipt = {"external_id": "D-7", "currency": "points", "total": 5}
    with told.stage.hub.database.write():
        t.Delivery.update(state="delivered", receipt=receipt).execute()
        notices.tell_ends(SCOPE, [delivery], told.stage.hub.now())
    told.send()
    shown = told.there.heard[0].event["data"]["delivery"]["receipt"]
    assert (shown["externalId"], shown["currency"]) == ("D-7", "points")


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
