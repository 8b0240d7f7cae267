"""What the product says of Stripe, each promise through the HTTP API and against a Stripe."""

import copy
from datetime import datetime, timedelta

from kable_hub.testing.browsing import Browser
from tests.stripe.stage import LIVE, TEST
from tests.web.site import customer


def hosted_page(shop):
    """A page on which c1 leaves a card; it leads back to the shop."""
    ways = {"successUrl": f"{shop.url}/thanks", "failureUrl": f"{shop.url}/back"}
    return shop.made("/customers/c1/payment-method", ways)


def test_one_click_connects_live_and_test(bare):
    connections = bare.connect()
    assert [(one["environment"], one["state"]) for one in connections] == [
        ("test", "active"),
        ("live", "active"),
    ]
    assert {one["externalId"] for one in connections} == {bare.merchant}


def test_a_customer_is_linked_by_its_id_at_stripe(shop):
    there = shop.stripe.add_customer(shop.merchant, TEST)
    made = shop.made("/customers", customer(stripeCustomerId=there))
    assert [(one["provider"], one["reference"], one["state"]) for one in made["links"]] == [
        ("stripe", there, "linked")
    ]
    assert shop.calls("POST", "/v1/customers") == []


def test_a_customer_is_created_at_stripe_by_stripe_true(shop):
    made = shop.made("/customers?stripe=true", customer())
    assert [one["state"] for one in made["links"]] == ["pending"]
    shop.work()
    link = shop.get("/customers/c1/links")["items"][0]
    there = shop.ledger().get("customer", link["reference"])
    assert (link["state"], there["name"]) == ("linked", "Northwind Traders")
    assert len(shop.ledger().of("customer")) == 1


def test_an_invoice_of_a_linked_customer_is_final_at_stripe_once(shop):
    there = shop.customer()
    shown = shop.push()
    assert [one["state"] for one in shown["deliveries"]] == ["delivered"]
    invoice = shop.the_invoice()
    assert (invoice["status"], invoice["total"], invoice["currency"]) == ("open", 1999, "usd")
    assert invoice["customer"] == there
    assert shop.invoices(LIVE) == []


def test_a_customer_leaves_a_card_on_a_short_lived_page_and_what_waited_is_charged(shop):
    there = shop.customer(with_card=False)
    waiting = shop.push()
    assert shop.standing(waiting) == ("blocked", "requires_payment_method")
    page = hosted_page(shop)
    lasts = datetime.fromisoformat(page["expiresAt"]) - shop.clock.now()
    assert timedelta(minutes=30) <= lasts <= timedelta(minutes=35)
    assert page["url"].startswith(shop.stripe.url)
    left = Browser().approve(page["url"])
    assert left.url.startswith(f"{shop.url}/thanks")
    shop.hear()
    settings = shop.stripe.customer(shop.merchant, TEST, there)["invoice_settings"]
    assert settings["default_payment_method"]
    assert shop.standing(waiting) == ("delivered", "")


def test_the_page_is_dead_when_its_time_is_over(shop):
    shop.customer(with_card=False)
    page = hosted_page(shop)
    shop.clock.advance(3600)
    assert Browser().approve(page["url"]).status_code == 410


def test_without_a_payment_method_nothing_is_made_and_the_invoice_says_so(shop):
    shop.customer(with_card=False)
    waiting = shop.push()
    (delivery,) = waiting["deliveries"]
    assert (delivery["state"], delivery["errorCode"]) == ("blocked", "requires_payment_method")
    assert shop.invoices() == []
    assert shop.calls("POST") == ["POST /oauth/token"]


def test_a_customer_that_is_not_linked_is_simply_not_charged(shop):
    shop.made("/customers", customer())
    before = shop.calls()
    shown = shop.push()
    assert (shown["deliveries"], shown["notLinked"]) == ([], ["stripe"])
    assert shop.calls() == before


def test_the_ids_of_invoice_and_customer_stand_in_the_metadata(shop):
    shop.customer()
    shown = shop.push(metadata={"hub_invoice_id": "mine", "hub_customer_id": "mine", "order": "7"})
    marks = shop.the_invoice()["metadata"]
    assert marks["hub_invoice_id"] == shown["id"]
    assert marks["hub_customer_id"] == shown["customerId"]


def test_an_invoice_is_frozen_once_it_is_sent(shop):
    shop.customer()
    sent = shop.push()
    before = copy.deepcopy(shop.the_invoice())
    change = {"lines": [{"description": "more", "amount": "1000.00"}]}
    answer = shop.call("PATCH", f"/invoices/{sent['id']}", change)
    assert answer.status_code == 409
    shop.until_quiet()
    assert shop.the_invoice() == before
    assert shop.shown(sent)["total"] == "19.99"


def test_what_happens_at_stripe_changes_no_amount_here(shop):
    shop.customer()
    sent = shop.push()
    there = shop.the_invoice()
    there.update(description="changed there", total=1, amount_due=1)
    there["_rows"][0]["amount"] = 1
    shop.stripe.emit(shop.ledger(), "invoice.updated", there)
    shop.hear()
    shown = shop.shown(sent)
    own = ("total", "subtotal", "tax", "memo", "lines", "revision")
    assert {name: shown[name] for name in own} == {name: sent[name] for name in own}


def test_whether_it_is_paid_comes_back_by_webhook(shop):
    shop.customer()
    sent = shop.push()
    assert sent["deliveries"][0]["paymentStatus"] == "open"
    shop.stripe.collect()
    shop.hear()
    assert shop.delivery(sent)["paymentStatus"] == "paid"


def test_live_and_test_are_kept_apart(shop):
    shop.customer(environment=TEST)
    there = shop.customer(environment=LIVE)
    tested, live = shop.push("SAME-1"), shop.push("SAME-1", key=shop.live_key)
    marks = [shop.the_invoice(one)["metadata"]["hub_invoice_id"] for one in (TEST, LIVE)]
    assert marks == [tested["id"], live["id"]]
    assert shop.call("GET", f"/invoices/{live['id']}").status_code == 404
    wrong = shop.post("/customers", customer("c2", stripeCustomerId=there))
    assert (wrong.status_code, wrong.json["code"]) == (422, "wrong_environment")
    used = {one.header("authorization") for one in shop.stripe.seen("POST", "/v1/invoices$")}
    assert used == {f"Bearer {shop.stripe.secret_keys[live]}" for live in (True, False)}
