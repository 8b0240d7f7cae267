"""One invoice, exactly once, whatever the network does."""

import socket

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import simulator_invoices

from kable_hub import Environment, NeedsOperator, OutcomeUnknown, Rejected, Transient
from kable_hub.testing import Fault, builders


def test_the_invoice_stands_in_quickbooks_with_number_total_and_marker(world):
    connection = world.connection()
    push = world.push(connection)
    receipt = plugin.push_invoice(connection, push)
    (document,) = world.simulator.documents()
    assert document == {
        "external_id": receipt.external_id,
        "number": "INV-0001",
        "customer": "28",
        "currency": "USD",
        "total": 10000,
        "marker": push.marker,
        "status": "open",
        "environment": "test",
        "account": connection.external_id,
    }
    assert (receipt.total, receipt.currency, receipt.customer) == (10000, "USD", "28")
    assert receipt.url.endswith(f"/app/invoice?txnId={receipt.external_id}")
    assert not receipt.adopted


def test_planning_and_pushing_in_home_currency_reads_nothing(world):
    connection = world.connection()
    link = world.link(connection)
    before = len(world.simulator.seen("GET"))
    for number in range(5):
        invoice = builders.invoice(id=f"inv_{number}", number=f"N-{number}")
        push = world.push(connection, invoice, link, key=f"key-{number}")
        plugin.push_invoice(connection, push)
    assert len(world.simulator.documents()) == 5
    assert len(world.simulator.seen("GET")) == before


def test_every_request_stands_in_the_gate_and_notes_intuits_id(world):
    connection = world.connection()
    plugin.push_invoice(connection, world.push(connection))
    assert world.guard.names() == [
        "customer.read",
        "company.read",
        "preferences.read",
        "invoice.create",
    ]
    last = world.guard.calls[-1]
    assert last.writes
    assert last.http_status == 200
    assert last.request_id


def test_the_same_push_sends_the_same_bytes_and_makes_no_second_invoice(world):
    connection = world.connection()
    push = world.push(connection)
    first, second = (plugin.push_invoice(connection, push) for _ in range(2))
    one, two = world.simulator.seen("POST", "/invoice$")
    assert first == second
    assert one.body == two.body
    assert one.query["requestid"] == two.query["requestid"] == push.key
    assert world.simulator.api.replayed == 1
    assert len(world.simulator.documents()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="/invoice", stage="after", reset=True),
        Fault(path="/invoice", stage="after", truncate=40),
        Fault(path="/invoice", stage="after", status=503, body="<html>busy</html>"),
        Fault(path="/invoice", stage="after", status=429, body=""),
        Fault(path="/invoice", stage="after", status=200, body='{"Invoice":'),
        Fault(path="/invoice", stage="after", status=200, body='{"time":"now"}'),
        Fault(path="/invoice", stage="after", status=302, headers={"Location": "/elsewhere"}),
    ],
    ids=["reset", "truncated", "503", "429", "half a json", "no invoice", "redirect"],
)
def test_a_lost_answer_is_unknown_and_the_repeat_gets_the_same_invoice(world, fault):
    connection = world.connection()
    push = world.push(connection)
    world.simulator.fault(fault)
    with pytest.raises(OutcomeUnknown):
        plugin.push_invoice(connection, push)
    receipt = plugin.push_invoice(connection, push)
    (document,) = world.simulator.documents()
    assert document["external_id"] == receipt.external_id


def test_a_reset_before_processing_is_unknown_and_nothing_is_found(world):
    connection = world.connection()
    push = world.push(connection)
    world.simulator.fault(Fault(path="/invoice", stage="before", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.push_invoice(connection, push)
    assert plugin.find_invoice(connection, push) is None


def test_a_refused_connection_provably_did_nothing(world):
    connection = world.connection()
    push = world.push(connection)
    world.simulator.stop()
    with pytest.raises(Transient) as caught:
        plugin.push_invoice(connection, push)
    assert caught.value.code == "unreachable"


def test_a_read_timeout_on_a_write_is_unknown(world):
    push = world.push(world.connection())
    world.simulator.fault(Fault(path="/invoice", delay=0.3, stage="after"))
    world.in_a_hurry = True
    with pytest.raises(OutcomeUnknown) as caught:
        plugin.push_invoice(world.connection(), push)
    assert caught.value.code == "no_answer"


def test_a_connection_that_never_opens_provably_did_nothing(world):
    push = world.push(world.connection())
    world.in_a_hurry = True
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        urls = {**world.simulator.urls(Environment.TEST), "api": f"http://127.0.0.1:{address[1]}"}
        with pytest.raises(Transient) as caught:
            plugin.push_invoice(world.connection(urls=urls), push)
        for one in waiting:
            one.close()
    assert caught.value.code == "unreachable"


def test_a_lost_answer_is_found_by_number_and_marker_and_adopted(world):
    connection = world.connection()
    push = world.push(connection)
    world.simulator.fault(Fault(path="/invoice", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.push_invoice(connection, push)
    receipt = plugin.find_invoice(connection, push)
    assert receipt is not None
    assert receipt.adopted
    assert receipt.total == 10000
    assert world.guard.calls[-1].writes is False


def test_an_invoice_without_a_number_of_its_own_is_found_by_customer_and_time(world):
    world.book.custom_numbers = False
    connection = world.connection()
    push = world.push(connection)
    assert "DocNumber" not in push.document
    created = plugin.push_invoice(connection, push)
    assert created.number == "1001"
    found = plugin.find_invoice(connection, push)
    assert found is not None
    assert found.external_id == created.external_id


def test_an_invoice_renumbered_in_quickbooks_is_still_found(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    world.book.tables["Invoice"][created.external_id]["DocNumber"] = "changed"
    found = plugin.find_invoice(connection, push)
    assert found is not None
    assert found.external_id == created.external_id


def test_a_voided_invoice_counts_as_found(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    row = world.book.tables["Invoice"][created.external_id]
    simulator_invoices.void(world.book, row, world.clock.now())
    found = plugin.find_invoice(connection, push)
    assert found is not None
    assert found.status == "voided"
    assert found.total == 0


def test_a_marker_that_only_begins_alike_is_another_invoice(world):
    connection = world.connection()
    link = world.link(connection)
    other = world.push(connection, builders.invoice(id="inv_10", number="N-10"), link)
    plugin.push_invoice(connection, other)
    mine = world.push(connection, builders.invoice(id="inv_1", number="N-1"), link, key="key-2")
    assert plugin.find_invoice(connection, mine) is None


def test_a_number_on_a_strangers_invoice_is_a_conflict_when_looking(world):
    connection = world.connection()
    link = world.link(connection)
    plugin.push_invoice(connection, world.push(connection, link=link, marker="hub_1/acc_1/other"))
    with pytest.raises(NeedsOperator) as caught:
        plugin.find_invoice(connection, world.push(connection, link=link, key="key-2"))
    assert caught.value.code == "document_conflict"


def test_our_number_under_another_marker_is_a_conflict_where_quickbooks_numbers(world):
    world.book.custom_numbers = False
    connection = world.connection()
    link = world.link(connection)
    lost = world.push(connection, link=link, marker="hub_1/acc_1/other")
    receipt = plugin.push_invoice(connection, lost)
    again = world.push(connection, link=link, key="key-2")
    assert "DocNumber" not in again.document
    with pytest.raises(NeedsOperator) as caught:
        plugin.find_invoice(connection, again)
    assert caught.value.code == "document_conflict"
    strangers = world.push(connection, link=link, key="key-3", marker="hub_2/acc_1/mine")
    assert plugin.find_invoice(connection, strangers) is None
    plugin.cancel_invoice(connection, receipt, lost)
    assert plugin.find_invoice(connection, again) is None


def test_two_invoices_with_the_marker_are_a_conflict(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    row = world.book.tables["Invoice"][created.external_id]
    world.book.add("Invoice", {**row, "Id": "999", "DocNumber": "copy"}, world.clock.now())
    world.book.add("Invoice", {**row, "Id": "998"}, world.clock.now())
    with pytest.raises(NeedsOperator) as caught:
        plugin.find_invoice(connection, push)
    assert caught.value.code == "document_conflict"


def test_a_taken_number_with_our_marker_is_adopted(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    again = world.push(connection, link=push.link, key="another-key", generation=2)
    receipt = plugin.push_invoice(connection, again)
    assert receipt.external_id == created.external_id
    assert receipt.adopted
    assert len(world.simulator.documents()) == 1


def test_a_taken_number_of_a_stranger_is_rejected_and_nothing_is_renumbered(world):
    connection = world.connection()
    world.book.add("CreditMemo", {"DocNumber": "INV-0001"}, world.clock.now())
    push = world.push(connection)
    with pytest.raises(Rejected) as caught:
        plugin.push_invoice(connection, push)
    assert caught.value.code == "document_number_taken"
    assert "CreditMemo" in caught.value.reasons[0].message
    assert world.simulator.documents() == []


@pytest.mark.parametrize(
    "change", [{"CustomerRef": {"value": "29"}}, {"CurrencyRef": {"value": "EUR"}}]
)
def test_our_marker_with_another_customer_or_currency_is_a_conflict(world, change):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    world.book.tables["Invoice"][created.external_id].update(change)
    again = world.push(connection, link=push.link, key="another-key")
    with pytest.raises(NeedsOperator) as caught:
        plugin.push_invoice(connection, again)
    assert caught.value.code == "document_conflict"


def test_tax_that_quickbooks_computes_otherwise_shows_in_the_receipt(world):
    connection = world.connection()
    line = builders.line(tax=2000)
    push = world.push(connection, builders.invoice(line))
    receipt = plugin.push_invoice(connection, push)
    assert (receipt.total, receipt.tax) == (12000, 2000)


def test_an_invoice_is_voided_once_and_voiding_again_is_success(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    first = plugin.cancel_invoice(connection, created, push)
    second = plugin.cancel_invoice(connection, created, push)
    assert first.status == second.status == "voided"
    assert len(world.simulator.seen("POST", "/invoice$")) == 2
    assert world.simulator.documents()[0]["total"] == 0


def test_voiding_an_invoice_that_was_deleted_in_quickbooks_is_success(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    world.book.remove("Invoice", created.external_id, world.clock.now())
    gone = plugin.cancel_invoice(connection, created, push)
    assert (gone.status, gone.total, gone.external_id) == ("deleted", 0, created.external_id)


def test_a_void_whose_answer_was_lost_is_success_when_repeated(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    world.simulator.fault(Fault(path="/invoice$", method="POST", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.cancel_invoice(connection, created, push)
    assert plugin.cancel_invoice(connection, created, push).status == "voided"


def test_reads_around_an_invoice_that_fail_are_passed_on(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    link = world.link(connection, "29", currency="EUR")
    world.simulator.fault(
        Fault(path="/invoice/", status=503), Fault(path="/exchangerate", status=503)
    )
    with pytest.raises(Transient):
        plugin.cancel_invoice(connection, created, push)
    with pytest.raises(Transient):
        plugin.plan_invoice(connection, builders.invoice(currency="EUR"), link)
