"""Plugins that break the contract harm their own delivery, never its neighbours nor the worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kable_hub import (
    Connection,
    LeaseLost,
    LinkedCustomer,
    OutcomeUnknown,
    Push,
    RateLimited,
    Receipt,
    Rejected,
    hookimpl,
)
from kable_hub.store import tables as t
from tests.acme import PROVIDER, Acme
from tests.delivery.stage import Stage, stage


class Junk(Acme):
    """Acme whose answers for invoices with a memo are what `answers` says."""

    def __init__(self, answers: Any) -> None:
        super().__init__(replace(PROVIDER, limits=()))
        self.answers = answers

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        sound = super().push_invoice(connection, push)
        return self.answers(sound) if push.invoice.memo else sound

    @hookimpl
    def find_invoice(self, connection: Connection, push: Push) -> Any:
        found = super().find_invoice(connection, push)
        return self.answers(found) if found and push.invoice.memo else found


@contextmanager
def junk(url: str, folder: Path, answers: Any) -> Iterator[tuple[Stage, str, list[str]]]:
    with stage(url, folder, Junk(answers)) as at_work:
        bad = at_work.invoice(memo="junk")
        good = [at_work.invoice() for _ in range(3)]
        at_work.drain()
        yield at_work, bad, good


RECEIPTS = {
    "a huge total": {"total": 10**30},
    "a huge tax": {"tax": -(10**30)},
    "no number at all": {"total": Decimal("NaN")},
    "an id with NUL": {"external_id": "D\0"},
    "an id of a megabyte": {"external_id": "D" * 1_000_000},
    "half a character": {"external_id": "D\ud800"},
    "a float where text belongs": {"number": 1.5},
    "a long address": {"url": "u" * 1_000_000},
}


@pytest.mark.parametrize("what", RECEIPTS)
def test_an_impossible_receipt_waits_for_a_person_and_harms_no_neighbour(
    database_url: str, tmp_path: Path, what: str
) -> None:
    def spoil(sound: Receipt) -> Receipt:
        return Receipt(**{**vars(sound), **RECEIPTS[what]})

    with junk(database_url, tmp_path, spoil) as (at_work, bad, good):
        assert {at_work.delivery(one).state for one in good} == {"delivered"}
        row = at_work.delivery(bad)
        assert (row.state, row.error_code) == ("uncertain", "contract_violation")
        assert len(at_work.acme.docs) == 4


class Sentence:
    """No text, though it looks like one."""

    def __str__(self) -> str:
        return "no text"


@pytest.mark.parametrize("said", ["a NUL \0 here", "half \ud83d here", Sentence(), "x" * 1_000_000])
@pytest.mark.parametrize("kind", [Rejected, OutcomeUnknown])
def test_an_error_whose_text_cannot_be_kept_is_kept_all_the_same(
    database_url: str, tmp_path: Path, said: Any, kind: type[Exception]
) -> None:
    def refuse(_: Receipt) -> Receipt:
        raise kind(said, provider_code=said, request_id=said)  # type: ignore[call-arg]

    with junk(database_url, tmp_path, refuse) as (at_work, bad, good):
        assert {at_work.delivery(one).state for one in good} == {"delivered"}
        row = at_work.delivery(bad)
        assert row.state == "uncertain"
        assert 0 < len(row.error_message) <= 2000


@pytest.mark.parametrize(
    "wait", [timedelta(days=10**8), timedelta(days=-(10**8)), 5, float("nan")], ids=str
)
def test_a_senseless_wish_to_wait_is_not_granted(
    database_url: str, tmp_path: Path, wait: Any
) -> None:
    def throttle(_: Receipt) -> Receipt:
        raise RateLimited("slow down", retry_after=wait, limit="none such")

    with junk(database_url, tmp_path, throttle) as (at_work, bad, good):
        assert {at_work.delivery(one).state for one in good} <= {"delivered", "uncertain", "due"}
        row = at_work.delivery(bad)
        day = int(timedelta(days=1.3) / timedelta(milliseconds=1))
        assert row.state == "uncertain"
        assert at_work.hub.now() - 5000 <= row.due_at <= at_work.hub.now() + day


def test_a_secret_in_an_error_is_not_kept(database_url: str, tmp_path: Path) -> None:
    def leak(_: Receipt) -> Receipt:
        raise Rejected("the token token-1 of hook-secret is odd")

    with junk(database_url, tmp_path, leak) as (at_work, bad, _):
        shown = at_work.delivery(bad).error_message + at_work.attempts(bad)[0].message
        assert "token-1" not in shown
        assert "hook-secret" not in shown


class JunkCustomers(Acme):
    """Acme whose created customers cannot be kept."""

    def __init__(self, answer: LinkedCustomer) -> None:
        super().__init__()
        self.answer = answer

    @hookimpl
    def link_customer(
        self, connection: Connection, customer: Any, reference: str | None, key: str
    ) -> LinkedCustomer:
        super().link_customer(connection, customer, reference, key)
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        LinkedCustomer("A\0"),
        LinkedCustomer("A-2", title=None),  # type: ignore[arg-type]
        LinkedCustomer("A-2", parts={"a": 1.5}),  # type: ignore[dict-item]
        LinkedCustomer("A" * 100_000),
        LinkedCustomer(""),
    ],
    ids=["NUL", "no title", "a float", "long", "empty"],
)
def test_an_impossible_customer_harms_no_neighbour(
    database_url: str, tmp_path: Path, answer: LinkedCustomer
) -> None:
    with stage(database_url, tmp_path, JunkCustomers(answer)) as at_work:
        with at_work.hub.database.write():
            at_work.open("create_customer", "cus_1")
        good = at_work.invoice()
        at_work.drain()
        assert at_work.delivery(good).state == "delivered"
        row = at_work.delivery("cus_1", "create_customer")
        assert row.error_code == "contract_violation"
        with at_work.hub.database.read():
            assert t.Link.get().reference == "A-1"


def test_a_document_in_another_currency_is_told_on_the_delivery(
    database_url: str, tmp_path: Path
) -> None:
    def other(sound: Receipt) -> Receipt:
        return Receipt(**{**vars(sound), "currency": "JPY"})

    with junk(database_url, tmp_path, other) as (at_work, bad, _):
        row = at_work.delivery(bad)
        assert (row.state, row.error_code) == ("delivered", "currency_differs")
        assert "JPY" in row.error_message


class Stray(Acme):
    """Acme that keeps its connection and calls once more after its hook has ended."""

    kept: Connection | None = None

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        self.kept = connection
        return super().push_invoice(connection, push)


def test_nothing_is_called_once_the_hook_has_ended(database_url: str, tmp_path: Path) -> None:
    plugin = Stray()
    with stage(database_url, tmp_path, plugin) as at_work:
        invoice = at_work.invoice()
        at_work.drain()
        assert at_work.delivery(invoice).state == "delivered"
        assert plugin.kept is not None
        with (
            pytest.raises(LeaseLost, match="the hook has ended"),
            plugin.kept.call("docs.create", writes=True),
        ):
            raise AssertionError("the gate was open")


def test_a_plugin_that_ends_the_interpreter_is_survived(database_url: str, tmp_path: Path) -> None:
    def leave(_: Receipt) -> Receipt:
        raise SystemExit(3)

    with junk(database_url, tmp_path, leave) as (at_work, bad, good):
        assert {at_work.delivery(one).state for one in good} == {"delivered"}
        assert at_work.delivery(bad).state == "uncertain"
