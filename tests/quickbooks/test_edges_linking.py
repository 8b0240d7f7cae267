"""Customers and their counterparts in QuickBooks: the right one, on record, never a second."""

import pytest
from kable_quickbooks_ledger import simulator_customers

from tests.quickbooks.stage import LIVE, PRODUCTION
from tests.web.site import customer

PASTED = "https://app.sandbox.qbo.intuit.com/app/customerdetail?a=1&nameId=28&b=2"


def look(shop, reference, client_id="c1"):
    path = f"/customers/{client_id}/links/quickbooks/lookup"
    return shop.call("GET", path, query_string={"reference": reference})


def link(shop, client_id="c1"):
    (one,) = shop.get(f"/customers/{client_id}/links")["items"]
    return one


def suggested(shop, client_id="c1"):
    items = shop.get(f"/customers/{client_id}/links/quickbooks/suggestions")["items"]
    return [(one["reference"], one["match"], one["linkedTo"]) for one in items]


def found(shop, typed):
    path = "/connections/quickbooks/customers"
    items = shop.get(path, query_string={"search": typed})["items"]
    return [one["reference"] for one in items]


def creating(shop, name, client_id="c1"):
    """Ask to have a customer of this name created, and work; its link then."""
    shop.made("/customers?quickbooks=true", customer(client_id, companyName=name))
    shop.work()
    return link(shop, client_id)


def names(shop):
    return [row["DisplayName"] for row in shop.books().tables["Customer"].values()]


def deactivate(shop, reference):
    row = shop.books().tables["Customer"][reference]
    simulator_customers.deactivate(shop.books(), row, shop.clock.now())


def merge(shop, lost, kept):
    rows = shop.books().tables["Customer"]
    simulator_customers.merge(shop.books(), rows[lost], rows[kept], shop.clock.now())


# --- 15 to 18: what a reference leads to ---------------------------------------------------------


@pytest.mark.parametrize("reference", ["28", " 28 ", PASTED])
def test_15_an_id_and_a_pasted_address_are_shown_and_linked_to_the_same_customer(shop, reference):
    shop.made("/customers", customer())
    shown = look(shop, reference).json
    assert (shown["reference"], shown["title"]) == ("28", "Drivr App")
    assert (shown["email"], shown["currency"]) == ("billing@drivr.example", "USD")
    assert (shown["warnings"], shown["linkedTo"]) == ([], [])
    assert shop.get("/customers/c1/links")["items"] == []
    kept = shop.link(reference).json
    assert (kept["reference"], kept["title"], kept["state"]) == ("28", "Drivr App", "linked")


@pytest.mark.parametrize("reference", ["abc", "28;29", "", "0", "https://app.qbo.intuit.com/x"])
def test_15_what_is_no_reference_is_refused_without_asking_quickbooks(shop, reference):
    shop.made("/customers", customer())
    before = len(shop.asked())
    for answer in (look(shop, reference), shop.link(reference)):
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "reference"
    assert len(shop.asked()) == before


def test_16_an_unknown_id_is_refused_in_clear_words(shop):
    shop.made("/customers", customer())
    for answer in (look(shop, "4711"), shop.link("4711")):
        assert (answer.status_code, answer.json["code"]) == (422, "unknown_customer")
        assert answer.json["detail"] == "QuickBooks has no customer with the id 4711."


def test_17_a_vendors_id_is_refused_by_its_name(shop):
    shop.made("/customers", customer())
    for answer in (look(shop, "31"), shop.link("31")):
        assert (answer.status_code, answer.json["code"]) == (422, "unknown_customer")
        assert answer.json["detail"] == "31 is the vendor Paper Supplies, not a customer."


def test_18_an_inactive_customer_is_refused_by_its_name(shop):
    shop.made("/customers", customer())
    for answer in (look(shop, "32"), shop.link("32")):
        assert (answer.status_code, answer.json["code"]) == (422, "inactive_customer")
        assert "Closed Shop" in answer.json["detail"]


def test_18_a_customer_made_inactive_stops_its_own_invoices_alone_until_it_is_linked_again(ready):
    shop = ready
    shop.customer("c2", "29")
    deactivate(shop, "28")
    first, second = shop.invoice(), shop.invoice()
    other = shop.invoice(customer="c2", currency="EUR")
    shop.work()
    assert shop.standing(other)[0] == "delivered"
    assert {shop.delivery(one)["state"] for one in (first, second)} == {"blocked"}
    told = shop.delivery(first)["errorMessage"]
    assert "Drivr App" in told
    assert "inactive" in told
    broken = link(shop)
    assert (broken["state"], broken["warnings"]) == ("broken", [told])
    posted = len(shop.bodies())
    third = shop.push()
    assert shop.standing(third) == ("blocked", "customer_gone")
    assert shop.delivery(third)["errorMessage"] == told
    assert len(shop.bodies()) == posted
    assert shop.connection()["state"] == "active"
    shop.books().tables["Customer"]["28"]["Active"] = True
    assert shop.link("28").json["state"] == "linked"
    shop.work()
    assert [shop.standing(one) for one in (first, second, third)] == [("delivered", "")] * 3


# --- 19, 20, 22: one counterpart for two, a link that changes, no link ----------------------------


def test_19_a_customer_is_shared_only_when_confirmed_and_that_is_on_record(ready):
    shop = ready
    shop.made("/customers", customer("c2"))
    assert look(shop, "28", "c2").json["linkedTo"] == ["c1"]
    refused = shop.link("28", "c2")
    assert (refused.status_code, refused.json["code"]) == (409, "reference_in_use")
    assert shop.get("/customers/c2/links")["items"] == []
    shared = shop.link("28", "c2", body={"confirm": True}).json
    assert shared["sharedWith"] == ["c1"]
    assert shared["confirmedAt"]
    assert shared["confirmedBy"].startswith("key_")


def test_20_a_waiting_invoice_goes_to_the_customer_linked_when_its_push_begins(ready):
    shop = ready
    simulator_customers.add(shop.books(), "Second Shop", shop.clock.now())
    sent = shop.push()
    waiting = shop.invoice()
    assert shop.link("33").status_code == 200
    shop.work()
    was, new = (shop.delivery(one)["generations"] for one in (sent, waiting))
    assert [one["link"]["reference"] for one in (*was, *new)] == ["28", "33"]
    assert [row["CustomerRef"]["value"] for row in shop.invoices()] == ["28", "33"]


def test_21_a_merged_customer_asks_to_be_linked_again(ready):
    shop = ready
    simulator_customers.add(shop.books(), "Drivr App Inc", shop.clock.now())
    merge(shop, "28", "33")
    waiting = shop.push()
    assert shop.standing(waiting) == ("blocked", "customer_gone")
    assert shop.delivery(waiting)["blockedOn"] == "link"
    assert "link the customer again" in shop.delivery(waiting)["errorMessage"]
    assert shop.link("33").json["state"] == "linked"
    shop.work()
    assert shop.standing(waiting) == ("delivered", "")
    assert shop.the_invoice()["CustomerRef"]["value"] == "33"


@pytest.mark.parametrize("word", ["webhook", "poll"])
def test_21_a_merge_that_quickbooks_tells_stops_what_waits_and_shows_on_the_timeline(ready, word):
    shop = ready
    simulator_customers.add(shop.books(), "Drivr App Inc", shop.clock.now())
    sent = shop.push()
    shop.call("POST", "/connections/quickbooks/pause", {})
    waiting = shop.invoice()
    shop.poll()
    shop.clock.advance(60)
    merge(shop, "28", "33")
    for _ in range(2):
        shop.hear("Customer", "33", "merged", "28") if word == "webhook" else shop.poll()
    told = link(shop)["warnings"][0]
    assert link(shop)["state"] == "broken"
    assert ("into customer 33" if word == "webhook" else "deleted or merged") in told
    assert shop.standing(waiting) == ("blocked", "customer_gone")
    assert shop.delivery(waiting)["errorMessage"] == told
    for one in (sent, waiting):
        assert [two["kind"] for two in shop.delivery(one)["signals"]] == ["customer_gone"]


@pytest.mark.parametrize(("setting", "state"), [("all", "delivered"), ("none", "")])
def test_22_an_invoice_of_a_customer_that_is_not_linked_goes_out_by_the_policy(
    shop, setting, state
):
    body = {"values": {}, "pushEarlier": setting}
    shop.call("PUT", "/connections/quickbooks/settings", body)
    shop.made("/customers", customer())
    waiting = shop.push()
    assert (waiting["deliveries"], waiting["notLinked"]) == ([], ["quickbooks"])
    shop.link("28")
    shop.settings(default_item="1")
    shop.work()
    shown = shop.shown(waiting)["deliveries"]
    assert [one["state"] for one in shown] == ([state] if state else [])


# --- 23, 24: created there -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("DRIVR app", [("28", "Drivr App")]),
        ("Closed Shop", [("32", "Closed Shop (deleted) (inactive)")]),
        ("paper supplies", []),
    ],
)
def test_23_a_taken_name_offers_who_has_it_and_makes_no_second(shop, name, choices):
    before = names(shop)
    pending = creating(shop, name)
    assert (pending["state"], pending["errorCode"]) == ("pending", "duplicate_name")
    assert [(one["value"], one["label"]) for one in pending["choices"]] == choices
    if not choices:
        assert "the vendor Paper Supplies" in pending["errorMessage"]
    shop.until_quiet()
    assert names(shop) == before


def test_23_the_customer_that_is_offered_can_be_linked_and_what_waited_goes_out(shop):
    pending = creating(shop, "drivr app")
    waiting = shop.push()
    assert shop.standing(waiting) == ("blocked", "link_pending")
    shop.link(pending["choices"][0]["value"])
    shop.work()
    assert shop.standing(waiting) == ("delivered", "")
    assert (link(shop)["state"], link(shop)["choices"]) == ("linked", [])


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("  Acme: North  Yard ", "Acme North Yard"),
        ("Rocket \U0001f680 Works \u2764\ufe0f", "Rocket Works \u2764"),
        ("L" * 499, "L" * 100),
        ("\U0001f680\U0001f680", "c1"),
    ],
)
def test_24_a_name_that_quickbooks_cannot_keep_is_cleaned_and_the_original_stays(shop, name, there):
    made = creating(shop, name)
    assert (made["state"], made["title"]) == ("linked", there)
    row = shop.books().tables["Customer"][made["reference"]]
    assert row["DisplayName"] == there
    assert name.strip() in row["Notes"]
    assert shop.get("/customers/c1")["companyName"] == name
    shop.call("DELETE", "/customers/c1/links/quickbooks")
    shop.made("/customers/c1/links/quickbooks/create")
    shop.work()
    assert link(shop)["reference"] == made["reference"]


# --- the picker ----------------------------------------------------------------------------------


def test_customers_are_found_by_id_address_name_and_company(shop):
    add, now = simulator_customers.add, shop.clock.now()
    add(shop.books(), "NB 7", now, CompanyName="Northwind Traders Ltd")
    for typed, wanted in {
        "28": ["28"],
        "BILLING@drivr.example": ["28"],
        "drivr": ["28"],
        "northwind": ["33"],
        "closed": [],
        "100% x": [],
    }.items():
        assert found(shop, typed) == wanted, typed


def test_suggestions_come_by_address_first_and_say_who_has_them(shop):
    add, books, now = simulator_customers.add, shop.books(), shop.clock.now()
    add(books, "Pay Desk", now, PrimaryEmailAddr={"Address": "pay@shop.example"})
    add(books, "Northwind Traders", now)
    add(books, "Northwind Traders West", now)
    shop.customer("c2", "34")
    shop.made("/customers", customer(email="Pay@shop.example"))
    assert suggested(shop) == [
        ("33", "email", []),
        ("34", "name", ["c2"]),
        ("35", "similar", []),
    ]


def test_the_same_id_in_another_environment_is_somebody_else(shop):
    shop.connect(key=shop.live_key)
    there = shop.books(PRODUCTION).tables["Customer"]["28"]
    there["DisplayName"] = "Somebody else"
    shop.customer("c1", "28")
    made = shop.customer("c1", "28", key=shop.of(LIVE))
    assert (link(shop)["title"], made["links"][0]["title"]) == ("Drivr App", "Somebody else")
