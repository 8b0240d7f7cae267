"""The limits of the simulated QuickBooks: what they count, for whom, and how they refuse."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger.simulator_faults import GatewayFault
from kable_quickbooks_ledger.simulator_throttle import Caller, Throttle

from kable_hub import RateLimited

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def passing(throttle, caller, count, *, every=0.0, start=NOON):
    """How many of so many requests get through."""
    passed = 0
    for at in range(count):
        with suppress(GatewayFault):
            throttle.check(start + timedelta(seconds=at * every), caller)
            passed += 1
    return passed


@pytest.fixture
def published():
    throttle = Throttle()
    throttle.keep_published()
    return throttle


def test_ten_requests_a_second_of_an_app_pass_for_each_company(published):
    assert passing(published, Caller("1", "a"), 12) == 10
    assert passing(published, Caller("2", "a"), 12) == 10
    assert passing(published, Caller("1", "a"), 12, start=NOON + timedelta(seconds=1)) == 10
    assert published.refused == 6


def test_five_hundred_requests_a_minute_pass(published):
    assert passing(published, Caller("1", "a"), 600, every=0.1) == 500


def test_forty_batches_a_minute_pass_for_an_app_and_120_for_all_apps(published):
    for app, wanted in (("a", 40), ("b", 40), ("c", 40), ("d", 0)):
        start = NOON + timedelta(seconds=ord(app) - ord("a"))
        assert (
            passing(published, Caller("1", app, batch=True), 41, every=0.1, start=start) == wanted
        )


def test_what_is_refused_fills_no_window(published):
    assert passing(published, Caller("1", "a"), 1000) == 10
    assert passing(published, Caller("1", "a"), 10, start=NOON + timedelta(seconds=1)) == 10


def test_the_months_reads_come_back_with_the_next_month():
    throttle = Throttle(reads=1)
    reading = Caller("1", "a", reads=True)
    throttle.check(NOON, reading)
    throttle.answered(NOON, reading)
    with pytest.raises(GatewayFault):
        throttle.check(NOON, reading)
    assert throttle.refused == 1
    throttle.check(NOON, Caller("1", "a"))
    throttle.check(NOON + timedelta(days=9), reading)


def test_a_batch_that_asks_is_metered_as_a_read(world):
    connection = world.connection()
    push = world.push(connection)
    before = world.simulator.api.throttle.left(world.clock.now())
    plugin.find_invoices(connection, [push])
    plugin.push_invoices(connection, [push], "batch-1")
    assert before - world.simulator.api.throttle.left(world.clock.now()) == 2


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(("wait", "seconds"), [("7", 7), ("", 60)])
def test_a_throttling_is_understood_in_both_forms_with_and_without_a_wait(
    world, form, wait, seconds
):
    throttle = world.simulator.api.throttle
    throttle.per_second, throttle.form, throttle.retry_after = 2, form, wait
    connection = world.connection()
    plugin.check_connection(connection)
    with pytest.raises(RateLimited) as caught:
        plugin.check_connection(connection)
    assert caught.value.provider_code == "3001"
    assert caught.value.retry_after == timedelta(seconds=seconds)
