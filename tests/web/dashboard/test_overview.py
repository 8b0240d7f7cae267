"""The overview's page: a newcomer is led on, what stopped is told and tried again as a group."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kable_hub.store import tables as t
from kable_hub.usecases.overview import Day
from kable_hub.web.dashboard.plot import HEIGHT, bars
from tests.web.dashboard.people import Person
from tests.web.site import Site, customer, invoice

CARD = {"state": "blocked", "error_code": "no_card", "error_message": "Add a <card>."}


@pytest.fixture
def shop(web: Site) -> Site:
    """Connected, with a linked customer."""
    web.connect()
    reference = web.acme.add_customer(name="Northwind Traders")
    web.made("/customers", customer())
    web.call("PUT", "/customers/c1/links/acme", {"reference": reference})
    return web


def sell(site: Site, number: str, **put: object) -> str:
    """An invoice with its delivery put where a drain would have put it."""
    made = site.made("/invoices", invoice(number))
    with site.hub.database.write():
        t.Delivery.update({"state": "due", **put}).where(
            t.Delivery.subject_id == made["id"]
        ).execute()
    return str(made["id"])


def test_what_nobody_has_known_for_a_day_is_told_with_the_way_to_it(shop: Site, member: Person):
    day = 86_400_000
    sell(shop, "A-1", state="uncertain", uncertain_since=shop.hub.now() - day + 60_000)
    assert "Nothing needs you" in member.page("overview/")
    for count, words in ((1, "of one delivery whether it arrived"), (2, "of 2 deliveries whether")):
        with shop.hub.database.write():
            t.Delivery.update(uncertain_since=shop.hub.now() - day).execute()
        page = member.page("overview/")
        assert "Nothing needs you" not in page
        assert words in " ".join(page.split())
        assert "Needs you now" in page
        assert f'href="{member.home}/invoices/?state=uncertain"' in page
        sell(shop, f"B-{count}", state="uncertain", uncertain_since=0)


def test_somebody_new_is_led_from_step_to_step(web: Site, member: Person):
    page = member.page("overview/")
    assert page.count('<li class="open">') == 3
    for place in ("payments/", "accounting/", "customers/", "invoices/"):
        assert f'href="{member.home}/{place}"' in page
    assert "<svg" not in page

    web.connect()
    web.made("/customers", customer())
    page = member.page("overview/")
    assert page.count('<li class="done">') == 2
    web.made("/invoices", invoice())
    assert "First steps" not in member.page("overview/")


def test_a_group_is_told_and_tried_again_at_once(shop: Site, member: Person):
    for number in ("I-1", "I-2"):
        sell(shop, number, **CARD)
    other = sell(shop, "I-3", state="rejected", error_code="too_long", error_message="too long")
    page = member.page("overview/")
    assert "Add a &lt;card&gt;." in page
    assert "39.98\N{NO-BREAK SPACE}USD" in page
    assert "Try all 2 again" in page
    assert "Change what the message names, then retry." in page

    page = member.done("overview/retry", {"provider": "acme", "code": "no_card"})

    assert "2 are tried again now." in page
    assert "no_card" not in page
    assert "too_long" in page
    shop.post(f"/invoices/{other}/cancel")
    assert "Nothing was left to try again." in member.done(
        "overview/retry", {"provider": "acme", "code": "no_card"}
    )


def test_what_a_provider_never_takes_is_shown_without_another_try(shop: Site, member: Person):
    said = {"error_code": "unsupported", "error_message": "It takes no credit notes."}
    sell(shop, "I-1", state="rejected", **said)
    page = member.page("overview/")
    assert "It takes no credit notes." in page
    assert "Show it" in page
    assert "Try again" not in page


def test_a_stranger_can_try_nothing_again(shop: Site, people):
    sell(shop, "I-1", **CARD)
    assert people.stranger.get(f"{people.member.home}/overview/").status_code == 404
    there = f"{people.member.home}/overview/retry"
    form = {"provider": "acme", "code": "no_card"}
    assert people.stranger.post(there, form).status_code == 404
    assert people.member.post("overview/retry", form, token="wrong").status_code == 400
    assert "no_card" in people.member.page("overview/")


def test_connections_tell_why_they_pause_and_what_waits(shop: Site, member: Person):
    sell(shop, "I-1")
    shop.post("/connections/acme/pause", {"reason": "we move <house>"})
    page = member.page("overview/")
    assert "we move &lt;house&gt;" in page
    assert "Oldest waiting" in page
    assert f'<a href="{member.home}/payments/"><strong>Acme' in page


def test_htmx_is_given_only_what_changes_by_itself(shop: Site, member: Person):
    sell(shop, "I-1", state="held")
    part = member.get("overview/", htmx=True).text
    assert "1 delivery is kept until somebody pushes it" in " ".join(part.split())
    assert "<html" not in part
    assert "<svg" not in part


def test_the_days_are_told_by_shape_and_in_a_table_too(shop: Site, member: Person):
    for number, state in (("I-1", "delivered"), ("I-2", "due"), ("I-3", "rejected")):
        sell(shop, number, state=state, error_code="x")
    page = member.page("overview/")
    today = shop.hub.clock.now()
    named = f"{today.day} {today:%b}"
    assert f"<title>{named}: 1 delivered, 1 queued, 1 failed</title>" in page
    row = re.search(rf"{named} {today:%Y}</time></th>(.*?)</tr>", page)
    assert row is not None
    assert re.findall(r">(\d+)</td>", row[1]) == ["1", "1", "1"]
    assert page.count('class="marks"') == 4
    assert "style=" not in page


COUNTS = st.tuples(*[st.integers(0, 200_000)] * 3)


@given(st.lists(COUNTS, min_size=1, max_size=30))
def test_bars_stay_inside_the_plot_and_show_whatever_is_not_nothing(counts):
    days = [Day(date(2026, 11, 1) + timedelta(days=at), *one) for at, one in enumerate(counts)]
    plot = bars(days)
    for bar, wanted in zip(plot.bars, counts, strict=True):
        assert [part.count for part in bar.parts] == [one for one in wanted if one]
        for part in bar.parts:
            assert part.height > 0
            assert 0 <= part.y <= HEIGHT - 1
    assert plot.count == sum(map(sum, counts))
    assert plot.top >= max(map(sum, counts))
