"""Invoices in the dashboard: found, looked at, steered, taken along as CSV."""

import csv
import io
import re
from dataclasses import replace

import pytest

from kable_hub import Lift
from kable_hub.store import tables as t
from kable_hub.usecases.invoice_export import harmless
from tests.web.site import customer, invoice


@pytest.fixture
def shop(web):
    """Acme connected, a linked customer, and one that is linked nowhere."""
    web.connect()
    reference = web.acme.add_customer(name="Northwind Traders")
    web.made("/customers", customer("c1"))
    answer = web.call("PUT", "/customers/c1/links/acme", {"reference": reference})
    assert answer.status_code in (200, 201), answer.json
    web.made("/customers", customer("c2", companyName="Contoso <b>Ltd</b>"))
    return web


def made(site, number="INV-1", **changes):
    return site.made("/invoices", invoice(number, **changes))["id"]


def delivery_of(site, invoice_id):
    return site.get(f"/invoices/{invoice_id}").json["deliveries"][0]["id"]


def force(site, delivery_id, **values):
    """Put a delivery into a state that takes a provider's trouble to come by."""
    with site.hub.database.write():
        t.Delivery.update(values).where(t.Delivery.id == delivery_id).execute()


def act(person, invoice_id, delivery_id, what, **data):
    return person.done(f"invoices/{invoice_id}/deliveries/{delivery_id}/{what}/", data)


def test_an_empty_list_says_where_invoices_come_from(member):
    page = member.page("invoices/")
    assert "No invoices yet" in page
    assert "Upload a CSV" in page


def test_the_list_shows_each_invoice_and_where_it_stands(shop, member):
    made(shop, "INV-1")
    made(shop, "INV-2", customer="c2")
    page = member.page("invoices/")
    assert "19.99\N{NO-BREAK SPACE}USD" in page
    assert "Queued" in page
    assert "Not linked" in page
    assert "Contoso &lt;b&gt;Ltd&lt;/b&gt;" in page


FILTERS = {
    "q=INV-2": {"INV-2"},
    "q=north": {"INV-1"},
    "q=c2": {"INV-2"},
    "q=Contoso": {"INV-2"},
    "q=%25": set(),
    "state=due": {"INV-1"},
    "state=delivered": set(),
    "state=nonsense": {"INV-1", "INV-2"},
    "provider=acme": {"INV-1"},
    "provider=unknown": set(),
    "customer=c2": {"INV-2"},
    "from=2026-11-23": {"INV-2"},
    "to=2026-11-22&state=due&provider=acme": {"INV-1"},
    "from=yesterday": {"INV-1", "INV-2"},
}


def test_filters_leave_what_fits_in_the_list_and_in_the_export(shop, member):
    made(shop, "INV-1")
    made(shop, "INV-2", customer="c2", issueDate="2026-11-24")
    for query, found in FILTERS.items():
        page = member.page(f"invoices/?{query}")
        assert set(re.findall(r">(INV-\d)</a>", page)) == found, query
        assert ("No invoice fits" in page) is (not found), query
        rows = csv.DictReader(io.StringIO(member.page(f"invoices/export.csv?{query}")))
        assert {row["number"] for row in rows} == found, query


def test_pages_follow_each_other_and_keep_the_filter(shop, member):
    bodies = [invoice(f"INV-{n:03}") for n in range(60)]
    shop.made("/invoices/bulk", {"invoices": bodies})
    first = member.page("invoices/?q=INV-0")
    after = re.search(r'href="([^"]+)" rel="next"', first)
    assert after is not None
    second = member.page(after[1].replace("&amp;", "&"))
    numbers = [re.findall(r">(INV-\d+)</a>", page) for page in (first, second)]
    assert [len(one) for one in numbers] == [50, 10]
    assert len({*numbers[0], *numbers[1]}) == 60
    assert "q=INV-0" in after[1]


def test_htmx_takes_the_list_alone_and_asks_again_while_something_moves(shop, member):
    one = made(shop)
    part = member.get("invoices/?q=INV", htmx=True).text
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part
    force(shop, delivery_of(shop, one), state="delivered")
    assert "every" not in member.get("invoices/?q=INV", htmx=True).text


def test_the_export_is_harmless_to_spreadsheets(shop, member):
    shop.made("/customers", customer("@c3", companyName='=HYPERLINK("http://x")'))
    made(shop, "-1+1", customer="@c3")
    answer = member.get("invoices/export.csv")
    assert answer.is_streamed
    assert "attachment" in answer.headers["Content-Disposition"]
    row = next(csv.DictReader(io.StringIO(answer.text)))
    assert row["number"] == "'-1+1"
    assert row["client_id"] == "'@c3"
    assert row["company_name"] == '\'=HYPERLINK("http://x")'
    assert row["total"] == "19.99"
    assert row["acme_state"] == "notLinked"
    for text in ("+1", "\t=1", " =1", "\r=1"):
        assert harmless(text).startswith("'")
    assert harmless("INV-1") == "INV-1"


def test_a_page_tells_all_of_an_invoice(shop, member):
    one = made(shop)
    force(
        shop,
        delivery_of(shop, one),
        state="delivered",
        external_id="ac_77",
        payment_status="payment_failed",
        variance=-150,
        delivered_at=shop.hub.now(),
        payment_details={"message": "The card was declined."},
        receipt={"external_id": "ac_77", "number": "A-0007", "url": "https://acme.example/i/77"},
    )
    page = member.page(f"invoices/{one}/")
    for said in (
        "work",
        "A-0007",
        "ac_77",
        'href="https://acme.example/i/77"',
        "Delivered",
        "Payment failed",
        "The card was declined.",
        "−1.50\N{NO-BREAK SPACE}USD",
        "Arrived at the hub",
        "Acme has it",
    ):
        assert said in page


def test_no_other_address_than_one_of_the_web_becomes_a_link(shop, member):
    one = made(shop)
    receipt = {"external_id": "x", "url": "javascript:alert(1)"}
    force(shop, delivery_of(shop, one), state="delivered", receipt=receipt)
    assert "javascript" not in member.page(f"invoices/{one}/")


def test_what_is_blocked_says_what_to_do_and_where(shop, member):
    one = made(shop)
    values = {"error_code": "requires_payment_method", "error_message": "No card is on file."}
    force(shop, delivery_of(shop, one), state="blocked", blocked_on="customer", **values)
    page = member.page(f"invoices/{one}/")
    assert "No card is on file." in page
    assert "Ask the customer for a card" in page
    assert "/customers/" in page
    assert "Try again" in page


@pytest.mark.parametrize(("fact", "offered"), [("negative_total", False), ("max_lines", True)])
def test_what_is_never_taken_is_tried_again_only_where_a_setting_may_lift_it(
    shop, member, monkeypatch, fact, offered
):
    one = made(shop)
    acme = next(one for one in shop.hub.registry.providers() if one.slug == "acme")
    lifts = (Lift("max_lines", "many", "together"),)
    monkeypatch.setattr(shop.hub.registry, "providers", lambda: [replace(acme, lifts=lifts)])
    values = {"error_code": "unsupported", "error_details": [{"fact": fact}]}
    force(shop, delivery_of(shop, one), state="rejected", **values)
    page = member.page(f"invoices/{one}/")
    assert "Do not send" in page
    assert ("Try again" in page) is offered


@pytest.mark.parametrize(("kind", "said"), [("push", "Do not send"), ("void", "Leave it as it is")])
def test_what_is_not_done_after_all_is_called_by_what_then_stands(shop, member, kind, said):
    one = made(shop)
    delivery = delivery_of(shop, one)
    force(shop, delivery, kind=kind)
    assert said in member.page(f"invoices/{one}/deliveries/{delivery}/cancel/")
    assert (
        "Nothing of it stands there" in member.page(f"invoices/{one}/deliveries/{delivery}/cancel/")
    ) is (kind == "push")


def test_the_moving_part_is_asked_for_until_it_is_final(shop, member):
    one = made(shop)
    part = member.get(f"invoices/{one}/", htmx=True).text
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part
    for changes, trigger in (
        ({"state": "blocked", "error_code": "not_linked"}, 'hx-trigger="every 5s"'),
        ({"state": "delivered", "payment_status": "open"}, 'hx-trigger="every 15s"'),
    ):
        force(shop, delivery_of(shop, one), **changes)
        assert trigger in member.get(f"invoices/{one}/", htmx=True).text
    force(shop, delivery_of(shop, one), state="delivered", payment_status="paid")
    assert "every" not in member.get(f"invoices/{one}/", htmx=True).text


def test_a_try_shows_its_answer_its_request_and_its_calls(shop, member):
    one = made(shop)
    scope = {"account_id": shop.account, "environment": "test"}
    calls = [{"name": "bills.create", "writes": True, "status": 503, "request_id": "r1", "ms": 42}]
    with shop.hub.database.write():
        t.Attempt.create(
            id="att_1",
            delivery_id=delivery_of(shop, one),
            generation=1,
            step="push",
            outcome="Transient",
            code="transient",
            message="Acme is away.",
            provider_code="busy",
            http_status=503,
            request_id="r1",
            calls=calls,
            started_at=shop.hub.now(),
            duration_ms=43,
            **scope,
        )
    page = member.page(f"invoices/{one}/")
    for said in ("Tried to send to Acme", "Acme is away.", "43 ms, 1 call", "503", "r1", "busy"):
        assert said in page
    assert "bills.create" in page


def test_what_is_held_goes_by_hand_and_may_be_given_up(shop, member):
    one = made(shop, autoPush=False)
    delivery = delivery_of(shop, one)
    assert "Send now" in member.page(f"invoices/{one}/")
    assert "It goes to Acme now." in act(member, one, delivery, "push")
    assert "Do not send it" in member.page(f"invoices/{one}/deliveries/{delivery}/cancel/")
    assert "It is not sent to Acme." in act(member, one, delivery, "cancel")
    assert "The present state does not allow this" in act(member, one, delivery, "cancel")


def test_a_retry_and_a_void_are_one_button_each(shop, member):
    one = made(shop)
    delivery = delivery_of(shop, one)
    force(shop, delivery, state="rejected", error_code="rejected")
    assert "It is tried at Acme again." in act(member, one, delivery, "retry")
    force(shop, delivery, state="delivered", external_id="ac_1", receipt={"external_id": "ac_1"})
    assert "cannot be taken back" in member.page(f"invoices/{one}/deliveries/{delivery}/void/")
    page = act(member, one, delivery, "void")
    assert "Acme is asked to void it." in page
    assert "Voiding" in page


def test_a_provider_that_collects_nothing_is_asked_for_no_payment(shop, member):
    one = made(shop)
    delivery = delivery_of(shop, one)
    force(shop, delivery, state="delivered", external_id="ac_1", receipt={"external_id": "ac_1"})
    assert "Collect now" not in member.page(f"invoices/{one}/")
    assert "Acme does not offer" in act(member, one, delivery, "collect")


def test_what_is_uncertain_is_settled_by_who_looked(shop, member):
    one = made(shop)
    delivery = delivery_of(shop, one)
    at = f"invoices/{one}/deliveries/{delivery}/settle/"
    force(shop, delivery, state="uncertain", may_exist=True)
    page = member.page(f"invoices/{one}/")
    assert "I looked there" in page
    assert "Do not send" not in page
    assert "Its id at Acme" in member.page(at)
    assert member.post(at, {"found": "perhaps"}).status_code == 422
    without = member.post(at, {"found": "yes", "external_id": " "})
    assert without.status_code == 422
    assert 'aria-invalid="true"' in without.text
    assert "Kept as delivered" in member.done(at, {"found": "yes", "external_id": "ac_9"})
    assert "ac_9" in member.page(f"invoices/{one}/")
    force(shop, delivery, state="uncertain", may_exist=True)
    assert "sent to Acme anew" in member.done(at, {"found": "no"})


def test_a_preview_shows_what_would_be_sent_and_sends_nothing(shop, member):
    one = made(shop)
    page = member.page(f"invoices/{one}/preview/acme/")
    assert "INV-1" in page
    assert "sends nothing" in page
    other = made(shop, "INV-2", customer="c2")
    assert "not_linked" in member.page(f"invoices/{other}/preview/acme/")
    assert member.get(f"invoices/{one}/preview/unknown/").status_code == 404


def test_nothing_is_found_under_a_strange_invoice_or_by_a_stranger(shop, people):
    one, two = made(shop, "INV-1"), made(shop, "INV-2")
    delivery = delivery_of(shop, one)
    member = people.member
    for path in (f"invoices/{two}/deliveries/{delivery}/settle/", "invoices/inv_x/"):
        assert member.get(path).status_code == 404
    home = people.member.home
    for path in (f"{home}/invoices/{one}/", f"{home}/invoices/export.csv"):
        assert people.stranger.get(path).status_code == 404
        assert people.nobody.get(path).status_code == 303
    assert (
        people.stranger.post(f"{home}/invoices/{one}/deliveries/{delivery}/cancel/").status_code
        == 404
    )
    own = people.stranger.home
    assert people.stranger.get(f"{own}/invoices/{one}/").status_code == 404
