"""The outbox under every mix of faults, crashes and people, in virtual time and one thread.

    world = World(folder)          # one store for all runs
    world.run(seed)                # a few milliseconds; AssertionError says what does not hold

A run is a connection with a few invoices at a provider in memory (`ledger.py`). Operations come in
any order: see `OPERATIONS`. A crash takes the database away at any commit or call and leaves the
rest undone, the release of the lease too. Another worker may drain in the middle of a call, past
the end of the first one's lease. In the end everybody behaves, and then: exactly one final
document for each invoice that was accepted, with its total; none for one that was refused or given
up; no draft; the outbox says the same.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from kable_hub.clock import ManualClock
from kable_hub.dialogue import Credentials
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import outbox
from kable_hub.store import tables as t
from kable_hub.store.credentials import save_credentials
from kable_hub.store.outbox import Opening
from kable_hub.store.rows import insert_all
from kable_hub.sync import endings
from kable_hub.sync.budget import Budget
from kable_hub.sync.drain import Pace, drain
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.running import rooms_of
from tests import stores
from tests.delivery.ledger import FAULTS, Batchy, InMemory, Keyless, Ledger
from tests.delivery.mortal import Crashed, Inline, Mortal
from tests.delivery.people import OWN, PEOPLE, SCOPE, People

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLUGINS = ("acme", "keyless", "batchy")
PACE = Pace(slice_seconds=5, lease_seconds=15, width=3)
GAPS = (0, 0, 3, 3, 20, 61, 600, 90_000)
EMPTIED = ("delivery", "generation", "attempt", "invoice", "invoice_line")
_MEND_CONNECTION = """
    UPDATE connection SET lease_until = 0, next_due_at = NULL, state = 'active', pauses = '{}'
    WHERE id = ?
"""
_MEND_LINK = "UPDATE link SET state = 'linked' WHERE connection_id = ?"
UNDER_WAY = ("due", "uncertain", "pushing")
ENOUGH = 60
"""Drains after which everything has an end once everybody behaves."""


class World(People):
    """One store and hub for any number of runs. `trace`: what a run did, for a person."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.ledger = Ledger(self.clock)
        plugins = (InMemory(self.ledger), Keyless(self.ledger), Batchy(self.ledger))
        database = stores.fresh_sqlite(folder, stores.migrated)
        environ = {"KABLE_DATA_DIR": str(folder), "DATABASE_URL": database}
        self.hub = open_hub(
            Settings.load(environ), clock=self.clock, registry=Registry.of(*plugins)
        )
        self._furnish()
        # One connection for all, with nobody beside it: files and locks are dear here.
        self.hub.database.peewee.connect()
        for pragma in ("locking_mode=exclusive", "journal_mode=memory"):
            self.hub.database.peewee.execute_sql(f"PRAGMA {pragma}")
        self.mortal = Mortal(self.hub.database)
        self.pushers = Inline()
        self.trace: list[str] = []

    def close(self) -> None:
        """Close the store."""
        self.hub.database.peewee.close()
        self.hub.close()

    def run(self, seed: int) -> None:
        """One run from beginning to end. Raises AssertionError."""
        chance = Random(seed)
        with self._repeatable(chance):
            self.begin(chance)
            try:
                for _ in range(chance.randint(1, 4)):
                    OPERATIONS[chance.choice(_WEIGHTED)](self, chance)
                self.end()
            except AssertionError as error:
                told = "\n".join(self.trace)
                raise AssertionError(f"seed {seed}: {error}\n{told}") from error

    def follow(self, steps: Sequence[tuple[str, int]]) -> None:
        """A run of these operations, each with the seed of its own choices."""
        chance = Random(len(steps))
        with self._repeatable(chance):
            self.begin(chance)
            for name, seed in steps:
                OPERATIONS[name](self, Random(seed))
            self.end()

    @contextmanager
    def _repeatable(self, chance: Random) -> Iterator[None]:
        """Jitter and ids are the seed's: those of one moment are worked in their order."""
        ids, kept = count(1), (endings._CHANCE, outbox.new_id)
        endings._CHANCE = chance  # type: ignore[assignment]
        outbox.new_id = lambda prefix: f"{prefix}_{next(ids):06}"
        try:
            yield
        finally:
            endings._CHANCE, outbox.new_id = kept

    # --- the stage -----------------------------------------------------------------------------

    def begin(self, chance: Random) -> None:
        """Forget the run before: an empty outbox, and a provider where nothing stands. A run has
        a few kinds of faults, so that they meet."""
        slug, self.moods = chance.choice(PLUGINS), chance.sample(FAULTS, chance.randint(1, 4))
        self.trace, self.connection = [f"{slug}: {', '.join(self.moods)}"], f"con_{slug}"
        self.ledger.__init__(self.clock)  # type: ignore[misc]
        self.ledger.point = self.mortal.point
        self.accepted: dict[str, int] = {}
        self.bad: set[str] = set()
        self.given_up: set[str] = set()
        self.voided: set[str] = set()
        self.numbers, self.depth, self.mortal.left = 0, 0, None
        with self.hub.database.write(durable=False):
            for table in EMPTIED:
                self.hub.database.sql(f"DELETE FROM {table}")
        self._mend()
        self._new_process()

    def _furnish(self) -> None:
        now = self.hub.now()
        with self.hub.database.write():
            t.Account.create(id="acc_1", name="Shop", plan="paid", created_at=now)
            times = {"created_at": now, "updated_at": now}
            t.Customer.create(
                **OWN, id="cus_1", client_id="c1", company_name="A", currency="USD", **times
            )
            settings = {"drafts": False, "need_method": False, "item": ""}
            for slug in PLUGINS:
                con = {"id": f"con_{slug}", "provider": slug, "external_id": "shop"}
                kept = {"kind": "payments", "settings": settings, "created_at": now}
                t.Connection.create(**OWN, **con, **kept, connected_at=now)
                secrets = Credentials({"token": "t", "refresh": "r"})
                save_credentials(self.hub.vault, SCOPE, con["id"], secrets, now)
                ends = {"customer_id": "cus_1", "connection_id": con["id"], "reference": "A-1"}
                t.Link.create(**OWN, id=f"lnk_{slug}", **ends, **times)

    def _new_process(self) -> None:
        """What a process keeps in memory is gone."""
        self.rooms = replace(rooms_of(self.hub), budget=Budget(self.hub.clock))

    # --- work ----------------------------------------------------------------------------------

    def drain(self) -> bool:
        """One slice; a process that ends in it is followed by another."""
        try:
            return drain(self.rooms, self.connection, PACE, self.pushers, Event())
        except Crashed:
            if self.depth:
                raise
            self.trace.append("  crashed")
            self.mortal.left = None
            self._new_process()
            return True

    def other_worker(self) -> None:
        """Another process takes the connection over in the middle of a call."""
        if self.depth:
            return
        self.depth, rooms, faults = 1, self.rooms, self.ledger.next_faults
        self.ledger.next_faults, left = [], self.mortal.left
        self.mortal.left, self.mortal.until = None, None
        self.clock.advance(PACE.lease_seconds + 1)
        self._new_process()
        try:
            self.drain()
            self.drain()
        finally:
            self.depth, self.rooms, self.ledger.next_faults = 0, rooms, faults
            self.mortal.left = left

    def _mend(self) -> None:
        """The connection works and the customer is linked."""
        sql, now = self.hub.database.sql, self.hub.now()
        with self.hub.database.write(durable=False):
            sql(_MEND_CONNECTION, self.connection)
            sql(_MEND_LINK, self.connection)
            if any(row[3] == "blocked" for row in self.deliveries()):
                outbox.relink(SCOPE, self.connection, "cus_1", now)
                outbox.wake_blocked(SCOPE, self.connection, on="provider", now=now)

    def deliveries(self) -> list[Any]:
        """Every row of the outbox: id, kind, subject, state, may_exist, external_id, error."""
        text = (
            "SELECT id, kind, subject_id, state, may_exist, external_id, error_code, due_at"
            " FROM delivery ORDER BY id"
        )
        with self.hub.database.read():
            return list(self.hub.database.sql(text).fetchall())

    # --- the verdict ---------------------------------------------------------------------------

    def end(self) -> None:
        """Everybody behaves from now on; then it is judged."""
        self.ledger.next_faults, self.ledger.meanwhile, self.mortal.left = [], None, None
        self.clock.advance(PACE.lease_seconds)
        self._mend()
        for _ in range(ENOUGH):
            self.drain()
            waiting = [row[7] for row in self.deliveries() if row[3] in ("due", "uncertain")]
            waits = [
                *waiting,
                *(self.hub.now() for row in self.deliveries() if row[3] == "pushing"),
            ]
            if not waits:
                break
            self.clock.advance(max(0.0, (min(waits) - self.hub.now()) / 1000) + 0.001)
        self.clock.advance(2 * PACE.lease_seconds + 60)
        self.ledger.read()
        self._judge()

    def _judge(self) -> None:
        assert not self.ledger.broken, self.ledger.broken
        rows = self.deliveries()
        pushes = {row[2]: row for row in rows if row[1] == "push"}
        assert set(pushes) == set(self.accepted), "an invoice is gone"
        standing = {one["marker"].rpartition("/")[2]: one for one in self.ledger.documents.values()}
        for invoice, total in self.accepted.items():
            self._judge_one(invoice, total, pushes[invoice], standing.pop(invoice, None))
        assert not standing, f"documents of nobody: {standing}"
        after = {row[3] for row in rows if row[1] != "push"}
        assert after <= {"delivered"}, [row for row in rows if row[1] != "push"]
        collected = sum(row[1] == "collect" for row in rows)
        assert len(set(self.ledger.asked)) >= collected, "a payment was never asked for"

    def _judge_one(self, invoice: str, total: int, row: Any, there: Any) -> None:
        _, _, _, state, _, external_id, code, _ = row
        if invoice in self.given_up or invoice in self.bad:
            wanted = "cancelled" if invoice in self.given_up else "rejected"
            assert (state, there) == (wanted, None), (invoice, state, code, there)
            return
        assert state == "delivered", (invoice, state, code, there)
        assert there is not None, (invoice, "is delivered and stands nowhere")
        final = "void" if invoice in self.voided else "open"
        said = (external_id, final, total)
        assert (there["id"], there["status"], there["total"]) == said, (invoice, there, said)

    # --- what happens --------------------------------------------------------------------------

    def post(self, chance: Random) -> None:
        """One or two invoices are accepted, or three."""
        now = self.hub.now()
        invoices, lines, openings = [], [], []
        for _ in range(chance.choice((1, 1, 2, 3))):
            self.numbers += 1
            id_, total = f"inv_{self.numbers}", chance.randint(1, 10**6)
            bad = chance.random() < 0.15
            memo = "bad" if bad else ""
            self.accepted[id_] = total
            self.bad |= {id_} if bad else set()
            invoices.append(
                {
                    **OWN,
                    "id": id_,
                    "customer_id": "cus_1",
                    "number": id_,
                    "currency": "USD",
                    "issue_date": date(2026, 11, 22),
                    "subtotal": total,
                    "tax": 0,
                    "total": total,
                    "memo": memo,
                    "created_at": now,
                    "updated_at": now,
                }
            )
            line = {"description": "work", "quantity": "1", "unit_price": "10", "amount": total}
            lines.append({**OWN, "invoice_id": id_, "position": 0, **line})
            openings.append(Opening(self.connection, "push", id_, "cus_1"))
        with self.hub.database.write(durable=False):
            insert_all(t.Invoice, invoices)
            insert_all(t.InvoiceLine, lines)
            outbox.open_operations(SCOPE, openings, now)

    def work(self, chance: Random) -> None:
        """A few drains, the first calls of each with faults."""
        self.accepted or self.post(chance)
        for _ in range(chance.randint(1, 4)):
            self._troubled(chance)
            self.drain()
            self.ledger.next_faults = []
            self.clock.advance(chance.choice(GAPS[:6]))

    def crash(self, chance: Random) -> None:
        """A drain whose process ends at any step."""
        self.accepted or self.post(chance)
        self.mortal.left = chance.randint(1, 24)
        self.trace.append(f"  {self.mortal.left} steps")
        self._troubled(chance)
        self.drain()
        self.mortal.left, self.ledger.next_faults = None, []
        if chance.random() < 0.5:
            self.hub.queue.void_leases()

    def _troubled(self, chance: Random) -> None:
        """The next calls fail, in one of the ways of this run, or do not."""
        faults = [chance.choice(("", *self.moods)) for _ in range(chance.randint(0, 5))]
        self.trace.append(f"  drain with {faults}")
        self.ledger.next_faults = faults

    def takeover(self, chance: Random) -> None:
        """Another worker drains while this one stands at some step."""
        self._meddle(chance, self.other_worker)

    def meddle(self, chance: Random) -> None:
        """Somebody does something while a worker stands at some step."""
        act = chance.choice(PEOPLE)
        self._meddle(chance, lambda: act(self, chance))
        self.trace.append(f"  with {act.__name__} in between")

    def _meddle(self, chance: Random, act: Callable[[], object]) -> None:
        self.accepted or self.post(chance)
        when = chance.choice(("before", "after", "step"))
        if when == "step":
            self.mortal.until = (chance.randint(1, 12), act)
        else:
            self.ledger.meanwhile = (when, act)
        self._troubled(chance)
        self.drain()
        self.ledger.meanwhile, self.mortal.until, self.ledger.next_faults = None, None, []
        self.trace.append(f"  {when}: {getattr(act, '__name__', '')}")

    def wait(self, chance: Random) -> None:
        """Time passes; a day, too."""
        self.clock.advance(chance.choice(GAPS))


_WORK = (World.post, World.work, World.crash, World.takeover, World.meddle, World.wait)
OPERATIONS: dict[str, Callable[[World, Random], None]] = {
    one.__name__: one for one in (*_WORK, *PEOPLE)
}
_WEIGHTED = ("work", "crash", "takeover", "meddle") * 5 + ("post", "wait") * 3 + tuple(OPERATIONS)
