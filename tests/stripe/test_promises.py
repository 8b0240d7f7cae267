"""What the product says of Stripe, each promise through the HTTP API and against a Stripe."""

from tests.stripe.stage import LIVE, TEST
from tests.web.site import customer


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
