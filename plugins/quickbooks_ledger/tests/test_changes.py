"""What people do in QuickBooks is told, never taken over."""

from datetime import timedelta

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import simulator_customers, simulator_invoices

from kable_hub import CustomerGone, DocumentChanged
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


def test_edits_voids_and_deletions_are_told_but_not_creations_and_payments(world, pushed):
    connection, (edited, voided, deleted, paid), cursor = pushed
    rows, now = world.book.tables["Invoice"], world.clock.now()
    world.book.touch(rows[edited], now)
    simulator_invoices.void(world.book, rows[voided], now)
    simulator_invoices.delete(world.book, rows[deleted], now)
    rows[paid]["Balance"] = 0
    world.book.touch(rows[paid], now)
    link = world.link(connection)
    fresh = world.push(connection, builders.invoice(id="inv_9", number="N-9"), link, key="k9")
    plugin.push_invoice(connection, fresh)
    effects, following = plugin.poll_changes(connection, cursor)
    assert {(one.document, one.change) for one in effects} == {
        (edited, "edited"),
        (voided, "voided"),
        (deleted, "deleted"),
    }
    assert all(isinstance(one, DocumentChanged) and one.as_of == now for one in effects)
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
    assert asked == (world.clock.now() - timedelta(days=30, minutes=5)).isoformat()


def test_a_full_answer_is_gone_on_from_its_end(world, pushed):
    connection, _, cursor = pushed
    for number in range(1001):
        world.clock.advance(1)
        row = {"DocNumber": f"X-{number}", "TotalAmt": 1, "Balance": 1, "SyncToken": "1"}
        world.book.add("Invoice", row, world.clock.now())
    told, following = plugin.poll_changes(connection, cursor)
    more, last = plugin.poll_changes(connection, following)
    assert len({one.document for one in (*told, *more)}) == 1001
    assert last["since"] == world.clock.now().isoformat()
