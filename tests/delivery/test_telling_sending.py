"""How what there is to tell is sent: again and again, by whom, and to whom no more."""

import multiprocessing
import os
import signal
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from kable_hub.store import notices
from kable_hub.store import tables as t
from kable_hub.sync import telling
from kable_hub.usecases import endpoints
from kable_hub.usecases.errors import Conflict
from kable_hub.usecases.running import teller_of
from tests.delivery.stage import SCOPE
from tests.delivery.told import DAY, Told, on_sqlite
from tests.receiver import receiver


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
