"""The overview: what needs a person, by provider and cause; how connections stand; the days."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ulid import ULID

from kable_hub.usecases import overview
from kable_hub.usecases.fixes import fix_for
from kable_hub.usecases.overview import Trouble, get_overview
from tests.usecases.house import House, line
from tests.usecases.test_scoping import statements

BLOCKED = {
    "state": "blocked",
    "error_code": "no_card",
    "error_message": "no card",
    "blocked_on": "customer",
}


@pytest.fixture
def shop(home: House) -> House:
    """Two customers at two providers, one of them in euros."""
    home.connect("acme")
    home.connect("books")
    home.customer("c1", "acme", "books")
    home.customer("c2", "acme", currency="EUR")
    return home


def sell(home: House, provider: str = "acme", customer: str = "c1", price: str = "10", **put: str):
    """An invoice, and its delivery to a provider put where a drain would have put it."""
    currency = "EUR" if customer == "c2" else "USD"
    view = home.invoice(line(price), customer=customer, currency=currency)
    (one,) = [one for one in view.deliveries if one.provider == provider]
    home.force(one.id, **{"state": "due", **put})
    return one


def test_what_stopped_is_told_by_provider_and_cause_with_its_sums(shop: House):
    sell(shop, price="10", **BLOCKED)
    shop.clock.advance(60)
    sell(shop, price="5.50", **BLOCKED)
    sell(shop, customer="c2", price="7", **{**BLOCKED, "error_message": "still no card"})
    sell(shop, "books", state="rejected", error_code="too_long", error_message="too many lines")

    said = get_overview(shop.hub, shop.scope)

    first = shop.deliveries()[0].created_at
    card, long = said.troubles
    assert replace(card, fix=None) == Trouble(
        provider="acme",
        title="Acme",
        kind="payments",
        code="no_card",
        count=3,
        sums={"EUR": 700, "USD": 1550},
        oldest=first,
        message="still no card",
        state="blocked",
    )
    assert card.fix == fix_for("blocked", "no_card", "customer", "Acme")
    assert (long.title, long.count, long.state) == ("Books", 1, "rejected")
    assert not said.more


def test_one_cause_in_two_states_is_one_group(shop: House):
    sell(shop, state="blocked", error_code="same")
    sell(shop, state="rejected", error_code="same")
    (one,) = get_overview(shop.hub, shop.scope).troubles
    assert (one.count, one.sums) == (2, {"USD": 2000})


def test_what_is_of_no_invoice_has_no_sum(shop: House):
    delivery = sell(shop, state="blocked", error_code="unnamed")
    shop.force(delivery.id, kind="create_customer", subject_id=delivery.customer_id)
    (one,) = get_overview(shop.hub, shop.scope).troubles
    assert (one.count, one.sums) == (1, {})


def test_a_connection_tells_what_waits_and_since_when(shop: House):
    since = sell(shop).created_at
    shop.clock.advance(60)
    sell(shop, state="uncertain")
    sell(shop, state="blocked", error_code="x")
    sell(shop, state="held")
    sell(shop, state="delivered")

    said = get_overview(shop.hub, shop.scope)

    acme, books = said.connections
    assert (acme.title, acme.waiting, acme.stopped, acme.oldest) == ("Acme", 2, 1, since)
    assert (books.title, books.waiting, books.stopped) == ("Books", 5, 0)
    assert (said.oldest, said.held) == (since, 1)


def test_each_day_counts_what_was_opened_then_by_where_it_stands_now(shop: House):
    """Ids carry their moment, and the days are read from them."""
    today = shop.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last_moment = timedelta(days=1) - timedelta(milliseconds=1)
    for moment, state in (
        (today, "delivered"),
        (today + last_moment, "rejected"),
        (today, "held"),
        (today, "cancelled"),
        (today - timedelta(days=29), "due"),
        (today - timedelta(milliseconds=1), "delivered"),
        (today - timedelta(days=29, milliseconds=1), "delivered"),
    ):
        open_at(shop, moment, state)

    days = get_overview(shop.hub, shop.scope).days

    assert [one.date for one in days][:: len(days) - 1] == [
        (today - timedelta(days=29)).date(),
        today.date(),
    ]
    counts = {(today.date() - one.date).days: one for one in days}
    assert (counts[0].delivered, counts[0].queued, counts[0].failed) == (1, 1, 1)
    assert (counts[1].delivered, counts[1].queued, counts[1].failed) == (1, 0, 0)
    assert (counts[29].delivered, counts[29].queued) == (0, 1)
    assert sum(one.delivered + one.queued + one.failed for one in days) == 5


def open_at(home: House, moment: datetime, state: str) -> None:
    """A delivery as it stands when it was opened at that moment."""
    values = {"id": f"dlv_{ULID.from_datetime(moment)}", "state": state}
    home.force(sell(home, customer="c2").id, **values)


def test_a_new_account_has_nothing_at_all(home: House):
    said = get_overview(home.hub, home.scope)
    assert (said.troubles, said.connections, said.oldest) == ((), (), None)
    assert (said.has_customers, said.has_invoices, said.more) == (False, False, False)
    assert {(one.delivered, one.queued, one.failed) for one in said.days} == {(0, 0, 0)}


def test_nothing_of_another_account_or_environment_is_told(shop: House):
    sell(shop, **BLOCKED)
    for scope in (shop.other_account(), shop.live):
        said = get_overview(shop.hub, scope)
        assert (said.troubles, said.connections, said.oldest) == ((), (), None)
        assert (said.has_customers, said.has_invoices) == (False, False)
        assert not any(one.failed for one in said.days)


def test_of_very_many_the_oldest_are_counted(shop: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(overview, "MOST", 2)
    for code in ("first", "second", "third"):
        sell(shop, state="blocked", error_code=code)
    said = get_overview(shop.hub, shop.scope)
    assert {one.code for one in said.troubles} == {"first", "second"}
    assert said.more


def test_however_much_there_is_it_takes_the_same_few_statements(
    shop: House, caplog: pytest.LogCaptureFixture
):
    taken = []
    for number in (1, 4):
        for _ in range(number):
            sell(shop, state="blocked", error_code=f"c{number}")
            sell(shop, "books")
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "peewee"):
            get_overview(shop.hub, shop.scope)
        taken.append(len(statements(caplog)))
    assert taken[0] == taken[1] <= 13
