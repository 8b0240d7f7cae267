"""Cards that customers leave on a short-lived page, through the HTTP API; each edge by number."""

from datetime import datetime

import pytest

from tests.stripe.stage import TEST
from tests.web.site import customer

WAYS = {"successUrl": "https://shop.example/thanks", "failureUrl": "https://shop.example/card"}
PATH = "/customers/c1/payment-method"
COMPLETED, SUCCEEDED = "checkout.session.completed", "setup_intent.succeeded"


@pytest.fixture
def waiting(shop):
    """An invoice that waits for a card."""
    shop.customer(with_card=False)
    made = shop.push()
    assert shop.standing(made) == ("blocked", "requires_payment_method")
    return made


def page(shop):
    """A page for c1, and its session's id."""
    made = shop.made(PATH, WAYS)
    return made, made["url"].rsplit("/", 1)[1]


def method(shop):
    (one,) = shop.get(PATH)["items"]
    assert one["provider"] == "stripe"
    return one


def told(shop, kind):
    return next(one for one in reversed(shop.stripe.events) if one["type"] == kind)


def tell(shop, *kinds):
    """Only these events arrive, in this order."""
    for kind in kinds:
        assert shop.send(told(shop, kind)).status_code == 200
        shop.work()
    shop.heard = len(shop.stripe.events)


def default(shop):
    (one,) = shop.ledger().of("customer").values()
    return one["invoice_settings"]["default_payment_method"]


def changes_of_default(shop):
    return len(shop.calls("POST", r"/v1/customers/cus_\w+$"))


def test_36_a_page_lives_half_an_hour_in_the_customers_currency(shop, waiting):
    made, _ = page(shop)
    minutes = (datetime.fromisoformat(made["expiresAt"]) - shop.clock.now()).total_seconds() / 60
    assert 30 <= minutes <= 31
    (asked,) = shop.stripe.seen("POST", "checkout/sessions")
    assert b"currency=usd" in asked.body
    assert b"mode=setup" in asked.body


def test_36_the_newest_page_is_shown_until_it_dies(shop, waiting):
    assert method(shop) == {"provider": "stripe", "ready": False, "page": None}
    page(shop)
    made, _ = page(shop)
    shown = method(shop)["page"]
    assert (shown["state"], shown["url"], shown["completedAt"]) == ("open", made["url"], None)
    shop.clock.advance(1861)
    shown = method(shop)["page"]
    assert (shown["state"], shown["url"]) == ("expired", "")
    assert made["url"] not in str(shown)


def test_36_a_page_that_stripe_closed_before_its_time_shows_expired(shop, waiting):
    _, session = page(shop)
    shop.stripe.expire_session(session)
    shop.hear()
    assert (method(shop)["page"]["state"], method(shop)["page"]["url"]) == ("expired", "")
    assert shop.standing(waiting) == ("blocked", "requires_payment_method")


def test_36_completed_twice_sets_the_default_once(shop, waiting):
    _, session = page(shop)
    shop.stripe.complete_session(session)
    first = told(shop, COMPLETED)
    tell(shop, COMPLETED, COMPLETED)
    assert shop.send({**first, "id": "evt_again"}).status_code == 200
    shop.work()
    assert changes_of_default(shop) == 1
    assert method(shop)["ready"] is True
    shown = method(shop)["page"]
    assert (shown["state"], shown["url"]) == ("completed", "")
    assert shown["completedAt"]
    assert shop.standing(waiting) == ("delivered", "")


def test_36_a_page_of_somebody_else_on_the_same_account_is_ignored(shop, waiting):
    _, session = page(shop)
    shop.stripe.complete_session(session)
    ledger = shop.ledger()
    foreign = ledger.get("checkout.session", session)
    for one in (foreign, ledger.get("setup_intent", foreign["setup_intent"])):
        one["metadata"] = {**one["metadata"], "hub_connection": "con_of_another_hub"}
    tell(shop, SUCCEEDED, COMPLETED)
    assert (default(shop), changes_of_default(shop)) == (None, 0)
    assert method(shop)["page"]["state"] == "open"
    assert shop.standing(waiting) == ("blocked", "requires_payment_method")


@pytest.mark.parametrize(
    "kinds",
    [(SUCCEEDED, COMPLETED), (COMPLETED, SUCCEEDED), (SUCCEEDED,), (COMPLETED,)],
    ids=" then ".join,
)
def test_37_whichever_event_comes_first_the_card_becomes_the_default_once(shop, waiting, kinds):
    _, session = page(shop)
    shop.stripe.complete_session(session)
    assert default(shop) is None
    tell(shop, *kinds)
    assert default(shop)
    assert changes_of_default(shop) == 1
    assert method(shop)["page"]["state"] == "completed"
    assert shop.standing(waiting) == ("delivered", "")
    heard = [one["signal"] for one in shop.shown(waiting)["timeline"] if one["kind"] == "signal"]
    assert [one["kind"] for one in heard] == ["customer_ready"]


def test_37_a_late_event_of_an_older_card_does_not_take_the_newer_one_back(shop, waiting):
    _, first = page(shop)
    _, second = page(shop)
    shop.stripe.complete_session(first)
    late = told(shop, COMPLETED)
    shop.clock.advance(60)
    shop.stripe.complete_session(second)
    tell(shop, SUCCEEDED)
    newest = default(shop)
    shop.pass_time(3 * 24 * 3600)
    assert shop.send(late).status_code == 200
    shop.work()
    assert default(shop) == newest is not None


def test_37_coming_back_from_the_page_proves_nothing(shop, waiting):
    page(shop)
    shop.until_quiet()
    assert method(shop)["ready"] is False
    assert shop.standing(waiting) == ("blocked", "requires_payment_method")


def test_a_customer_with_a_card_is_ready_and_one_at_no_provider_has_no_answer(shop):
    shop.customer()
    assert method(shop) == {"provider": "stripe", "ready": True, "page": None}
    shop.made("/customers", customer("c2"))
    assert shop.get("/customers/c2/payment-method")["items"] == []
    assert shop.call("GET", "/customers/nobody/payment-method").status_code == 404
    assert shop.call("GET", PATH, key=shop.live_key).status_code == 404


def test_a_page_leads_back_to_the_accounts_hosts_alone(shop, waiting):
    hosts = {"returnHosts": ["shop.example", "*.shops.example"]}
    changed = shop.call("PATCH", f"/accounts/{shop.account}", hosts, key=shop.operator)
    assert changed.json["returnHosts"] == hosts["returnHosts"]
    assert changed.json["plan"] == "paid"
    page(shop)
    for evil in ("https://evil.example/", "https://shop.example@evil.example/", "//evil.example"):
        refused = shop.post(PATH, {**WAYS, "failureUrl": evil})
        assert refused.status_code == 422
        assert [one["field"] for one in refused.json["errors"]] == ["failureUrl"]
        asked = {"provider": "stripe", "returnTo": evil}
        refused = shop.post("/connections", asked, key=shop.live_key)
        assert [one["field"] for one in refused.json["errors"]] == ["returnTo"]
    assert len(shop.calls("POST", "checkout")) == 1
    wrong = {"returnHosts": ["shop.example/path"], "plan": "free"}
    refused = shop.call("PATCH", f"/accounts/{shop.account}", wrong, key=shop.operator)
    assert [one["field"] for one in refused.json["errors"]] == ["returnHosts.0"]
    assert shop.get(f"/accounts/{shop.account}", key=shop.operator)["plan"] == "paid"


def test_live_leads_back_over_https_alone(shop):
    there = shop.stripe.add_customer(shop.merchant, TEST)
    shop.made("/customers", customer(stripeCustomerId=there))
    plain = {**WAYS, "successUrl": "http://shop.example/"}
    assert shop.post(PATH, plain).status_code == 201
    refused = shop.post("/connections", {"provider": "stripe", "returnTo": "http://shop.example/"})
    assert refused.status_code == 200
    asked = {"provider": "stripe", "returnTo": "http://shop.example/"}
    refused = shop.post("/connections", asked, key=shop.live_key)
    assert [one["field"] for one in refused.json["errors"]] == ["returnTo"]
