"""What is uncertain for a day is told of, once a day, wherever somebody may look."""

import json
import logging

import pytest

from kable_hub.store import alarms
from kable_hub.store import tables as t
from kable_hub.usecases import deliveries, endpoints
from kable_hub.usecases.alarms import alarm, long_uncertain
from kable_hub.usecases.overview import get_overview
from kable_hub.usecases.running import ALARM_SECONDS
from kable_hub.web.app import create_app
from tests.usecases.house import House, line

HOUR = 3600


@pytest.fixture
def shop(home: House) -> House:
    """One delivery that has just become uncertain, and an endpoint that is told everything."""
    home.connect("acme")
    home.customer("c1", "acme")
    (one,) = home.invoice(line("10")).deliveries
    doubt(home, one.id)
    endpoints.add_endpoint(home.hub, home.scope, "https://shop.example/hooks")
    return home


def doubt(home: House, delivery_id: str) -> None:
    home.force(
        delivery_id,
        state="uncertain",
        may_exist=True,
        uncertain_since=home.hub.now(),
        error_code="no_answer",
    )


def told(home: House) -> list[dict]:
    with home.hub.database.read():
        rows = t.OutgoingEvent.select().order_by(t.OutgoingEvent.id)
        bodies = [json.loads(row.body) for row in rows]
    return [one for one in bodies if "uncertain" in one["type"]]


def test_it_is_told_of_once_a_day_and_no_sooner(shop: House, caplog):
    caplog.set_level(logging.WARNING)
    shop.clock.advance(24 * HOUR - 1)
    assert alarm(shop.hub) == 0
    assert told(shop) == []
    shop.clock.advance(1)
    assert alarm(shop.hub) == 1
    (one,) = shop.deliveries()
    (said,) = [row.getMessage() for row in caplog.records]
    assert said.startswith(f"delivery {one.id} (acme, push) is uncertain since 20")
    assert "no_answer" in said
    (event,) = told(shop)
    assert event["type"] == "invoice.still_uncertain"
    assert event["data"]["delivery"]["id"] == one.id
    assert event["data"]["delivery"]["state"] == "uncertain"
    for _ in range(3):
        shop.clock.advance(ALARM_SECONDS)
        assert alarm(shop.hub) == 0
    shop.clock.advance(24 * HOUR - 3 * ALARM_SECONDS)
    assert alarm(shop.hub) == 1
    assert len(told(shop)) == 2
    assert shop.deliveries()[0].state == "uncertain"


def test_what_is_known_by_then_is_not_told_of(shop: House):
    shop.clock.advance(30 * HOUR)
    (one,) = shop.deliveries()
    deliveries.settle(shop.hub, shop.scope, one.id, exists=True, external_id="D-1")
    assert alarm(shop.hub) == 0
    assert long_uncertain(shop.hub) == 0


def test_a_customer_that_may_exist_is_told_of_as_a_link(shop: House):
    shop.force(shop.deliveries()[0].id, kind="create_customer")
    shop.clock.advance(24 * HOUR)
    assert alarm(shop.hub) == 1
    assert told(shop) == []
    with shop.hub.database.read():
        types = [row.type for row in t.OutgoingEvent.select()]
    assert types[-1] == "customer.link_changed"


def test_it_is_shown_where_people_and_machines_look(shop: House):
    client = create_app(shop.hub).test_client()
    assert client.get("/readyz").json["longUncertain"] == 0
    assert get_overview(shop.hub, shop.scope).long_uncertain == 0
    shop.clock.advance(24 * HOUR)
    assert client.get("/readyz").json["longUncertain"] == 1
    assert get_overview(shop.hub, shop.scope).long_uncertain == 1
    assert get_overview(shop.hub, shop.other_account()).long_uncertain == 0


def test_it_is_found_by_an_index_of_its_own(at_home: House):
    with at_home.hub.database.read():
        for wanted in ("COUNT(*)", "id"):
            text = (
                f"SELECT {wanted} FROM delivery WHERE state = 'uncertain' AND uncertain_since <= 1"
            )
            plan = at_home.hub.database.sql(f"EXPLAIN QUERY PLAN {text}").fetchall()
            assert "delivery_uncertain" in plan[0][3]


def test_of_two_processes_that_find_it_one_tells(shop: House):
    shop.clock.advance(24 * HOUR)
    now = shop.hub.now()
    found = [alarms.overdue(shop.hub.database, now, 10) for _ in range(2)]
    took = [alarms.take(shop.hub.database, one, now) for (one,) in found]
    assert took == [True, False]
    assert len(told(shop)) == 1
