"""Customers at Stripe through the HTTP API: linked by id, created once, suggested; by number."""

import pytest

from kable_hub.testing import Fault
from tests.stripe.stage import LIVE, TEST
from tests.web.site import customer

REFUSED = '{"error": {"message": "Search is not available for merchants in India.", "type": "x"}}'


def link(shop, client_id="c1"):
    return shop.get(f"/customers/{client_id}/links")["items"][0]


def made_at_stripe(shop):
    return [one["metadata"].get("hub_customer_id") for one in shop.ledger().of("customer").values()]


def put(shop, reference, client_id="c1", **body):
    path = f"/customers/{client_id}/links/stripe"
    return shop.call("PUT", path, {"reference": reference, **body})


def suggestions(shop, client_id="c1"):
    return shop.get(f"/customers/{client_id}/links/stripe/suggestions")["items"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/v1/customers", "POST", status=503, times=2),
        Fault("/v1/customers", "POST", stage="after", reset=True, times=2),
        Fault("/v1/customers", "GET", status=503, times=2),
    ],
)
def test_10_a_customer_is_saved_while_stripe_is_away_and_created_once(shop, fault):
    shop.stripe.fault(fault)
    view = shop.made("/customers?stripe=true", customer(email="a@shop.example"))
    assert [one["state"] for one in view["links"]] == ["pending"]
    shop.work()
    assert link(shop)["state"] == "pending"
    assert link(shop)["errorMessage"]
    waiting = shop.invoice()
    assert shop.standing(waiting) == ("blocked", "link_pending")
    shop.until_quiet()
    assert link(shop)["state"] == "linked"
    assert made_at_stripe(shop) == [view["id"]]
    assert shop.standing(waiting) == ("blocked", "requires_payment_method")


def test_10_a_repeated_creation_uses_the_same_key(shop):
    shop.stripe.fault(Fault("/v1/customers", "POST", stage="after", reset=True))
    shop.made("/customers?stripe=true", customer())
    shop.until_quiet()
    posts = [one for one in shop.stripe.seen("POST", "/v1/customers$") if one.path.endswith("rs")]
    assert len({one.header("idempotency-key") for one in posts}) == 1
    assert len(made_at_stripe(shop)) == 1


def test_10_a_customer_that_is_asked_for_again_after_a_day_is_not_made_twice(shop):
    shop.stripe.fault(Fault("/v1/customers", "POST", stage="after", reset=True))
    shop.made("/customers?stripe=true", customer(email="a@shop.example"))
    shop.work()
    shop.stripe.search_lag = 10**6
    shop.pass_time(25 * 3600)
    shop.until_quiet()
    assert link(shop)["state"] == "linked"
    assert len(made_at_stripe(shop)) == 1


@pytest.mark.parametrize(("here", "there"), [(TEST, LIVE), (LIVE, TEST)])
def test_11_a_customer_of_the_other_environment_is_explained(shop, here, there):
    other = shop.stripe.add_customer(shop.merchant, there)
    refused = shop.post("/customers", customer(stripeCustomerId=other), key=shop.of(here))
    assert (refused.status_code, refused.json["code"]) == (422, "wrong_environment")
    (fault,) = refused.json["errors"]
    assert fault["field"] == "stripeCustomerId"
    assert f"exists in {there} mode, and this is {here} mode" in fault["message"]
    assert shop.get("/customers", key=shop.of(here))["items"] == []


@pytest.mark.parametrize(
    ("reference", "code"),
    [("cus_nobody1", "unknown_customer"), ("acct_123", "bad_reference"), ("c1", "bad_reference")],
)
def test_11_a_reference_that_leads_nowhere_is_refused_by_name(shop, reference, code):
    refused = shop.post("/customers", customer(stripeCustomerId=reference))
    assert refused.status_code == 422
    assert [(one["field"], one["code"]) for one in refused.json["errors"]] == [
        ("stripeCustomerId", code)
    ]


def test_11_a_deleted_customer_is_not_linked(shop):
    there = shop.stripe.add_customer(shop.merchant, TEST)
    shop.stripe.delete_customer(shop.merchant, TEST, there)
    refused = shop.post("/customers", customer(stripeCustomerId=there))
    assert (refused.status_code, refused.json["code"]) == (422, "inactive_customer")


def test_11_an_address_of_the_dashboard_is_as_good_as_the_id(shop):
    there = shop.stripe.add_customer(shop.merchant, TEST)
    shop.made("/customers", customer())
    pasted = f"https://dashboard.stripe.com/test/customers/{there}?tab=x"
    assert put(shop, pasted).json["reference"] == there


def test_11_one_customer_at_stripe_for_two_here_takes_a_confirmation(shop):
    there = shop.customer("c1")
    shop.made("/customers", customer("c2"))
    refused = put(shop, there, "c2")
    assert (refused.status_code, refused.json["code"]) == (409, "reference_in_use")
    assert refused.json["customers"] == ["c1"]
    assert put(shop, there, "c2", confirm=True).json["reference"] == there


def test_a_suggestion_is_marked_and_links_nothing(shop):
    add = shop.stripe.add_customer
    taken = add(shop.merchant, TEST, "Other name", "Pay@Shop.example")
    by_mail = add(shop.merchant, TEST, "Northwind", "pay@shop.example")
    by_name = add(shop.merchant, TEST, "Northwind Traders", "b@example.com")
    alike = add(shop.merchant, TEST, "Northwind Traders (old)", "c@example.com")
    add(shop.merchant, TEST, "Somebody else", "d@example.com")
    shop.made("/customers", customer("c2", stripeCustomerId=taken))
    shop.made("/customers", customer(email="pay@shop.example"))
    found = suggestions(shop)
    assert {one["reference"]: (one["match"], one["linkedTo"]) for one in found} == {
        by_mail: ("email", []),
        taken: ("email", ["c2"]),
        by_name: ("name", []),
        alike: ("similar", []),
    }
    assert [one["match"] for one in found] == ["email", "email", "name", "similar"]
    assert shop.get("/customers/c1/links")["items"] == []
    put(shop, by_mail)
    shown = {one["reference"]: one["linkedTo"] for one in suggestions(shop)}
    assert (shown[by_mail], shown[taken]) == ([], ["c2"])


@pytest.mark.parametrize("status", [400, 403])
def test_a_suggestion_comes_from_the_list_where_the_account_has_no_search(shop, status):
    shop.stripe.fault(Fault("/v1/customers/search", status=status, body=REFUSED, times=9))
    there = shop.stripe.add_customer(shop.merchant, TEST, "Northwind Traders", "pay@shop.example")
    shop.made("/customers", customer(email="pay@shop.example"))
    assert [one["reference"] for one in suggestions(shop)] == [there]
    found = shop.get("/connections/stripe/customers", query_string={"search": "northw"})["items"]
    assert [one["reference"] for one in found] == [there]


def test_a_suggestion_by_address_does_not_lag(shop):
    shop.stripe.search_lag = 3600
    there = shop.stripe.add_customer(shop.merchant, TEST, "Somebody", "pay@shop.example")
    shop.made("/customers", customer(email="pay@shop.example"))
    assert [(one["reference"], one["match"]) for one in suggestions(shop)] == [(there, "email")]


def test_a_suggestion_without_the_permission_names_it(bare):
    bare.connect_by_key(TEST, "rak_customer_read")
    bare.made("/customers", customer())
    refused = bare.call("GET", "/customers/c1/links/stripe/suggestions")
    assert (refused.status_code, refused.json["code"]) == (409, "permission_missing")
    assert "Customers: read" in refused.json["detail"]
