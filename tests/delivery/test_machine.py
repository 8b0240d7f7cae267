"""The outbox under every mix of faults and crashes, in virtual time, judged by a ledger.

A provider in memory commits or not, answers or not, forgets keys after a day and keeps drafts.
Whatever hypothesis thinks of: never two documents for one invoice, and in the end exactly one
for each that was not refused, with nothing half done left behind.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kable_hub import (
    Connection,
    OutcomeUnknown,
    Push,
    RateLimited,
    Receipt,
    Rejected,
    Transient,
    Unfinished,
    hookimpl,
)
from kable_hub.clock import ManualClock
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import outbox
from kable_hub.store import tables as t
from kable_hub.sync.drain import Pace, drain
from kable_hub.usecases.hub import open_hub
from tests import stores
from tests.acme import PROVIDER, Acme
from tests.delivery.stage import SCOPE, Stage, furnish

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
GAPS = st.sampled_from([0, 3, 3, 3, 20, 61])
FAULTS = st.sampled_from(
    [
        "",
        "",
        "refused",
        "lost before",
        "lost before",
        "lost after",
        "500 kept",
        "429",
        "429 after",
        "crash",
    ]
)


@dataclass
class Ledger:
    """A provider in memory. `faults` are taken one per writing call."""

    clock: ManualClock
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, tuple[datetime, str, dict[str, Any]]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    late: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def write(self, key: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refused":
            raise Transient("connection refused")
        if fault == "429":
            raise RateLimited("too fast", retry_after=timedelta(seconds=5), limit="calls")
        if fault == "lost before":
            self._commit_late(key, act)
            raise OutcomeUnknown("no answer")
        if key not in self.answers:
            self.answers[key] = (self.clock.now(), fault, act())
        if fault == "crash":
            raise KeyboardInterrupt
        if fault in ("lost after", "429 after"):
            raise OutcomeUnknown("no answer")
        _, stored_as, answer = self.answers[key]
        if stored_as == "500 kept":
            raise OutcomeUnknown("500")
        if "refused" in answer:
            raise Rejected("by rule")
        return answer

    def _commit_late(self, key: str, act: Callable[[], dict[str, Any]]) -> None:
        """A request that was lost may still be on its way, up to `settle_after`."""

        def arrive() -> None:
            if key not in self.answers:
                self.answers[key] = (self.clock.now(), "", act())

        self.late.append((self.clock.now() + timedelta(seconds=30), arrive))

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        now = self.clock.now()
        for due, arrive in [one for one in self.late if one[0] <= now]:
            arrive()
            self.late.remove((due, arrive))
        day = timedelta(hours=24)
        self.answers = {key: one for key, one in self.answers.items() if now - one[0] < day}


class InMemory(Acme):
    """Acme without a socket."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(replace(PROVIDER, settle_after=timedelta(seconds=60), limits=()))
        self.ledger = ledger

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        draft = push.progress.get("draft")
        if draft is None:
            with connection.call("docs.create", writes=True) as call:
                made = self.ledger.write(push.key, lambda: self._make(push))
                call.answered(200)
            draft = made["id"]
            push.save({"draft": draft})
        with connection.call("docs.finalize", writes=True) as call:
            final = self.ledger.write(f"{push.key}:f", lambda: self._finalize(draft))
            call.answered(200)
        return _receipt(final)

    def _make(self, push: Push) -> dict[str, Any]:
        if push.document["memo"] == "bad":
            return {"refused": True}
        name = f"D-{len(self.ledger.documents) + 1}"
        values = {"id": name, "marker": push.marker, "status": "draft"}
        self.ledger.documents[name] = {**values, "total": push.document["total"]}
        return self.ledger.documents[name]

    def _finalize(self, draft: str) -> dict[str, Any]:
        self.ledger.documents[draft]["status"] = "open"
        return self.ledger.documents[draft]

    @hookimpl
    def find_invoice(self, connection: Connection, push: Push) -> Receipt | Unfinished | None:
        with connection.call("docs.list", writes=False) as call:
            call.answered(200)
        hits = [one for one in self.ledger.documents.values() if one["marker"] == push.marker]
        assert len(hits) <= 1, "two documents for one invoice"
        if hits and hits[0]["status"] == "draft":
            return Unfinished({"draft": hits[0]["id"]})
        return _receipt(hits[0]) if hits else None


def _receipt(document: dict[str, Any]) -> Receipt:
    return Receipt(document["id"], document["total"], "USD", "A-1")


class Inline(Executor):
    """Runs at once, in the caller's thread; a crash passes through."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Deliveries(RuleBasedStateMachine):
    """Posts, drains, faults, crashes and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(START)
        self.ledger = Ledger(self.clock)
        self.folder = tempfile.TemporaryDirectory()
        database = stores.fresh_sqlite(Path(self.folder.name), stores.migrated)
        environ = {"KABLE_DATA_DIR": self.folder.name, "DATABASE_URL": database}
        registry = Registry.of(InMemory(self.ledger))
        hub = open_hub(Settings.load(environ), clock=self.clock, registry=registry)
        furnish(hub)
        self.stage = Stage(hub, None, Inline())  # type: ignore[arg-type]
        self.accepted: dict[str, int] = {}
        self.refused: set[str] = set()

    def teardown(self) -> None:
        self._settle_everything()
        self._judge()
        self.stage.hub.close()
        self.folder.cleanup()

    @rule(total=st.integers(1, 10**9), bad=st.sampled_from([False, False, False, True]))
    def post(self, total: int, bad: bool) -> None:
        invoice = self.stage.invoice(total, memo="bad" if bad else "")
        self.accepted[invoice] = total
        if bad:
            self.refused.add(invoice)

    @precondition(lambda self: self.accepted)
    @rule(rounds=st.lists(st.tuples(FAULTS, FAULTS, GAPS), min_size=1, max_size=4))
    def work(self, rounds: list[tuple[str, str, int]]) -> None:
        for first, second, gap in rounds:
            self.ledger.faults = [first, second]
            self._drain()
            self.ledger.faults = []
            self.ledger.pass_time(gap)

    @rule(seconds=st.sampled_from([1, 5, 29, 61, 600, 90_000]))
    def wait(self, seconds: int) -> None:
        self.ledger.pass_time(seconds)

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        invoice = data.draw(st.sampled_from(sorted(self.accepted)))
        total = data.draw(st.integers(1, 10**9))
        with self.stage.hub.database.write():
            if outbox.discard_frozen(SCOPE, invoice, self.stage.hub.now()):
                mine = t.Invoice.id == invoice
                t.Invoice.update(total=total, revision=t.Invoice.revision + 1).where(mine).execute()
                self.accepted[invoice] = total

    @precondition(lambda self: self.refused)
    @rule()
    def retry_refused(self) -> None:
        with self.stage.hub.database.write():
            outbox.retry_many(SCOPE, self.stage.hub.now(), state="rejected")

    @invariant()
    def never_twice(self) -> None:
        markers = [one["marker"] for one in self.ledger.documents.values()]
        assert len(markers) == len(set(markers))

    @invariant()
    def what_counts_as_delivered_stands_there(self) -> None:
        with self.stage.hub.database.read():
            rows = list(t.Delivery.select().where(t.Delivery.state == "delivered"))
        for row in rows:
            document = self.ledger.documents[row.external_id]
            assert document["status"] == "open"
            assert document["total"] == self.accepted[row.subject_id]

    def _drain(self) -> None:
        pace = Pace(slice_seconds=5, lease_seconds=15, width=3)
        try:
            drain(self.stage.rooms, "con_1", pace, self.stage.pushers, Event())
        except KeyboardInterrupt:
            with self.stage.hub.database.write():
                t.Connection.update(lease_until=0).execute()

    def _settle_everything(self) -> None:
        for _ in range(12):
            self.ledger.pass_time(4000)
            self._drain()

    def _judge(self) -> None:
        with self.stage.hub.database.read():
            states = {row.subject_id: row.state for row in t.Delivery.select()}
        for invoice in self.accepted:
            expected = "rejected" if invoice in self.refused else "delivered"
            assert states[invoice] == expected, (invoice, states[invoice])
        statuses = {one["status"] for one in self.ledger.documents.values()}
        assert statuses <= {"open"}, "a draft was left behind"
        assert len(self.ledger.documents) == len(self.accepted) - len(self.refused)


# No shrinking: it takes minutes, and the steps of the failing run are printed anyway.
TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=50,
    stateful_step_count=15,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
