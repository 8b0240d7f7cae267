"""The edge cases of pushing: lost answers, crashes, numbers that are taken, batches.

The numbers are those of the list of 53 edge cases of an invoice hub for QuickBooks.
"""

from datetime import timedelta
from threading import Event, Thread

import pytest

from kable_hub.testing import Fault, observing
from tests.crashing import killed_at
from tests.web.site import invoice

LOST = {"path": "/invoice$", "method": "POST", "stage": "after", "reset": True}
CONFLICT = ("blocked", "document_conflict")
TAKEN = ("rejected", "document_number_taken")


def once(shop, made):
    """The invoice stands in QuickBooks once, and the hub knows which it is."""
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")
    there = shop.the_invoice()
    assert f"/{made['id']}" in there["PrivateNote"]
    assert str(there["TotalAmt"]) == "19.99"
    assert shop.delivery(made)["externalId"] == there["Id"]


def foreign(shop, number, *, kind="Invoice", reference="28"):
    """What a person wrote in QuickBooks, under this number."""
    body = {
        "DocNumber": number,
        "CustomerRef": {"value": reference},
        "CurrencyRef": {"value": "USD"},
        "TotalAmt": 5,
        "Balance": 5,
        "Line": [],
    }
    return shop.books().add(kind, body, shop.clock.now())


def backlog(shop, count, **changes):
    """So many invoices accepted at once; their ids by number."""
    bodies = [invoice(f"B-{number}", **changes) for number in range(1, count + 1)]
    assert shop.made("/invoices/bulk", {"invoices": bodies})["refused"] == 0
    listed = shop.get("/invoices?limit=100")["items"]
    return {one["number"]: one for one in listed}


def in_batches(shop):
    """How many invoices each batch carried that was sent, oldest first."""
    return [len(body["BatchItemRequest"]) for body in shop.bodies("/batch$")]


def test_25_a_lost_answer_is_asked_for_with_the_same_bytes_and_id(ready):
    ready.quickbooks.fault(Fault(**LOST))
    made = ready.push()
    once(ready, made)
    first, second = ready.asked("POST", "/invoice$")
    assert (first.query, first.body) == (second.query, second.body)
    assert ready.quickbooks.api.replayed == 1
    assert ready.delivery(made)["generation"] == 1


def test_26_where_the_id_is_forgotten_the_number_finds_what_was_made(ready):
    ready.quickbooks.api.keeps = timedelta(0)
    ready.quickbooks.fault(Fault(**LOST))
    once(ready, ready.push())
    assert "GET query" in ready.calls()


def test_26_hours_later_the_invoice_is_looked_for_and_not_sent_again(ready):
    ready.quickbooks.api.keeps = timedelta(hours=1)
    ready.quickbooks.fault(Fault(**LOST))
    made = ready.invoice()
    ready.drain()
    ready.pass_time(3 * 3600)
    once(ready, made)
    assert ready.calls("POST") == ["POST invoice"]
    assert [one["step"] for one in ready.delivery(made)["tried"]] == ["push", "find"]


def test_26_where_quickbooks_numbers_the_invoice_is_found_by_customer_and_marker(bare):
    bare.books().custom_numbers = False
    bare.connect()
    bare.customer()
    bare.quickbooks.fault(Fault(**LOST))
    made = bare.invoice()
    bare.drain()
    bare.pass_time(3 * 3600)
    once(bare, made)
    assert bare.calls("POST") == ["POST invoice"]


@pytest.mark.parametrize(
    ("kind", "reference", "standing"),
    [("Invoice", "29", CONFLICT), ("Invoice", "28", CONFLICT), ("CreditMemo", "28", TAKEN)],
)
def test_27_a_number_on_a_document_of_somebody_else_is_neither_adopted_nor_changed(
    ready, kind, reference, standing
):
    other = foreign(ready, "INV-1", kind=kind, reference=reference)
    before = dict(other)
    made = ready.push("INV-1")
    ready.until_quiet()
    assert ready.standing(made) == standing
    told = [one["message"] for one in ready.delivery(made)["tried"]]
    assert f"TxnType={kind} with TxnId={other['Id']}" in told[0]
    assert [row for row in ready.invoices() if row is not other] == []
    assert other == before
    assert ready.calls("POST") == ["POST invoice"]


@pytest.mark.parametrize("executed", [True, False], ids=["done", "not-done"])
def test_28_a_process_killed_before_the_answer_leaves_one_invoice(ready, executed):
    made = ready.invoice()
    assert len(killed_at(ready, 1, executed=executed)) == 1
    ready.restart()
    once(ready, made)


def test_29_two_workers_with_the_same_invoice_make_it_once(ready):
    made = ready.invoice()
    arrived, go_on = Event(), Event()

    def hold(_simulator, request, _answer):
        if request.path.endswith("/invoice") and not arrived.is_set():
            arrived.set()
            go_on.wait(60)

    with observing(hold):
        first = Thread(target=ready.drain)
        first.start()
        assert arrived.wait(60)
        ready.clock.advance(60)
        ready.drain()
        go_on.set()
        first.join()
    once(ready, made)
    assert len({one.query["requestid"] for one in ready.asked("POST", "/invoice$")}) == 1
    assert len({one.body for one in ready.asked("POST", "/invoice$")}) == 1


def test_50_of_thirty_in_a_batch_the_bad_one_is_told_of_the_right_invoice(ready):
    foreign(ready, "B-7")
    made = backlog(ready, 30)
    ready.until_quiet()
    standing = {number: ready.standing(one) for number, one in made.items()}
    assert standing.pop("B-7") == CONFLICT
    assert set(standing.values()) == {("delivered", "")}
    assert in_batches(ready) == [30]
    for number, one in made.items():
        if number != "B-7":
            there = ready.books().tables["Invoice"][ready.delivery(one)["externalId"]]
            assert there["DocNumber"] == number


def test_50_a_batch_whose_answer_was_lost_is_sent_again_as_it_was(ready):
    ready.quickbooks.fault(Fault(path="/batch$", stage="after", reset=True))
    made = backlog(ready, 30)
    ready.until_quiet()
    assert {ready.standing(one) for one in made.values()} == {("delivered", "")}
    first, second = ready.asked("POST", "/batch$")
    assert (first.query, first.body) == (second.query, second.body)
    assert len(first.query["requestid"]) <= 36
    assert len(ready.invoices()) == 30


def test_50_thirty_one_go_in_two_requests(ready):
    backlog(ready, 31)
    ready.until_quiet()
    assert len(ready.invoices()) == 31
    assert in_batches(ready) == [30]
    assert ready.calls("POST", "/invoice$") == ["POST invoice"]


def test_50_a_single_invoice_goes_alone_at_once(ready):
    ready.push()
    assert ready.calls("POST") == ["POST invoice"]
