"""One invoice, once: whatever happens on the way."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import kable_acme_payments as plugin
import pytest

from kable_hub import (
    Call,
    NeedsOperator,
    OutcomeUnknown,
    PaymentStatus,
    RateLimited,
    Receipt,
    ReconnectRequired,
    Rejected,
    Transient,
    canonical,
)
from kable_hub.testing import Fault, builders


def send(desk, push):
    return plugin.push_invoice(desk.connection(), push)


def find(desk, push):
    return plugin.find_invoice(desk.connection(), push)


def refused(code, message="No.", field="", status=422, **options):
    body = canonical.dumps({"error": {"code": code, "message": message, "field": field}})
    return Fault(method="POST", status=status, body=body, **options)


def test_an_invoice_becomes_one_document_that_carries_the_marker(desk):
    push = desk.push()
    receipt = send(desk, push)
    (document,) = desk.simulator.documents()
    assert document["marker"] == push.marker
    assert receipt == Receipt(
        external_id=document["id"],
        number="INV-0001",
        customer=desk.customer,
        currency="USD",
        total=10000,
        url=f"{desk.simulator.url}/pay/{document['id']}",
        status="open",
        payment_status=PaymentStatus.OPEN,
    )


def test_planning_makes_no_call_and_the_same_document_each_time(desk):
    assert desk.push().document == desk.push().document
    assert desk.guard.calls == []


def test_the_footer_of_the_connection_stands_on_the_document(desk):
    connection = desk.connection(footer="Thank you.")
    document = plugin.plan_invoice(connection, builders.invoice(), builders.link(desk.customer))
    assert document["footer"] == "Thank you."


def test_the_same_push_twice_is_one_document(desk):
    push = desk.push()
    assert send(desk, push) == send(desk, push)
    assert len(desk.simulator.documents()) == 1


def test_the_same_push_from_many_threads_is_one_document(desk):
    push = desk.push()
    with ThreadPoolExecutor(4) as threads:
        receipts = list(threads.map(lambda _: send(desk, push), range(8)))
    assert len(set(receipts)) == len(desk.simulator.documents()) == 1


LOST = {
    "cut": {"reset": True},
    "cut in the middle": {"truncate": 20},
    "status 500": {"status": 500},
    "a page of a gateway": {"status": 200, "body": "<html>Please wait</html>"},
    "a refusal of a gateway": {"status": 404, "body": "<html>Not found</html>"},
    "an error under a good status": {"status": 200, "body": '{"error": {"message": "later"}}'},
    "no object": {"status": 200, "body": "[]"},
    "nothing": {"status": 200},
    "a redirect": {"status": 307, "headers": {"Location": "/v1/invoices"}},
}


@pytest.mark.parametrize("how", LOST)
def test_an_answer_lost_after_the_commit_is_made_good_by_the_same_push(desk, how):
    push = desk.push()
    desk.simulator.fault(Fault(path="/invoices", method="POST", stage="after", **LOST[how]))
    with pytest.raises(OutcomeUnknown):
        send(desk, push)
    assert len(desk.simulator.documents()) == 1
    found = find(desk, push)
    assert found == replace(send(desk, push), adopted=True)
    assert len(desk.simulator.documents()) == 1


def test_a_request_lost_before_the_commit_leaves_nothing_and_can_be_sent_again(desk):
    push = desk.push()
    desk.simulator.fault(Fault(path="/invoices", method="POST", reset=True))
    with pytest.raises(OutcomeUnknown):
        send(desk, push)
    assert find(desk, push) is None
    send(desk, desk.push(generation=2))
    assert len(desk.simulator.documents()) == 1


def test_a_request_that_never_left_did_nothing(desk):
    push = desk.push()
    desk.simulator.stop()
    with pytest.raises(Transient):
        send(desk, push)


def test_an_answer_that_takes_longer_than_the_hub_allows_is_not_waited_for(desk):
    push = desk.push()
    desk.simulator.fault(Fault(method="POST", stage="after", delay=1.0))
    hurried = replace(
        desk.connection(), guard=lambda name, writes: nullcontext(Call(name, writes, (0.2, 0.2)))
    )
    with pytest.raises(OutcomeUnknown):
        plugin.push_invoice(hurried, push)


def test_proxies_of_the_machine_are_not_used(desk, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert send(desk, desk.push()).status == "open"


def test_a_lost_answer_to_a_read_did_nothing(desk):
    desk.simulator.fault(Fault(method="GET", reset=True))
    with pytest.raises(Transient):
        find(desk, desk.push())


def test_a_key_whose_twin_is_under_way_proves_nothing(desk):
    desk.simulator.fault(refused("key_in_use", status=409))
    with pytest.raises(OutcomeUnknown):
        send(desk, desk.push())


@pytest.mark.parametrize(("header", "wait"), [("7", 7), ("", None), ("soon", None)])
def test_too_many_requests_pause_the_limit_for_as_long_as_acme_says(desk, header, wait):
    desk.simulator.fault(refused("slow_down", status=429, headers={"Retry-After": header}))
    with pytest.raises(RateLimited) as caught:
        send(desk, desk.push())
    assert caught.value.limit in {one.name for one in plugin.provider().limits}
    assert caught.value.retry_after == (wait and timedelta(seconds=wait))
    assert desk.simulator.documents() == []


def test_a_refusal_names_the_field_and_leaves_nothing(desk):
    push = desk.push()
    push.document["total"] += 1
    with pytest.raises(Rejected) as caught:
        send(desk, push)
    (reason,) = caught.value.reasons
    assert (reason.field, reason.code) == ("total", "total_mismatch")
    assert caught.value.http_status == 422
    assert desk.simulator.documents() == []


def test_a_revoked_key_stops_the_connection(desk):
    push, connection = desk.push(), desk.connection()
    desk.simulator.keys.clear()
    with pytest.raises(ReconnectRequired):
        plugin.push_invoice(connection, push)


def test_a_customer_that_is_gone_waits_for_another_link(desk):
    push = desk.push()
    desk.simulator.customers.clear()
    with pytest.raises(NeedsOperator) as caught:
        send(desk, push)
    assert (caught.value.code, caught.value.on) == ("customer_gone", "link")


def test_fields_that_nobody_knows_yet_do_no_harm(desk):
    push = desk.push()
    made = send(desk, push)
    desk.simulator.invoices[made.external_id]["loyalty"] = {"points": 3}
    assert find(desk, push) == replace(made, adopted=True)


def test_the_invoice_is_found_on_any_page_and_by_its_marker_alone(desk):
    desk.simulator.page = 1
    pushes = [desk.push(builders.invoice(id=f"inv_{one}"), one) for one in (1, 2, 3)]
    receipts = [send(desk, push) for push in pushes]
    assert [find(desk, push).external_id for push in pushes] == [
        one.external_id for one in receipts
    ]


def test_an_invoice_of_an_older_generation_is_found(desk):
    made = send(desk, desk.push())
    assert find(desk, desk.push(generation=2)).external_id == made.external_id


def test_two_invoices_with_one_marker_are_for_a_person_to_settle(desk):
    for generation in (1, 2):
        send(desk, desk.push(generation=generation))
    with pytest.raises(NeedsOperator) as caught:
        find(desk, desk.push())
    assert caught.value.code == "document_conflict"


def test_a_voided_invoice_counts_as_found(desk):
    push = desk.push()
    plugin.cancel_invoice(desk.connection(), send(desk, push), push)
    assert find(desk, push).payment_status is PaymentStatus.VOID


def test_looking_writes_nothing(desk):
    find(desk, desk.push())
    assert [call.writes for call in desk.guard.calls] == [False]


def test_an_invoice_is_voided_once_however_often_it_is_asked(desk):
    push = desk.push()
    receipt = send(desk, push)
    desk.simulator.fault(Fault(path="/void", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.cancel_invoice(desk.connection(), receipt, push)
    voided = plugin.cancel_invoice(desk.connection(), receipt, push)
    assert (voided.external_id, voided.status) == (receipt.external_id, "void")


def test_a_paid_invoice_is_not_voided(desk):
    push = desk.push()
    receipt = send(desk, push)
    desk.simulator.invoices[receipt.external_id]["status"] = "paid"
    with pytest.raises(Rejected) as caught:
        plugin.cancel_invoice(desk.connection(), receipt, push)
    assert caught.value.code == "already_paid"


def test_every_request_stands_in_the_gate(desk):
    push = desk.push()
    receipt = send(desk, push)
    find(desk, push)
    plugin.cancel_invoice(desk.connection(), receipt, push)
    seen = [(one.method != "GET", one.status) for one in desk.simulator.requests]
    assert [(call.writes, call.http_status) for call in desk.guard.calls] == seen
