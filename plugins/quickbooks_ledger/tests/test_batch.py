"""Thirty invoices in one request, each with an outcome of its own."""

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger.declaration import PROVIDER

from kable_hub import NeedsOperator, OutcomeUnknown, Receipt, Rejected
from kable_hub.testing import Fault, builders

KEY = "99999999-2222-5333-8444-555555555555"


@pytest.fixture
def thirty(world):
    connection = world.connection()
    link = world.link(connection)
    invoices = [builders.invoice(id=f"inv_{at}", number=f"N-{at}") for at in range(30)]
    return [
        world.push(connection, invoice, link, key=f"key-{at}")
        for at, invoice in enumerate(invoices)
    ]


def test_thirty_invoices_go_in_one_request(world, thirty, checker):
    connection = world.connection()
    receipts = plugin.push_invoices(connection, thirty, KEY)
    assert [one.number for one in receipts] == [push.document["DocNumber"] for push in thirty]
    assert len(world.simulator.seen("POST", "/batch$")) == 1
    documents = world.simulator.documents()
    assert [one["marker"] for one in documents] == [push.marker for push in thirty]
    (body,) = world.bodies("/batch")
    assert [one for one in checker.check_batch(body, "US") if one.severity == "error"] == []
    (seen,) = world.simulator.seen("POST", "/batch$")
    assert len(seen.query["requestid"]) == 36


@pytest.mark.breaks_contract
def test_one_bad_invoice_of_thirty_concerns_itself_alone(world, thirty):
    connection = world.connection()
    bad = {**thirty[7].document, "Color": "red"}
    thirty[7] = builders.push(thirty[7].invoice, thirty[7].link, bad, key="key-7")
    answers = plugin.push_invoices(connection, thirty, KEY)
    assert isinstance(answers[7], Rejected)
    assert sum(isinstance(one, Receipt) for one in answers) == 29
    assert len(world.simulator.documents()) == 29


def test_a_repeat_with_the_same_key_makes_nothing_new(world, thirty):
    connection = world.connection()
    world.simulator.fault(Fault(path="/batch", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.push_invoices(connection, thirty, KEY)
    answers = plugin.push_invoices(connection, thirty, KEY)
    assert all(isinstance(one, Receipt) for one in answers)
    assert len(world.simulator.documents()) == 30
    one, two = world.simulator.seen("POST", "/batch$")
    assert one.body == two.body


def test_a_throttled_batch_names_the_limit_of_batches(world, thirty):
    connection = world.connection()
    world.simulator.api.throttle.batches_per_minute = 1
    plugin.push_invoices(connection, thirty[:1], KEY)
    with pytest.raises(OutcomeUnknown) as caught:
        plugin.push_invoices(connection, thirty[1:], "another")
    assert caught.value.limit == "batches"


def test_items_the_answer_misses_are_unknown(world, thirty):
    connection = world.connection()
    body = '{"BatchItemResponse":[{"bId":"1","Fault":{}}]}'
    world.simulator.fault(Fault(path="/batch", stage="after", status=200, body=body))
    answers = plugin.push_invoices(connection, thirty[:2], KEY)
    assert [type(one) for one in answers] == [OutcomeUnknown, OutcomeUnknown]


def test_a_taken_number_with_our_marker_is_adopted_in_a_batch_too(world, thirty):
    connection = world.connection()
    plugin.push_invoice(connection, thirty[3])
    world.book.add("CreditMemo", {"DocNumber": "N-5"}, world.clock.now())
    answers = plugin.push_invoices(connection, thirty, KEY)
    assert answers[3].adopted
    assert isinstance(answers[5], Rejected)
    assert answers[5].code == "document_number_taken"
    assert len(world.simulator.documents()) == 29


def test_many_are_looked_for_in_two_requests(world, thirty):
    connection = world.connection()
    plugin.push_invoices(connection, thirty[:10], KEY)
    stranger = builders.push(
        thirty[10].invoice, thirty[10].link, thirty[10].document, marker="other", key="k"
    )
    plugin.push_invoice(connection, stranger)
    before = len(world.simulator.requests)
    found = plugin.find_invoices(connection, thirty)
    assert [getattr(one, "number", None) for one in found[:10]] == [f"N-{at}" for at in range(10)]
    assert isinstance(found[10], NeedsOperator)
    assert found[11:] == [None] * 19
    assert len(world.simulator.requests) == before + 2


def test_those_without_a_number_are_looked_for_by_customer_and_time(world):
    world.book.custom_numbers = False
    connection = world.connection()
    link = world.link(connection)
    pushes = [
        world.push(
            connection, builders.invoice(id=f"inv_{at}", number=f"N-{at}"), link, key=str(at)
        )
        for at in range(3)
    ]
    plugin.push_invoice(connection, pushes[1])
    found = plugin.find_invoices(connection, pushes)
    assert [bool(one) for one in found] == [False, True, False]


def test_a_batch_of_queries_with_one_fault_leaves_the_others(world, thirty):
    connection = world.connection()
    fault = '{"Fault":{"Error":[{"Message":"x","code":"10000"}]},"bId":"0"}'
    body = f'{{"BatchItemResponse":[{fault},{{"bId":"1","QueryResponse":{{}}}}]}}'
    world.simulator.fault(Fault(path="/batch", status=200, body=body))
    found = plugin.find_invoices(connection, thirty[:3])
    assert [type(one).__name__ for one in found] == ["Transient", "NoneType", "OutcomeUnknown"]


@pytest.mark.breaks_contract
def test_the_declared_batch_is_what_quickbooks_takes(world, thirty):
    assert PROVIDER.batch_size == 30
    connection = world.connection()
    with pytest.raises(Rejected) as caught:
        plugin.push_invoices(connection, [*thirty, thirty[0]], KEY)
    assert caught.value.provider_code == "1040"
