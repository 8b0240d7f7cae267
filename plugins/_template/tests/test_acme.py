"""What is Acme's own; everything that holds for every provider is in test_contract.py."""

from dataclasses import replace

import kable_acme_payments as plugin
import pytest

from kable_hub import NeedsOperator, OutcomeUnknown, PaymentStatus, Rejected, canonical
from kable_hub.testing import Fault, builders


def send(desk, push):
    return plugin.push_invoice(desk.connection(), push)


def link(desk, customer=None):
    return plugin.link_customer(desk.connection(), customer or builders.customer(), None, "key-1")


def refused(code, message="No.", field="", status=422):
    body = canonical.dumps({"error": {"code": code, "message": message, "field": field}})
    return Fault(method="POST", status=status, body=body)


def test_the_receipt_leads_to_the_page_where_the_customer_pays(desk):
    receipt = send(desk, desk.push())
    assert receipt.url == f"{desk.simulator.url}/pay/{receipt.external_id}"
    assert (receipt.status, receipt.payment_status) == ("open", PaymentStatus.OPEN)


def test_the_footer_of_the_connection_stands_on_the_document(desk):
    connection = desk.connection(footer="Thank you.")
    document = plugin.plan_invoice(connection, builders.invoice(), builders.link(desk.customer))
    assert document["footer"] == "Thank you."


def test_a_refusal_names_the_field(desk):
    push = desk.push()
    wrong = replace(push, document={**push.document, "total": push.document["total"] + 1})
    with pytest.raises(Rejected) as caught:
        send(desk, wrong)
    (reason,) = caught.value.reasons
    assert (reason.field, reason.code) == ("total", "total_mismatch")


def test_a_key_whose_twin_is_under_way_proves_nothing(desk):
    desk.simulator.fault(refused("key_in_use", status=409))
    with pytest.raises(OutcomeUnknown):
        send(desk, desk.push())


def test_a_customer_that_is_gone_waits_for_another_link(desk):
    push = desk.push()
    desk.simulator.customers.clear()
    with pytest.raises(NeedsOperator) as caught:
        send(desk, push)
    assert (caught.value.code, caught.value.on) == ("customer_gone", "link")


def test_a_new_customer_is_made_with_what_the_hub_knows(desk):
    customer = builders.customer(company_name="Čaj & Söhne", email="a@example.com")
    made = link(desk, customer)
    assert (made.title, made.email) == ("Čaj & Söhne", "a@example.com")
    assert desk.simulator.customers[made.reference]["external_id"] == customer.id


def test_of_several_candidates_a_person_picks_one(desk):
    customer, desk.simulator.page = builders.customer(), 1
    for name in ("Northwind", "Northwind (old)"):
        desk.simulator.add_customer("test", name, external_id=customer.id)
    with pytest.raises(NeedsOperator) as caught:
        link(desk, customer)
    assert len(caught.value.choices) == 2
