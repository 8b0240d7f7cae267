"""The edge cases of webhooks: what proves an event, and what a fact does however it is told."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from kable_stripe_payments.simulator import endpoints, events

from tests.stripe.stage import LIVE, TEST


def told(shop, kind="invoice.paid", environment=TEST, about=None):
    """An event of the merchant, not sent yet."""
    about = about or {"id": "in_1", "object": "invoice"}
    return events.event(shop.ledger(environment), kind, about)


def refused(shop, answer, status=400):
    assert answer.status_code == status, answer.text
    assert shop.stored_events() == []


@pytest.fixture
def sent(shop):
    """An invoice that is open at Stripe, and what was told of it so far."""
    shop.customer()
    made = shop.push()
    shop.hear()
    return made


@pytest.mark.parametrize(
    "header",
    [None, "", "t=1", "v1=00", "t=x,v1=00", "t=1795348800,v1=00", "t=1795348800,v0=00", "junk"],
)
def test_38_an_event_without_a_right_signature_is_refused_and_not_stored(shop, header):
    if header is None:
        answer = requests.post(f"{shop.url}/webhooks/stripe", json=told(shop), timeout=60)
    else:
        answer = shop.send(told(shop), header=header)
    refused(shop, answer)


def test_38_a_secret_of_somebody_else_proves_nothing(shop):
    refused(shop, shop.send(told(shop), secret="whsec_other"))


def test_38_a_test_secret_proves_no_live_event(shop):
    shop.stripe.accounts[shop.merchant].granted.add(False)
    answer = shop.send(told(shop, environment=LIVE), secret=shop.stripe.webhook_secrets[False])
    assert answer.json() == {"received": 0}
    assert shop.stored_events() == []


@pytest.mark.parametrize("age", [301, -301, 86400, -86400])
def test_38_an_old_signature_and_one_of_the_future_are_refused(shop, age):
    refused(shop, shop.send(told(shop), age=age))


@pytest.mark.parametrize("age", [299, -299, 0])
def test_38_clocks_may_differ_by_five_minutes(shop, age):
    assert shop.send(told(shop), age=age).json() == {"received": 1}


@pytest.mark.parametrize("kept", ["old", "new"])
def test_38_while_a_secret_is_changed_either_proves_the_event(shop, kept):
    known = shop.stripe.webhook_secrets[True]
    address = f"{shop.url}/webhooks/stripe"
    endpoint = shop.stripe.add_endpoint(address, live=True, secrets=[known])
    if kept == "old":
        endpoint.rotate()
    else:
        endpoint.secrets.append("whsec_older")
    one = told(shop)
    (delivery,) = endpoints.deliveries(shop.stripe, one)
    assert endpoints.send(shop.stripe, delivery) == 200
    assert [id for id, _ in shop.stored_events()] == [one["id"]]


@pytest.mark.parametrize("padding", [513 * 1024, 600_000])
def test_38_a_body_that_no_stripe_sends_is_too_large(shop, padding):
    event = {**told(shop), "padding": "x" * padding}
    refused(shop, shop.send(event), 413)
    assert shop.send({**event, "padding": "x" * 500_000}).json() == {"received": 1}


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe\x80", b"not json", b"", b"{", b'"text"', b"[]", b"12"],
)
def test_38_signed_garbage_is_refused(shop, body):
    refused(shop, shop.send(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "text"},
        {"data": {"object": "text"}},
        {"data": {"object": {"id": ["in_1"]}}},
        {"related_object": "in_1"},
        {"account": {"id": "acct"}},
        {"type": ["invoice.paid"]},
        {"id": None},
        {"id": {"a": 1}},
    ],
)
def test_38_a_signed_event_of_another_shape_is_no_event(shop, changes):
    answer = shop.send({**told(shop), **changes})
    assert answer.status_code in (200, 400), answer.text
    assert shop.stored_events() == []


def test_38_an_event_of_an_unknown_kind_is_taken_and_left(shop):
    answer = shop.send(told(shop, "invoice.will_be_something_new"))
    assert (answer.status_code, shop.stored_events()) == (200, [])


def test_39_the_same_event_ten_times_at_once_has_one_effect(shop, sent):
    shop.stripe.collect()
    paid = shop.stripe.events[-1]
    assert paid["type"] == "invoice.paid"
    with ThreadPoolExecutor(10) as senders:
        answers = list(senders.map(lambda _: shop.send(paid).json()["received"], range(10)))
    assert sorted(answers) == [0] * 9 + [1]
    reads = len(shop.calls("GET", "/v1/invoices/"))
    shop.work()
    assert len(shop.calls("GET", "/v1/invoices/")) == reads + 1
    assert shop.delivery(sent)["paymentStatus"] == "paid"


def test_39_word_of_a_failure_that_comes_after_the_payment_changes_nothing(shop, sent):
    there = shop.the_invoice()
    card = shop.leave_card(there["customer"], declines="insufficient_funds")
    shop.stripe.collect()
    failed = shop.stripe.events[-1]
    assert failed["type"] == "invoice.payment_failed"
    shop.ledger().get("payment_method", card)["_declines"] = ""
    shop.stripe.collect()
    shop.send(shop.stripe.events[-1])
    shop.work()
    shop.clock.advance(60)
    shop.send(failed)
    shop.work()
    assert shop.delivery(sent)["paymentStatus"] == "paid"


def test_40_a_test_event_at_the_live_endpoint_concerns_test_alone(shop):
    for environment in (TEST, LIVE):
        shop.customer(environment=environment)
    tested, live = shop.push(), shop.push(key=shop.live_key)
    there = shop.the_invoice(TEST)
    there.update(status="paid", amount_paid=there["amount_due"])
    event = told(shop, about=there)
    answer = shop.send(event, place="/live", secret=shop.stripe.webhook_secrets[True])
    assert answer.json() == {"received": 1}
    shop.work()
    assert shop.delivery(tested)["paymentStatus"] == "paid"
    assert shop.delivery(live, key=shop.live_key)["paymentStatus"] == "open"


def test_40_an_event_of_an_account_that_nobody_holds_is_passed_over(shop):
    event = {**told(shop), "account": "acct_unknown"}
    answer = shop.send(event)
    assert (answer.status_code, answer.json()) == (200, {"received": 0})
    assert shop.stored_events() == []


@pytest.mark.parametrize("first", ["thin", "snapshot"])
def test_41_a_fact_that_is_told_thin_and_as_a_snapshot_has_one_effect(shop, sent, first):
    there = shop.the_invoice()
    there.update(status="void")
    snapshot = told(shop, "invoice.voided", about=there)
    both = [events.as_thin(snapshot), snapshot]
    for event in both if first == "thin" else reversed(both):
        assert shop.send(event).json() == {"received": 1}
        shop.pass_time(30)
    delivery = shop.delivery(sent)
    assert delivery["paymentStatus"] == "void"
    assert [one["kind"] for one in delivery["signals"]] == ["voided"]
    told_of = [one for one in shop.shown(sent)["timeline"] if one["kind"] == "signal"]
    assert len(told_of) == 1


def test_41_a_connections_own_endpoint_is_told_no_account(bare):
    (secret, mine) = ("whsec_own", bare.connect_by_key(TEST, webhook="whsec_own"))
    bare.customer()
    made = bare.push()
    there = bare.the_invoice()
    there.update(status="paid", amount_paid=there["amount_due"])
    event = {k: v for k, v in told(bare, about=there).items() if k != "account"}
    shown = bare.get(f"/connections/{mine['id']}")
    place = shown["webhookUrl"].partition("/webhooks/stripe")[2]
    body = json.dumps(event).encode()
    assert bare.send(body, place=place, secret="whsec_x").status_code == 400
    assert bare.send(body, place=place, secret=secret).json() == {"received": 1}
    bare.work()
    assert bare.delivery(made)["paymentStatus"] == "paid"
