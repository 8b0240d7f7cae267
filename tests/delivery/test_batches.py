"""Batches: stored first, replayed once unchanged, then each member by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kable_hub.store import outbox
from kable_hub.testing import Fault
from tests.acme import BatchingAcme
from tests.delivery.stage import SCOPE, Stage, stage


@pytest.fixture
def at_work(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path, BatchingAcme()) as one:
        yield one


def states(at_work: Stage, invoices: list[str]) -> set[str]:
    return {at_work.delivery(one).state for one in invoices}


def test_a_backlog_goes_out_in_batches(at_work: Stage) -> None:
    invoices = [at_work.invoice(100 + n) for n in range(25)]
    at_work.drain()
    assert states(at_work, invoices) == {"delivered"}
    assert sorted(doc["total"] for doc in at_work.acme.finals()) == list(range(100, 125))
    assert len(at_work.acme.seen("POST", "/batch")) == 3


def test_a_single_invoice_needs_no_batch(at_work: Stage) -> None:
    at_work.invoice()
    at_work.drain()
    assert [one.path for one in at_work.acme.requests] == ["/docs"]


def test_one_bad_item_fails_alone(at_work: Stage) -> None:
    at_work.acme.refuse.add("BAD")
    good = [at_work.invoice() for _ in range(4)]
    bad = at_work.invoice(number="BAD")
    at_work.drain()
    assert states(at_work, good) == {"delivered"}
    row = at_work.delivery(bad)
    assert (row.state, row.error_message) == ("rejected", "refused by rule")
    assert [(one.step, one.outcome) for one in at_work.attempts(bad)] == [
        ("push", "Rejected"),
        ("find", "ok"),
    ]


def test_an_item_that_cannot_be_planned_stays_out_of_the_batch(at_work: Stage) -> None:
    good = [at_work.invoice() for _ in range(3)]
    bad = at_work.invoice(memo="no item")
    at_work.drain()
    assert states(at_work, good) == {"delivered"}
    assert at_work.delivery(bad).error_code == "missing_setting"
    assert len(at_work.acme.docs) == 3


def test_a_lost_answer_is_replayed_once_with_the_same_members_and_key(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/batch", stage="after", reset=True))
    invoices = [at_work.invoice() for _ in range(6)]
    at_work.drain()
    assert states(at_work, invoices) == {"uncertain"}
    at_work.due_now()
    at_work.drain()
    assert states(at_work, invoices) == {"delivered"}
    first, second = at_work.acme.seen("POST", "/batch")
    assert (first.body, first.header("key")) == (second.body, second.header("key"))
    assert len(at_work.acme.docs) == 6


def test_a_batch_lost_twice_is_looked_up_item_by_item(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/batch", stage="after", reset=True, times=2))
    invoices = [at_work.invoice() for _ in range(6)]
    for _ in range(3):
        at_work.drain()
        at_work.due_now()
    assert states(at_work, invoices) == {"delivered"}
    assert len(at_work.acme.docs) == 6
    assert len(at_work.acme.seen("GET", "/docs")) == 1


def test_a_batch_that_never_arrived_goes_out_as_a_new_generation(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/batch", reset=True, times=2))
    invoices = [at_work.invoice() for _ in range(6)]
    for _ in range(3):
        at_work.drain()
        at_work.due_now()
    assert at_work.acme.docs == {}
    at_work.settled()
    at_work.drain(2)
    assert states(at_work, invoices) == {"delivered"}
    assert {at_work.delivery(one).generation for one in invoices} == {2}
    assert len(at_work.acme.docs) == 6


def test_a_member_settled_meanwhile_makes_the_others_look_for_themselves(at_work: Stage) -> None:
    at_work.acme.fault(Fault(path="/batch", stage="after", reset=True))
    invoices = [at_work.invoice() for _ in range(4)]
    at_work.drain()

    first = at_work.delivery(invoices[0]).id
    with at_work.hub.database.write():
        now = at_work.hub.now()
        outbox.settle_by_hand(SCOPE, first, exists=True, external_id="D-1", now=now)
    at_work.due_now()
    at_work.drain()
    assert states(at_work, invoices) == {"delivered"}
    assert len(at_work.acme.seen("POST", "/batch")) == 1
    assert len(at_work.acme.docs) == 4


def test_an_edit_takes_a_member_out_before_the_batch_is_sent(at_work: Stage) -> None:

    invoices = [at_work.invoice() for _ in range(3)]
    steps_freeze = at_work.hub.queue.freeze_many

    def edited_meanwhile(plans: object, token: int) -> set[str]:
        with at_work.hub.database.write():
            outbox.discard_frozen(SCOPE, invoices[1], at_work.hub.now())
        at_work.hub.queue.freeze_many = steps_freeze  # type: ignore[method-assign]
        return steps_freeze(plans, token)  # type: ignore[arg-type]

    at_work.hub.queue.freeze_many = edited_meanwhile  # type: ignore[method-assign,assignment]
    at_work.drain()
    assert states(at_work, invoices) == {"delivered"}
    assert len(at_work.acme.docs) == 3
