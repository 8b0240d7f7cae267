"""What happens to the money of an invoice that stands at Stripe, and how it is asked for again."""

import pytest

from kable_hub.testing import Fault
from tests.stripe.asking import (
    at_stripe,
    collect,
    lines,
    own_settings,
    payment,
    settings,
    without_card,
)
from tests.stripe.stage import DAY, Stage


def test_14_a_card_detached_after_the_check_is_told_and_a_new_card_pays_the_same_invoice(
    shop: Stage,
):
    there = shop.customer()
    made = shop.push()
    without_card(shop, there)
    shop.stripe.collect()
    shop.hear()
    assert payment(shop, made) == ("payment_failed", "requires_payment_method")
    shop.leave_card(there)
    collect(shop, made)
    assert payment(shop, made) == ("paid", "")
    assert [one["status"] for one in shop.invoices()] == ["paid"]
    assert len(shop.calls("POST", "/v1/invoices$")) == 1


def test_15_a_decline_keeps_its_code_and_the_invoice_and_asking_again_makes_no_second_one(
    shop: Stage,
):
    there = shop.customer()
    shop.leave_card(there, declines="insufficient_funds")
    settings(shop, pay_at_once=True)
    made = shop.push()
    assert shop.standing(made) == ("delivered", "")
    assert payment(shop, made) == ("payment_failed", "insufficient_funds")
    assert collect(shop, made)["kind"] == "collect"
    assert payment(shop, made) == ("payment_failed", "insufficient_funds")
    assert shop.the_invoice()["status"] == "open"
    shop.leave_card(there)
    collect(shop, made)
    assert payment(shop, made) == ("paid", "")
    assert shop.the_invoice()["status"] == "paid"
    assert len(shop.calls("POST", "/pay")) == 3


def test_16_a_card_that_asks_for_its_owner_shows_where_to_confirm_and_a_later_payment_closes_it(
    shop: Stage,
):
    there = shop.customer()
    shop.leave_card(there, declines="authentication_required")
    settings(shop, pay_at_once=True)
    made = shop.push()
    told = shop.delivery(made)["paymentDetails"]
    assert payment(shop, made) == ("requires_action", "requires_action")
    assert told["url"] == shop.the_invoice()["hosted_invoice_url"]
    shop.leave_card(there)
    shop.stripe.collect()
    shop.hear()
    assert payment(shop, made) == ("paid", "")
    assert len(shop.invoices()) == 1


def test_an_invoice_is_paid_in_the_push_where_the_customer_says_so(shop: Stage):
    shop.customer()
    own_settings(shop, pay_at_once=True)
    made = shop.push()
    assert payment(shop, made) == ("paid", "")
    assert shop.delivery(made)["receipt"]["status"] == "paid"
    own_settings(shop)
    shop.push()
    assert [one["status"] for one in shop.invoices()] == ["paid", "open"]


@pytest.mark.parametrize("stage", ["before", "after"])
@pytest.mark.parametrize("path", ["finalize", "/pay"])
def test_a_payment_in_the_push_is_made_once_whatever_is_lost(shop: Stage, path: str, stage: str):
    shop.customer()
    settings(shop, pay_at_once=True)
    shop.stripe.fault(Fault(path, "POST", stage=stage, reset=True))
    made = shop.push()
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")
    paid = [one for one in shop.stripe.events if one["type"] == "invoice.paid"]
    if (path, stage) == ("/pay", "before"):
        # It never arrived, and nothing about a payment sends an invoice again: Stripe collects.
        assert payment(shop, made) == ("open", "")
        shop.stripe.collect()
        shop.hear()
    else:
        assert len(paid) == 1
    assert payment(shop, made) == ("paid", "")
    assert [one["status"] for one in shop.invoices()] == ["paid"]


def test_a_push_found_finished_days_later_is_paid_where_nobody_tried(shop: Stage):
    shop.customer()
    settings(shop, pay_at_once=True)
    shop.stripe.fault(Fault("finalize", "POST", stage="after", reset=True, times=3))
    made = shop.invoice()
    shop.drain()
    shop.pass_time(3 * DAY)
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")
    assert payment(shop, made) == ("paid", "")
    assert len(shop.invoices()) == 1


def test_an_asking_whose_answer_was_lost_is_repeated_and_charges_once(shop: Stage):
    shop.customer()
    made = shop.push()
    shop.stripe.fault(Fault("/pay", "POST", stage="after", reset=True))
    asked = collect(shop, made)
    shop.until_quiet()
    assert shop.get(f"/deliveries/{asked['id']}")["state"] == "delivered"
    assert payment(shop, made)[0] == "paid"
    assert [one["status"] for one in shop.invoices()] == ["paid"]
    assert collect(shop, made, 409)["code"] == "already_paid"


def test_what_was_never_sent_or_is_void_or_elsewhere_cannot_be_collected(shop: Stage):
    shop.customer()
    made = shop.invoice()
    assert collect(shop, made, 409)["code"] == "not_delivered"
    assert shop.post("/invoices/inv_none/collect", {}).status_code == 404
    assert shop.post(f"/invoices/{made['id']}/collect", {"provider": "x"}).status_code == 409
    shop.made(f"/deliveries/{shop.delivery(made)['id']}/void")
    shop.work()
    assert collect(shop, made, 409)["code"] == "voided"
    assert shop.calls("POST", "/pay") == []


def test_an_asking_under_way_is_answered_as_it_is_and_shown_with_the_invoice(shop: Stage):
    shop.customer()
    made = shop.push()
    first = shop.made(f"/invoices/{made['id']}/collect", {})
    second = shop.made(f"/invoices/{made['id']}/collect", {"provider": "stripe"})
    assert first["id"] == second["id"]
    shop.work()
    shown = {one["kind"]: one for one in shop.shown(made)["deliveries"]}
    assert (shown["collect"]["state"], shown["collect"]["paymentStatus"]) == ("delivered", "paid")
    assert len(shop.calls("POST", "/pay")) == 1


def test_a_customer_unlinked_since_is_still_asked_for_what_it_owes(shop: Stage):
    shop.customer()
    made = shop.push()
    shop.made(f"/invoices/{made['id']}/collect", {})
    assert shop.call("DELETE", "/customers/c1/links/stripe").status_code == 204
    shop.work()
    assert payment(shop, made) == ("paid", "")


def test_28_what_is_paid_without_a_charge_is_not_told_as_collected(shop: Stage):
    there = shop.customer()
    nothing = shop.push(lines=lines("0.00"))
    small = shop.push(lines=lines("0.30"))
    assert payment(shop, nothing) == ("paid", "no_charge")
    assert payment(shop, small) == ("paid", "carried_to_balance")
    assert "minimum" in shop.delivery(small)["paymentDetails"]["message"]
    assert shop.delivery(small)["receipt"]["total"] == "0.30"
    assert at_stripe(shop, there)["balance"] == 30
    at_stripe(shop, there)["balance"] = -5000
    credit = shop.push()
    assert payment(shop, credit) == ("paid", "paid_from_balance")
    shop.hear()
    for made, code in ((nothing, "no_charge"), (small, "carried_to_balance")):
        assert payment(shop, made) == ("paid", code)
    assert sum(one["amount_paid"] for one in shop.invoices()) == 0
    # A credit note is no invoice at Stripe.
    assert shop.standing(shop.push(lines=lines("-5.00"))) == ("rejected", "unsupported")


def test_uncollectible_and_overdue_are_told_apart(shop: Stage):
    shop.customer()
    settings(shop, collection_method="send_invoice", days_until_due=10)
    made = shop.push()
    assert payment(shop, made) == ("open", "")
    shop.clock.advance(11 * DAY)
    shop.stripe.emit(shop.ledger(), "invoice.overdue", shop.the_invoice())
    shop.hear()
    assert payment(shop, made) == ("overdue", "")
    shop.the_invoice()["status"] = "uncollectible"
    shop.stripe.emit(shop.ledger(), "invoice.marked_uncollectible", shop.the_invoice())
    shop.hear()
    assert payment(shop, made) == ("uncollectible", "")
