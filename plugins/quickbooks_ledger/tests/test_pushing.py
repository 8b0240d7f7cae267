"""One invoice, exactly once, whatever the network does."""

import socket
from dataclasses import replace
from datetime import date

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import simulator_invoices

from kable_hub import Environment, NeedsOperator, OutcomeUnknown, Rejected, Transient, canonical
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


def test_the_company_is_read_once_and_its_preferences_anew_every_hour(world):
    connection, link = world.connection(), builders.link("28")
    assert "DocNumber" in plugin.plan_invoice(connection, builders.invoice(), link)
    world.book.custom_numbers = False
    assert "DocNumber" in plugin.plan_invoice(connection, builders.invoice(), link)
    world.clock.advance(3600)
    fresh = replace(connection, credentials=world.connection().credentials)
    assert "DocNumber" not in plugin.plan_invoice(fresh, builders.invoice(), link)
    assert world.guard.names() == ["company.read", "preferences.read", "preferences.read"]


def test_a_rate_is_read_once_for_each_currency_and_day(world):
    connection = world.connection()
    links = {"EUR": builders.link("29", currency="EUR"), "GBP": builders.link("30", currency="GBP")}
    for currency, day in (("EUR", 1), ("EUR", 1), ("GBP", 1), ("EUR", 2), ("GBP", 1)):
        invoice = builders.invoice(currency=currency, issue_date=date(2026, 11, day))
        plugin.plan_invoice(connection, invoice, links[currency])
    assert world.guard.names().count("exchangerate.read") == 3


def test_that_there_is_no_rate_is_not_remembered(world):
    connection = world.connection()
    link = builders.link("29", currency="EUR")
    rate = world.book.rates.pop("EUR")
    with pytest.raises(NeedsOperator, match="no exchange rate for EUR on 2026-11-22"):
        plugin.plan_invoice(connection, builders.invoice(currency="EUR"), link)
    world.book.rates["EUR"] = rate
    document = plugin.plan_invoice(connection, builders.invoice(currency="EUR"), link)
    assert document["ExchangeRate"] == rate


def test_a_customers_own_settings_hold_for_its_invoices(world):
    connection = world.connection(term="1", item_class="1")
    link = builders.link("28", settings={"term": "2"})
    document = plugin.plan_invoice(connection, builders.invoice(), link)
    assert document["SalesTermRef"] == {"value": "2"}
    assert document["Line"][0]["SalesItemLineDetail"]["ClassRef"] == {"value": "1"}


def test_a_paid_invoice_is_not_voided(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    world.book.tables["Invoice"][created.external_id]["Balance"] = 40
    with pytest.raises(Rejected) as caught:
        plugin.cancel_invoice(connection, created, push)
    assert caught.value.code == "already_paid"


def test_an_invoice_changed_while_it_is_voided_is_tried_again_later(world):
    connection = world.connection()
    push = world.push(connection)
    created = plugin.push_invoice(connection, push)
    stale = (
        '{"Fault":{"Error":[{"Message":"Stale Object Error","Detail":"","code":"5010"}],'
        '"type":"ValidationFault"}}'
    )
    world.simulator.fault(Fault(path="/invoice", method="POST", status=400, body=stale))
    with pytest.raises(Transient):
        plugin.cancel_invoice(connection, created, push)


def test_an_inactive_customer_blocks_the_link_and_an_inactive_item_the_settings(world):
    connection = world.connection()
    push = world.push(connection)
    world.book.tables["Item"]["1"]["Active"] = False
    with pytest.raises(NeedsOperator) as item:
        plugin.push_invoice(connection, push)
    world.book.tables["Item"]["1"]["Active"] = True
    world.book.tables["Customer"]["28"]["Active"] = False
    with pytest.raises(NeedsOperator) as customer:
        plugin.push_invoice(world.connection(), push)
    assert (item.value.on, item.value.scope) == ("settings", "delivery")
    assert (customer.value.on, customer.value.scope) == ("link", "customer")


def test_a_merged_customer_blocks_the_link_and_a_deleted_item_the_settings(world):
    connection = world.connection()
    push = world.push(connection)
    item = world.book.tables["Item"].pop("1")
    with pytest.raises(NeedsOperator) as settings:
        plugin.push_invoice(connection, push)
    world.book.tables["Item"]["1"] = item
    del world.book.tables["Customer"]["28"]
    with pytest.raises(NeedsOperator) as link:
        plugin.push_invoice(connection, push)
    assert (settings.value.on, settings.value.scope) == ("settings", "delivery")
    assert (link.value.on, link.value.code) == ("link", "customer_gone")


def test_closed_books_and_an_ended_subscription_wait_for_the_owner(world):
    connection = world.connection()
    push = world.push(connection)
    world.book.closed_until = "2026-11-30"
    with pytest.raises(NeedsOperator) as closed:
        plugin.push_invoice(connection, push)
    world.book.subscribed = False
    with pytest.raises(NeedsOperator) as ended:
        plugin.push_invoice(connection, push)
    assert (closed.value.code, closed.value.scope) == ("closed_period", "delivery")
    assert (ended.value.code, ended.value.scope) == ("subscription_ended", "connection")


@pytest.mark.breaks_contract
def test_what_quickbooks_refuses_is_rejected_with_its_reasons(world):
    connection = world.connection()
    push = world.push(connection)
    document = {**push.document, "Color": "red"}
    with pytest.raises(Rejected) as caught:
        plugin.push_invoice(connection, builders.push(push.invoice, push.link, document))
    assert caught.value.provider_code == "2010"
    assert 'Unrecognized field "Color"' in caught.value.reasons[0].message
    assert caught.value.request_id


def test_the_body_sent_is_canonical_with_exact_numbers(world):
    connection = world.connection()
    plugin.push_invoice(connection, world.push(connection))
    body = world.simulator.seen("POST", "/invoice$")[0].body.decode()
    assert '"Amount":100.00' in body
    assert body == canonical.dumps(canonical.loads(body))
