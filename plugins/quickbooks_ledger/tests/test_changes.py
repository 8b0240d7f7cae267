"""What people do in QuickBooks is told, never taken over."""

from datetime import timedelta

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import simulator_customers, simulator_invoices

from kable_hub import CustomerGone, DocumentChanged, PaymentChanged, PaymentStatus
from kable_hub.testing import builders


@pytest.fixture
def pushed(world):
    """A connection with four invoices and the cursor of a first poll, ten minutes later."""
    world.clock.advance(600)
    connection = world.connection()
    link = world.link(connection)
    invoices = [builders.invoice(id=f"inv_{at}", number=f"N-{at}") for at in range(4)]
    receipts = [
        plugin.push_invoice(connection, world.push(connection, one, link, key=one.id))
        for one in invoices
    ]
    effects, cursor = plugin.poll_changes(connection, {})
    assert effects == []
    world.clock.advance(600)
    return connection, [one.external_id for one in receipts], cursor


def test_the_first_poll_only_sets_the_cursor_and_reads_nothing(world):
    connection = world.connection()
    effects, cursor = plugin.poll_changes(connection, {})
    assert effects == []
    assert cursor == {"since": world.clock.now().isoformat()}
    assert world.guard.names() == []


def test_edits_voids_deletions_and_payments_are_told_but_not_creations(world, pushed):
    connection, (edited, voided, deleted, paid), cursor = pushed
    rows, now = world.book.tables["Invoice"], world.clock.now()
    world.book.touch(rows[edited], now)
    simulator_invoices.void(world.book, rows[voided], now)
    simulator_invoices.delete(world.book, rows[deleted], now)
    simulator_invoices.pay(rows[paid], rows[paid]["TotalAmt"], now)
    link = world.link(connection)
    fresh = world.push(connection, builders.invoice(id="inv_9", number="N-9"), link, key="k9")
    plugin.push_invoice(connection, fresh)
    effects, following = plugin.poll_changes(connection, cursor)
    assert set(effects) == {
        PaymentChanged(edited, PaymentStatus.OPEN, now),
        DocumentChanged(edited, "edited", now),
        DocumentChanged(voided, "voided", now),
        DocumentChanged(deleted, "deleted", now),
        PaymentChanged(paid, PaymentStatus.PAID, now),
    }
    world.clock.advance(600)
    again, last = plugin.poll_changes(connection, following)
    assert again == effects
    assert plugin.poll_changes(connection, last)[0] == []


def test_an_inactive_and_a_merged_customer_are_gone(world, pushed):
    connection, _, cursor = pushed
    now = world.clock.now()
    simulator_customers.deactivate(world.book, world.book.tables["Customer"]["29"], now)
    world.book.remove("Customer", "30", now)
    effects, _ = plugin.poll_changes(connection, cursor)
    assert [type(one) for one in effects] == [CustomerGone, CustomerGone]
    assert {one.reference for one in effects} == {"29", "30"}


def test_after_a_long_silence_the_poll_reaches_as_far_as_the_feed(world, pushed):
    _, _, cursor = pushed
    world.clock.advance(90 * 86400)
    connection = world.connection()
    plugin.poll_changes(connection, cursor)
    asked = world.simulator.seen("GET", "/cdc$")[-1].query["changedSince"]
    assert asked == (world.clock.now() - timedelta(days=30)).isoformat()


def test_a_full_answer_is_gone_on_from_its_end(world, pushed):
    connection, _, cursor = pushed
    for number in range(1001):
        world.clock.advance(1)
        row = {"DocNumber": f"X-{number}", "TotalAmt": 1, "Balance": 1, "SyncToken": "1"}
        world.book.add("Invoice", row, world.clock.now())
    told, following = plugin.poll_changes(connection, cursor)
    assert len({one.document for one in told}) == 1001
    assert following == {"since": world.clock.now().isoformat()}


def test_a_backlog_pushed_in_minutes_does_not_hold_up_the_feed(world, pushed):
    """Twenty invoices a second: the overlap alone holds more than an answer."""
    connection, (edited, *_), cursor = pushed
    for number in range(7200):
        world.clock.advance(1 / 20)
        row = {"DocNumber": f"X-{number}", "TotalAmt": 1, "Balance": 1}
        world.book.add("Invoice", row, world.clock.now())
    world.book.touch(world.book.tables["Invoice"][edited], world.clock.now())
    customer = world.book.tables["Customer"]["29"]
    simulator_customers.deactivate(world.book, customer, world.clock.now())
    told, polls = [], 0
    while cursor != {"since": world.clock.now().isoformat()}:
        before = cursor["since"]
        more, cursor = plugin.poll_changes(connection, cursor)
        told += more
        polls += 1
        assert cursor["since"] > before
    assert polls == 2
    assert {one.document for one in told if isinstance(one, DocumentChanged)} == {edited}
    assert {one.reference for one in told if isinstance(one, CustomerGone)} == {"29"}
    # Both together, and each on its own while both fill an answer.
    assert len(world.simulator.seen("GET", "/cdc$")) <= 3 * 8 + 1


def test_more_of_one_second_than_an_answer_holds_does_not_stop_the_feed(world, pushed):
    connection, _, cursor = pushed
    for number in range(1200):
        row = {"DocNumber": f"X-{number}", "TotalAmt": 1, "Balance": 1}
        world.book.add("Invoice", row, world.clock.now())
    world.clock.advance(60)
    _, following = plugin.poll_changes(connection, cursor)
    assert following == {"since": world.clock.now().isoformat()}
