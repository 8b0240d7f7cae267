"""The edge cases of a Stripe that is busy, slow, or newer than the plugin."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from kable_stripe_payments.simulator import LIMITS, faults
from werkzeug.http import http_date

from kable_hub.testing import observing
from kable_hub.usecases import accounts
from kable_hub.usecases.running import start_engine
from tests.acme_simulator import AcmeSimulator
from tests.stripe.stage import LIVE, TEST, stage
from tests.stripe.test_edges_pushing import BOOKS
from tests.web.site import customer, invoice

MANY = 60


def states(shop, key=""):
    found = shop.get("/deliveries?limit=200", key=key)["items"]
    counts = {}
    for one in found:
        counts[one["state"]] = counts.get(one["state"], 0) + 1
    return counts


def bulk(shop, count, key="", number="MANY"):
    items = [invoice(f"{number}-{n}") for n in range(count)]
    assert shop.made("/invoices/bulk", {"invoices": items}, key=key)["accepted"] == count


def busiest_second(shop, path=""):
    """The most requests that Stripe saw of the merchant within any second."""
    return busiest(one.at for one in shop.stripe.seen(path=path) if "/v1/" in one.path)


def busiest(moments, seconds=1):
    """The most of them within any second, or so many."""
    times = list(moments)
    return max(sum(start <= at < start + seconds for at in times) for start in times)


def test_42_many_invoices_stay_below_the_limit_and_all_arrive(shop):
    shop.stripe.limits = dict(LIMITS)
    shop.pace = replace(shop.pace, slice_seconds=3600, width=1)
    shop.customer()
    shop.clock.advance(2)
    bulk(shop, MANY)
    shop.until_quiet()
    assert states(shop) == {"delivered": MANY}
    assert shop.stripe.refused == 0
    assert 15 <= busiest_second(shop) <= LIMITS["test"]
    assert len(shop.invoices()) == MANY
    tried = {one["attempts"] for one in shop.get("/deliveries?limit=200")["items"]}
    assert tried == {1}


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_42_a_429_is_waited_out_as_stripe_asks_and_then_it_goes_on_by_itself(shop, form):
    shop.customer()
    asked = "20" if form == "seconds" else http_date(shop.clock.now() + timedelta(seconds=20))
    shop.stripe.fault(faults.rate_limited("global-rate", asked, path="/v1/invoices$"))
    bulk(shop, 5)
    shop.until_quiet()
    assert states(shop) == {"delivered": 5}
    assert len(shop.invoices()) == 5
    refused = next(one.at for one in shop.stripe.requests if one.status == 429)
    later = [one.at for one in shop.stripe.requests if one.at > refused]
    # What other threads had under way ends at once; a date has no fractions of a second.
    waited = [at - refused for at in later if at - refused > 2]
    assert 18.9 <= min(waited) <= 40


def test_42_after_a_429_calls_come_more_slowly_and_then_as_before(shop):
    shop.pace = replace(shop.pace, slice_seconds=3600, width=1)
    shop.customer()
    shop.clock.advance(2)
    bulk(shop, 30)
    shop.stripe.fault(faults.rate_limited("global-rate", "5", path="/v1/invoices$", skip=1))
    shop.until_quiet()
    refused = next(one.at for one in shop.stripe.requests if one.status == 429)
    slow = busiest((one.at for one in shop.stripe.requests if one.at > refused), 4)
    shop.clock.advance(120)
    before = shop.clock.now().timestamp()
    bulk(shop, 30, number="LATER")
    shop.until_quiet()
    quick = busiest((one.at for one in shop.stripe.requests if one.at >= before), 4)
    assert slow < 0.9 * quick
    assert states(shop) == {"delivered": 60}


def test_42_a_burst_of_429_fails_nothing_and_leaves_another_tenant_alone(shop):
    other = accounts.create_account(shop.hub, "Other", "paid").id
    keys = [accounts.create_api_key(shop.hub, other, one).secret for one in (TEST, LIVE)]
    merchant = shop.stripe.add_account("Other").id
    shop.connect(key=keys[1], merchant=merchant)
    shop.customer()
    shop.customer(merchant=merchant, key=keys[0])
    burst = [faults.rate_limited("global-rate", path="/v1/", times=30)]
    bulk(shop, 20)
    shop.stripe.fault(*burst)
    shop.drain()
    assert states(shop)["due"] == 20
    shop.stripe.clear_faults()
    paused, before = states(shop), shop.clock.now()
    bulk(shop, 5, keys[0])
    shop.drain()
    assert states(shop, keys[0]) == {"delivered": 5}
    assert states(shop) == paused
    assert shop.clock.now() - before < timedelta(seconds=1), "it waited for more than its own pace"
    shop.until_quiet()
    assert states(shop) == {"delivered": 20}
    assert len(shop.invoices()) == 20


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        (faults.server_error(503, "true"), ["http_503", ""]),
        (faults.rate_limited("endpoint-rate"), ["rate_limited", ""]),
        (faults.html(503), ["http_503", ""]),
        (faults.html(502, stage="after"), ["http_502", ""]),
        (faults.key_in_use(), ["idempotency_key_in_use", ""]),
        (faults.lock_timeout(), ["lock_timeout", ""]),
    ],
    ids=["503-yes", "429", "html", "html-after", "409", "lock"],
)
def test_43_one_call_is_one_request_and_what_may_pass_is_tried_again(shop, fault, codes):
    shop.customer()
    shop.stripe.fault(replace(fault, path="/v1/invoices$", method="POST"))
    made = shop.invoice()
    shop.drain()
    assert len(shop.calls("POST", "/v1/invoices$")) == 1
    shop.until_quiet()
    assert shop.tries(made) == codes
    assert shop.the_invoice()["status"] == "open"


@pytest.mark.parametrize("stage", ["before", "after"])
def test_43_an_answer_that_stripe_will_not_change_is_asked_for_once_and_then_looked_for(
    shop, stage
):
    shop.customer()
    fault = faults.server_error(500, "false")
    shop.stripe.fault(replace(fault, path="/v1/invoices$", method="POST", stage=stage))
    made = shop.invoice()
    shop.until_quiet()
    keys = [one.header("idempotency-key") for one in shop.stripe.requests if creates(one)]
    assert len(keys) == len(set(keys)) == (2 if stage == "before" else 1)
    assert shop.standing(made) == ("delivered", "")
    assert shop.the_invoice()["status"] == "open"


def creates(seen):
    return (seen.method, seen.path) == ("POST", "/v1/invoices")


def test_43_a_page_instead_of_an_answer_crashes_no_read(shop):
    shop.customer()
    shop.stripe.fault(faults.html(503, path="/v1/customers/", method="GET", times=3))
    made = shop.push()
    assert shop.standing(made) == ("due", "http_503")
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")


def test_44_a_stripe_that_does_not_answer_slows_no_other_provider(tmp_path):
    with AcmeSimulator() as acme:
        names = {"API_URL": acme.url, "CLIENT_ID": "app", "WEBHOOK_SECRET": "secret"}
        environ = {f"KABLE_BOOKS_TEST_{name}": value for name, value in names.items()}
        environ |= {"KABLE_PUSH_THREADS": "2", "KABLE_DRAIN_SLOTS": "1"}
        with stage(tmp_path, BOOKS, **environ) as shop:
            shop.connect()
            form = {"provider": "books", "method": "key", "form": {"api_key": "token-1"}}
            shop.made("/connections", form)
            there = shop.stripe.add_customer(shop.merchant, TEST)
            ids = {
                "booksCustomerId": acme.add_customer(name="A", method=True),
                "stripeCustomerId": there,
            }
            shop.made("/customers", customer(**ids))
            bulk(shop, 6)
            answers = threading.Event()

            def hold(simulator, _request, _answer):
                if simulator is shop.stripe:
                    answers.wait(60)

            with observing(hold):
                engine = start_engine(shop.hub)
                try:
                    until(lambda: len(by_state(shop, "books", "delivered")) == 6)
                    assert len(by_state(shop, "stripe", "delivered")) == 0
                finally:
                    answers.set()
                    engine.stop()
            assert len(acme.docs) == 6


def by_state(shop, provider, state):
    return shop.get(f"/deliveries?limit=100&provider={provider}&state={state}")["items"]


def until(said):
    end = time.monotonic() + 60
    while not said():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


@pytest.fixture
def newer(shop):
    """A shop whose customer carries what this version of the API does not know."""
    there = shop.customer()
    shop.ledger().get("customer", there)["future_field"] = {"kind": ["new", 1, None]}
    return shop


def test_48_fields_that_nobody_knows_yet_change_nothing(newer):
    made = newer.push()
    newer.the_invoice()["future_field"] = {"object": "future", "amount": "1.5"}
    newer.stripe.collect()
    newer.hear()
    assert newer.delivery(made)["paymentStatus"] == "paid"


def test_48_a_status_that_nobody_knows_yet_is_passed_over(newer):
    made = newer.push()
    newer.the_invoice()["status"] = "paid_in_shells"
    newer.stripe.emit(newer.ledger(), "invoice.updated", newer.the_invoice())
    newer.hear()
    assert newer.delivery(made)["paymentStatus"] == "open"
    assert {outcome for _, outcome in newer.stored_events()} <= {
        "PaymentChanged",
        "nothing to do",
    }


def test_48_a_decline_that_nobody_knows_yet_is_shown_as_it_is(newer):
    made = newer.push()
    newer.leave_card(newer.the_invoice()["customer"], declines="card_from_the_future")
    newer.stripe.collect()
    newer.hear()
    delivery = newer.delivery(made)
    assert delivery["paymentStatus"] == "payment_failed"
    assert delivery["paymentDetails"]["code"] == "card_from_the_future"


def test_48_what_stripe_removed_is_neither_answered_nor_read(contract, shop):
    removed = {"payment_intent", "charge", "paid", "paid_out_of_band"}
    assert not removed & set(contract.contract["objects"]["invoice"])
    shop.customer()
    made = shop.push()
    assert not removed & set(shop.the_invoice())
    assert shop.standing(made) == ("delivered", "")
