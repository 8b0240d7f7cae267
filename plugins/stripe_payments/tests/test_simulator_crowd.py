"""Requests that meet at the local Stripe, its limiters, and its ways to fail."""

import threading
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
import requests
from kable_stripe_payments.simulator import StripeSimulator, faults

from kable_hub import Environment
from kable_hub.testing import observing

TEST = Environment.TEST


def ask(desk, method, path, params=None, key="", account=None):
    headers = {
        "Authorization": f"Bearer {desk.stripe.secret_keys[False]}",
        "Stripe-Account": account or desk.account,
        "Stripe-Version": "2026-10-28.endive",
        "Content-Type": "application/x-www-form-urlencoded",
        **({"Idempotency-Key": key} if key else {}),
    }
    url, form = f"{desk.stripe.url}/v1/{path}", urlencode(params or {})
    return requests.request(method, url, data=form, headers=headers, timeout=60)


def create(desk, key="k", **more):
    return ask(desk, "POST", "invoices", {"customer": desk.customer}, key, **more)


@contextmanager
def under_way(desk, work):
    """While `work`, a request, is being executed."""
    arrived, go_on, first = threading.Event(), threading.Event(), []

    def hold(_simulator, _request, _answer):
        if not arrived.is_set():
            arrived.set()
            go_on.wait(60)

    with observing(hold):
        thread = threading.Thread(target=lambda: first.append(work()))
        thread.start()
        assert arrived.wait(60)
        try:
            yield
        finally:
            go_on.set()
            thread.join()
    assert first[0].status_code == 200


def said(answer):
    error = answer.json()["error"]
    return answer.status_code, error.get("code", ""), error["type"]


def test_a_key_that_is_under_way_is_refused_and_answers_once_it_is_through(desk):
    with under_way(desk, lambda: create(desk)):
        met = create(desk)
        assert said(met) == (409, "idempotency_key_in_use", "idempotency_error")
        assert create(desk, "another").status_code == 200
    again = create(desk)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert len(desk.stripe.ledger(desk.account, TEST)) == 2


def test_two_writes_on_one_object_are_not_done_at_once(desk):
    path = f"invoices/{create(desk).json()['id']}"
    other = create(desk, "other").json()["id"]
    line = {"lines[0][amount]": "100"}
    with under_way(desk, lambda: ask(desk, "POST", f"{path}/add_lines", line, "a")):
        met = ask(desk, "POST", f"{path}/finalize", {}, "b")
        assert said(met) == (429, "lock_timeout", "invalid_request_error")
        assert ask(desk, "GET", path).status_code == 200
        assert ask(desk, "POST", f"invoices/{other}/add_lines", line, "c").status_code == 200
    assert ask(desk, "POST", f"{path}/finalize", {}, "b").status_code == 200


def test_too_many_at_once_are_refused_for_this_account_alone(desk):
    desk.stripe.limits = {"live": 9, "test": 9, "endpoint": 9, "search": 9, "concurrency": 1}
    other = desk.stripe.add_account(granted=(Environment.LIVE,)).id
    with under_way(desk, lambda: ask(desk, "GET", "account")):
        met = ask(desk, "GET", "account")
        assert said(met)[:2] == (429, "rate_limit")
        assert met.headers["Stripe-Rate-Limited-Reason"] == "global-concurrency"
        assert ask(desk, "GET", "account", account=other).status_code == 200
    assert desk.stripe.refused == 1
    assert ask(desk, "GET", "account").status_code == 200


def test_the_rate_is_limited_by_endpoint_and_by_account_within_a_second(desk):
    desk.stripe.limits = {"live": 9, "test": 3, "endpoint": 2, "search": 1}
    assert [ask(desk, "GET", "account").status_code for _ in range(3)] == [200, 200, 429]
    answers = [ask(desk, "GET", "customers") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 429]
    assert answers[1].headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    desk.clock.advance(1)
    assert ask(desk, "GET", "account").status_code == 200


def test_limits_and_latency_are_given_where_it_is_made():
    with StripeSimulator(limits={"live": 1, "test": 0, "endpoint": 9}, latency=0.001) as stripe:
        account = stripe.add_account(granted=(Environment.LIVE,)).id
        headers = {
            "Authorization": f"Bearer {stripe.secret_keys[False]}",
            "Stripe-Account": account,
            "Stripe-Version": "2026-10-28.endive",
        }
        answer = requests.get(f"{stripe.url}/v1/account", headers=headers, timeout=60)
    assert (answer.status_code, stripe.refused) == (429, 1)


@pytest.mark.parametrize(
    ("fault", "expected", "headers"),
    [
        (faults.rate_limited(), (429, "rate_limit"), {}),
        (
            faults.rate_limited("endpoint-rate", "7"),
            (429, "rate_limit"),
            {"Stripe-Rate-Limited-Reason": "endpoint-rate", "Retry-After": "7"},
        ),
        (faults.lock_timeout(), (429, "lock_timeout"), {}),
        (faults.key_in_use(), (409, "idempotency_key_in_use"), {}),
        (faults.server_error(502, "false"), (502, ""), {"Stripe-Should-Retry": "false"}),
        (faults.server_error(), (500, ""), {}),
    ],
)
def test_it_fails_as_it_is_told_and_nothing_is_done(desk, fault, expected, headers):
    named = ("Stripe-Rate-Limited-Reason", "Retry-After", "Stripe-Should-Retry")
    desk.stripe.fault(fault)
    answer = create(desk)
    assert said(answer)[:2] == expected
    assert {name: answer.headers[name] for name in named if name in answer.headers} == headers
    assert desk.stripe.ledger(desk.account, TEST) == []
    assert create(desk).status_code == 200


def test_a_proxys_page_may_stand_where_an_answer_should_and_the_work_be_done(desk):
    desk.stripe.fault(faults.html(stage="after"))
    answer = create(desk)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    assert len(desk.stripe.ledger(desk.account, TEST)) == 1


@pytest.mark.parametrize(("lost", "made"), [(faults.lost_before, 0), (faults.lost_after, 1)])
def test_the_connection_is_cut_before_or_after_the_work(desk, lost, made):
    desk.stripe.fault(lost(path="invoices$"))
    with pytest.raises(requests.ConnectionError):
        create(desk)
    assert len(desk.stripe.ledger(desk.account, TEST)) == made
    assert create(desk).status_code == 200
    assert len(desk.stripe.ledger(desk.account, TEST)) == 1


def test_a_slow_answer_is_the_right_one(desk):
    desk.stripe.fault(faults.slow(0.01))
    assert create(desk).status_code == 200
