"""What QuickBooks refuses, and what is read around an invoice and remembered."""

from dataclasses import replace
from datetime import date

import kable_quickbooks_ledger as plugin
import pytest

from kable_hub import NeedsOperator, Rejected, Transient, canonical
from kable_hub.testing import Fault, builders


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
