"""What happens in QuickBooks is shown on the invoice's timeline, once, and changes nothing here."""

from decimal import Decimal

import pytest
from kable_quickbooks_ledger import simulator_invoices

from kable_hub.store import tables as t
from tests.quickbooks.stage import PRODUCTION, US


@pytest.fixture
def sent(ready):
    """An invoice that stands in QuickBooks, and a poll after it, a minute ago."""
    ready.poll()
    ready.clock.advance(600)
    made = ready.push()
    ready.clock.advance(600)
    return made


def kinds(shop, made):
    timeline = shop.shown(made)["timeline"]
    return [one["signal"]["kind"] for one in timeline if one["kind"] == "signal"]


def edit(shop, row):
    row["CustomerMemo"] = {"value": "changed by hand"}
    shop.books().touch(row, shop.clock.now())


def void(shop, row):
    simulator_invoices.void(shop.books(), row, shop.clock.now())


def delete(shop, row):
    shop.books().remove("Invoice", row["Id"], shop.clock.now())


def pay(shop, row, amount="19.99"):
    simulator_invoices.pay(row, Decimal(amount), shop.clock.now())


def tell(shop, row, operation="updated", legacy=False):
    answer = shop.send((US, "Invoice", row["Id"], operation), legacy=legacy)
    assert answer.status_code == 200
    shop.work()


# --- 49: frozen here, flagged there --------------------------------------------------------------


def test_49_a_pushed_invoice_cannot_be_edited_here_only_voided(ready, sent):
    shop = ready
    answer = shop.call("PATCH", f"/invoices/{sent['id']}", {"memo": "other"})
    assert answer.status_code == 409, answer.text
    shop.made(f"/deliveries/{shop.delivery(sent)['id']}/void")
    shop.work()
    assert shop.the_invoice()["TotalAmt"] == 0
    assert shop.delivery(sent)["paymentStatus"] == "void"


@pytest.mark.parametrize(
    ("act", "kind"), [(edit, "edited"), (void, "voided"), (delete, "deleted"), (pay, "paid")]
)
@pytest.mark.parametrize("first", ["webhook", "legacy", "poll"])
def test_49_what_is_done_in_quickbooks_is_flagged_once_and_mirrored_never(
    ready, sent, act, kind, first
):
    shop, before = ready, ready.shown(sent)
    row = shop.the_invoice()
    act(shop, row)
    shop.clock.advance(60)
    hear = [lambda: tell(shop, row), lambda: tell(shop, row, legacy=True), shop.poll]
    at = ["webhook", "legacy", "poll"].index(first)
    for one in (*hear[at:], *hear[:at], shop.poll):
        one()
        shop.clock.advance(60)
    assert kinds(shop, sent) == [kind]
    after = shop.shown(sent)
    for name in ("total", "lines", "number", "revision"):
        assert after.get(name) == before.get(name)
    posted = len(shop.bodies())
    shop.until_quiet()
    assert len(shop.bodies()) == posted
    assert shop.delivery(sent)["state"] == "delivered"


def test_49_payments_are_told_as_they_come_and_go(ready, sent):
    shop, row = ready, ready.the_invoice()
    for amount, status in (
        ("5.00", "partially_paid"),
        ("4.99", "partially_paid"),
        ("10.00", "paid"),
        ("-19.99", "open"),
    ):
        pay(shop, row, amount)
        shop.clock.advance(60)
        tell(shop, row)
        assert shop.delivery(sent)["paymentStatus"] == status
    assert kinds(shop, sent) == ["partially_paid", "partially_paid", "paid", "payment_removed"]
    signals = shop.delivery(sent)["signals"]
    assert signals[0]["message"] == "14.99 of 19.99 are open in QuickBooks."


def test_49_an_edit_of_a_paid_invoice_is_an_edit(ready, sent):
    shop, row = ready, ready.the_invoice()
    pay(shop, row)
    tell(shop, row)
    shop.clock.advance(60)
    edit(shop, row)
    tell(shop, row)
    assert kinds(shop, sent) == ["paid", "edited"]


def test_49_a_payment_of_an_edited_invoice_is_no_second_edit(ready, sent):
    shop, row = ready, ready.the_invoice()
    edit(shop, row)
    tell(shop, row)
    shop.clock.advance(60)
    pay(shop, row)
    tell(shop, row)
    shop.clock.advance(60)
    shop.poll()
    assert kinds(shop, sent) == ["edited", "paid"]


def test_49_the_hubs_own_void_is_not_told_as_somebody_elses(ready, sent):
    shop, row = ready, ready.the_invoice()
    shop.made(f"/deliveries/{shop.delivery(sent)['id']}/void")
    shop.work()
    shop.clock.advance(60)
    tell(shop, row, "voided")
    shop.poll()
    assert row["PrivateNote"].startswith("Voided")
    assert kinds(shop, sent) == []
    shop.clock.advance(60)
    delete(shop, row)
    shop.poll()
    assert kinds(shop, sent) == ["deleted"]


def test_49_other_peoples_invoices_and_our_own_creations_cost_no_read(ready, sent):
    shop = ready
    foreign = shop.books().add("Invoice", {**shop.the_invoice(), "Id": "900"}, shop.clock.now())
    before = len(shop.asked())
    tell(shop, shop.invoices()[0], "created")
    tell(shop, shop.invoices()[0], "emailed")
    tell(shop, foreign)
    shop.hear("Customer", "30", "updated")
    assert len(shop.asked()) == before
    assert kinds(shop, sent) == []


def test_changes_are_read_while_a_person_has_paused_the_connection(ready, sent):
    shop = ready
    shop.call("POST", "/connections/quickbooks/pause", {})
    edit(shop, shop.the_invoice())
    shop.clock.advance(60)
    shop.poll()
    assert kinds(shop, sent) == ["edited"]


# --- 53: webhooks --------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "/test", "/live"])
def test_53_a_wrong_signature_is_401_and_nothing_is_stored(ready, sent, place):
    shop, row = ready, ready.the_invoice()
    body, headers = shop.quickbooks.webhook((US, "Invoice", row["Id"], "updated"))
    for bad_body, bad_headers in (
        (body + b" ", headers),
        (body, {"intuit-signature": "AAAA"}),
        (body, {}),
    ):
        answer = shop.told(bad_body, bad_headers, place)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert shop.stored_events() == []


def test_53_a_sandbox_token_proves_nothing_about_production(ready, sent):
    body, headers = ready.quickbooks.webhook((US, "Invoice", "1", "updated"))
    assert ready.told(body, headers, "/live").status_code == 401
    assert ready.told(body, headers, "/test").json() == {"received": 1}


@pytest.mark.parametrize("legacy", [False, True])
def test_53_a_repeated_event_is_ignored(ready, sent, legacy):
    shop, row = ready, ready.the_invoice()
    edit(shop, row)
    body, headers = shop.quickbooks.webhook((US, "Invoice", row["Id"], "updated"), legacy=legacy)
    assert [shop.told(body, headers).json()["received"] for _ in range(3)] == [1, 0, 0]
    shop.work()
    assert len(shop.stored_events()) == 1
    assert kinds(shop, sent) == ["edited"]


@pytest.mark.parametrize("legacy", [False, True])
def test_53_one_body_of_several_companies_reaches_each_on_its_own(ready, sent, legacy):
    shop = ready
    shop.connect(key=shop.live_key)
    shop.customer(key=shop.live_key)
    live = shop.push(key=shop.live_key)
    here, there = shop.the_invoice(), shop.the_invoice(PRODUCTION)
    assert here["Id"] == there["Id"]
    edit(shop, here)
    events = [(one, "Invoice", here["Id"], "updated") for one in (US, "777", PRODUCTION)]
    assert shop.send(*events, legacy=legacy).json() == {"received": 1}
    shop.work()
    assert kinds(shop, sent) == ["edited"]
    assert [one["kind"] for one in shop.delivery(live, key=shop.live_key)["signals"]] == []


def test_53_while_the_store_is_down_intuit_is_asked_to_come_again(ready, sent):
    shop, row = ready, ready.the_invoice()
    edit(shop, row)
    body, headers = shop.quickbooks.webhook((US, "Invoice", row["Id"], "updated"))
    with shop.hub.database.write():
        shop.hub.database.sql("ALTER TABLE webhook_event RENAME TO away")
    answer = shop.told(body, headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.elapsed.total_seconds() < 3
    with shop.hub.database.write():
        shop.hub.database.sql("ALTER TABLE away RENAME TO webhook_event")
    assert shop.told(body, headers).json() == {"received": 1}
    shop.work()
    assert kinds(shop, sent) == ["edited"]


def test_53_what_is_told_of_a_company_that_was_disconnected_is_passed_over(ready, sent):
    shop, row = ready, ready.the_invoice()
    shop.made("/connections/quickbooks/disconnect")
    edit(shop, row)
    before = len(shop.asked())
    tell(shop, row)
    shop.poll()
    assert len(shop.asked()) == before
    assert kinds(shop, sent) == []
    with shop.hub.database.read():
        assert [one.due_at for one in t.WebhookEvent.select()] in ([], [None])
