"""The ways of tax on a Stripe invoice, and what follows where one of them fails."""

from decimal import Decimal

import pytest

from tests.stripe.asking import at_stripe, lines, refused, settings
from tests.stripe.stage import LIVE, TEST, Stage

TAXED = {"taxAmount": "1.90", "taxRate": "19", "taxCode": "STD"}


def rate(shop: Stage, percentage: str = "19", environment=TEST) -> str:
    return shop.stripe.add_tax_rate(shop.merchant, environment, percentage)


@pytest.mark.parametrize("way", ["amounts", "line", "rates"])
def test_the_invoices_own_tax_stands_at_stripe_in_exactly_one_way(shop: Stage, way: str):
    shop.customer()
    settings(shop, tax=way, tax_rates=f"STD: {rate(shop)}")
    made = shop.push(lines=lines("10.00", **TAXED))
    invoice = shop.the_invoice()
    assert (invoice["total"], invoice["automatic_tax"]["enabled"]) == (1190, False)
    assert [len(row["taxes"]) for row in invoice["_rows"]] == ([0, 0] if way == "line" else [1])
    receipt = shop.delivery(made)["receipt"]
    assert (receipt["total"], receipt["tax"], receipt["addsTax"]) == ("11.90", "1.90", False)
    assert shop.delivery(made)["variance"] == "0.00"


def test_a_rate_that_is_missing_blocks_until_it_is_added(shop: Stage):
    shop.customer()
    settings(shop, tax="rates", tax_rates="7: txr_other")
    made = shop.push(lines=lines("10.00", **TAXED))
    state, code, said = refused(shop, made)
    assert (state, code) == ("blocked", "tax_rate_missing")
    assert "STD or 19" in said
    assert shop.calls("POST", "/v1/") == []
    settings(shop, tax="rates", tax_rates=f"19: {rate(shop)}")
    shop.work()
    assert shop.standing(made) == ("delivered", "")


def test_33_a_rate_of_the_other_mode_is_a_matter_of_the_settings_and_leaves_no_draft(shop: Stage):
    shop.customer()
    settings(shop, tax="rates", tax_rates=f"STD: {rate(shop, environment=LIVE)}")
    made = shop.push(lines=lines("10.00", **TAXED))
    delivery = shop.delivery(made)
    assert (delivery["state"], delivery["errorCode"]) == ("blocked", "tax_rate_unknown")
    assert (delivery["blockedOn"], delivery["mayExist"]) == ("settings", False)
    assert "tax_rates" in delivery["errorMessage"]
    assert shop.invoices() == []
    settings(shop, tax="rates", tax_rates=f"STD: {rate(shop)}")
    shop.work()
    assert shop.standing(made) == ("delivered", "")
    assert len(shop.invoices()) == 1


def test_rates_that_make_another_sum_are_seen_before_the_invoice_is_final(shop: Stage):
    shop.customer()
    settings(shop, tax="rates", tax_rates=f"STD: {rate(shop, '20')}")
    made = shop.push(lines=lines("10.00", **TAXED))
    assert shop.standing(made) == ("rejected", "total_mismatch")
    assert shop.invoices() == []


def test_what_stripe_tax_adds_is_the_providers_tax_and_no_variance(shop: Stage):
    there = shop.customer()
    at_stripe(shop, there)["address"] = {"country": "DE"}
    settings(shop, tax="automatic")
    made = shop.push(lines=lines("10.00", "5.00", taxCode="txcd_10000000"))
    delivery = shop.delivery(made)
    assert delivery["receipt"]["total"] == "17.85"
    assert (delivery["receipt"]["tax"], delivery["receipt"]["addsTax"]) == ("2.85", True)
    assert delivery["variance"] == "0.00"
    assert Decimal(shop.shown(made)["total"]) == 15


def test_lines_with_tax_are_refused_by_name_where_stripe_tax_is_to_work_it_out(shop: Stage):
    shop.customer()
    settings(shop, tax="automatic")
    made = shop.push(lines=[*lines("5.00"), *lines("10.00", **TAXED)])
    state, code, said = refused(shop, made)
    assert (state, code) == ("blocked", "tax_twice")
    assert said.startswith("Line 2 ")
    assert shop.calls("POST", "/v1/") == []


def test_32_an_unusable_address_holds_the_invoice_and_leaves_no_draft_until_it_is_corrected(
    shop: Stage,
):
    there = shop.customer()
    settings(shop, tax="automatic")
    made = shop.push(lines=lines("10.00"))
    delivery = shop.delivery(made)
    assert (delivery["state"], delivery["errorCode"]) == ("blocked", "customer_tax_location")
    assert (delivery["blockedOn"], delivery["mayExist"]) == ("customer", False)
    assert there in delivery["errorMessage"]
    assert shop.invoices() == []
    customer = at_stripe(shop, there)
    customer["address"] = {"country": "DE"}
    shop.stripe.emit(shop.ledger(), "customer.updated", customer)
    shop.hear()
    assert shop.standing(made) == ("delivered", "")
    assert shop.the_invoice()["total"] == 1190


@pytest.mark.parametrize("told", ["draft", "finalize", "create"])
def test_32_an_unusable_address_sends_the_invoice_without_tax_where_that_is_the_policy(
    shop: Stage, told: str
):
    shop.customer()
    settings(shop, tax="automatic", tax_failure="send")
    shop.stripe.tells_location = told
    made = shop.push(lines=lines("10.00"))
    assert shop.standing(made) == ("delivered", "")
    invoice = shop.the_invoice()
    assert (invoice["total"], invoice["automatic_tax"]["enabled"]) == (1000, False)
    receipt = shop.delivery(made)["receipt"]
    assert (receipt["tax"], receipt["addsTax"]) == ("0.00", False)


def test_the_policy_is_the_one_that_stood_when_the_invoice_was_planned(shop: Stage):
    shop.customer()
    settings(shop, tax="automatic", tax_failure="send")
    shop.stripe.break_next("finalize", "before")
    made = shop.invoice(lines=lines("10.00"))
    shop.drain()
    assert shop.delivery(made)["mayExist"]
    settings(shop, tax="automatic", tax_failure="block")
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")
    assert len(shop.invoices()) == 1
