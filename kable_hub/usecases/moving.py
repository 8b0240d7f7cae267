"""Move a whole store to another database: nothing lost, nothing pushed twice.

    close the source ─▶ mark the target ─▶ copy ─▶ compare ─▶ source left ─▶ target open
                                └ killed anywhere, the next call goes on where it was

From its closing on nobody can write to the source, and nobody opens the target before all of it
is there, so that at no moment two stores are at work.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass

from kable_hub.clock import Clock, SystemClock, epoch_ms
from kable_hub.settings import Settings
from kable_hub.store import copying, moves, restored, schema
from kable_hub.store.copying import MOST_FAULTS, Copied, Counts, Fault, NotTaken
from kable_hub.store.database import Database, sqlite_path
from kable_hub.store.moves import Move
from kable_hub.usecases.errors import Conflict
from kable_hub.usecases.running import stopped

Say = Callable[[str], object]


@dataclass(frozen=True)
class Compared:
    """Something that has to be the same on both sides: what it is, and how it stands on each."""

    what: str
    source: tuple[int, ...]
    target: tuple[int, ...]

    @property
    def agrees(self) -> bool:
        """Whether it is the same."""
        return self.source == self.target


@dataclass(frozen=True)
class Moved:
    """How a move ended. `tables` compare rows, the sum of numbers, characters and a digest;
    `money` invoices, subtotals, taxes and totals (minor units) by account, environment and
    currency; `states` deliveries by kind and state. `faults` are what the target cannot hold.
    """

    place: str
    tables: tuple[Compared, ...] = ()
    money: tuple[Compared, ...] = ()
    states: tuple[Compared, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the store stands at its new place now."""
        return not self.faults and all(one.agrees for one in (*self.tables, *self.counted))

    @property
    def counted(self) -> tuple[Compared, ...]:
        """Money and states."""
        return (*self.money, *self.states)


def move(
    settings: Settings, to: str, say: Say = lambda _step: None, clock: Clock | None = None
) -> Moved:
    """Move the store of `settings` to the database `to`, or go on with that; `say` hears each
    step as it is done.

    Where the target cannot hold something, or differs in the end, the source is opened again.
    Raises Conflict: `same_store`, `no_store`, `store_busy`, `other_move`, `other_version`,
    `target_in_use`.
    """
    now = epoch_ms((clock or SystemClock()).now())
    if moves.shown(settings.database_url) == moves.shown(to):
        raise Conflict("same_store", "The store is there already.")
    with (
        _opened(settings.database_url) as source,
        stopped(settings, source, now),
        closing(Database(to)) as target,
    ):
        return _Moving(source, target, settings, to, say, now).run()


@dataclass(frozen=True)
class Released:
    """A store in use again. `whole`: it had moved to `place`, and `uncertain` deliveries are
    looked for before anything of them is sent."""

    place: str
    whole: bool
    uncertain: int


def release(settings: Settings, clock: Clock | None = None) -> Released:
    """Take a store back into use that is being moved or was moved.

    After a whole move its unfinished deliveries count as uncertain: the new place may have sent
    them. Raises Conflict (`not_moved`, `store_busy`, `no_store`).
    """
    now = epoch_ms((clock or SystemClock()).now())
    with _opened(settings.database_url) as source, stopped(settings, source, now):
        mark = moves.marked(source)
        if mark is None or mark.role == "arriving":
            raise Conflict("not_moved", "This store was not moved.")
        whole, uncertain = mark.role == "left", 0
        with source.write():
            moves.open_again(source)
            if whole:
                uncertain = restored.mark(source, now)
        return Released(mark.place, whole, uncertain)


class _Moving:
    """One call of `move`; what an earlier one left is read from the marks of both sides."""

    def __init__(
        self, source: Database, target: Database, settings: Settings, to: str, say: Say, now: int
    ) -> None:
        self.source, self.target = source, target
        self.origin, self.place = moves.shown(settings.database_url), moves.shown(to)
        self.say, self.now = say, now
        self.tables = [Copied(name) for name in moves.names()]

    def run(self) -> Moved:
        mark = self._mark_of_source()
        there = moves.marked(self.target)
        if there is None:
            if mark and mark.role == "left":
                return self._moved_before()
            self._need_empty_target()
        elif not self._is_ours(there, mark):
            raise Conflict("target_in_use", f"The target is no empty store: {there.told()}.")
        mark = mark or self._close()
        if there is None or there.id != mark.id:
            there = self._begin(mark)
        faults = self._copy(there)
        found = Moved(self.place, faults=faults) if faults else self._compared()
        if found.done:
            self._switch()
        elif mark.role == "leaving":
            moves.open_again(self.source)
            self.say("the source is open again")
        return found

    def _mark_of_source(self) -> Move | None:
        mark = moves.marked(self.source)
        if mark is None:
            schema.migrate(self.source)
            return None
        if mark.role == "arriving":
            raise mark.told()
        if mark.place != self.place:
            raise Conflict("other_move", f"{mark.told()}.")
        if schema.unapplied(self.source):
            said = "The move was begun by another version of the hub: --release, and begin anew."
            raise Conflict("other_version", said)
        return mark

    def _moved_before(self) -> Moved:
        if not self._has_tables(self.target) or self._instance(self.target) != self._instance(
            self.source
        ):
            said = "The store was moved there before, and is there no more."
            raise Conflict("other_move", f"{said} --release takes it back into use here.")
        return Moved(self.place)

    def _has_tables(self, database: Database) -> bool:
        with database.read():
            return bool(database.peewee.table_exists("instance"))

    def _need_empty_target(self) -> None:
        with self.target.read():
            known = {*moves.names(), *moves.STAYING}
            found = [one for one in self.target.peewee.get_tables() if one not in known]
        strange = [one for one in found if not one.startswith("sqlite_")]
        if strange:
            said = f"It holds the table {strange[0]}, which is not the hub's."
            raise Conflict("target_in_use", said)
        schema.migrate(self.target)
        filled = copying.first_filled(self.target, moves.names())
        if filled:
            raise Conflict("target_in_use", f"The target is not empty: {filled} holds rows.")

    def _is_ours(self, there: Move, mark: Move | None) -> bool:
        """Whether the target was being filled from this very store, and from nowhere else."""
        same_store = there.progress.get("instance") == self._instance(self.source)
        again = mark is None or mark.role == "leaving" or mark.id == there.id
        return there.role == "arriving" and same_store and again

    def _close(self) -> Move:
        # Of SQLite the lock of the engine says enough, but not of a refresh that the web makes.
        held = moves.leased(self.source, self.now)
        if held and (not self.source.is_sqlite or "credential" in held):
            said = f"Stop the hub first: {held[0]} says that it is at work, or was until just now."
            raise Conflict("store_busy", said)
        mark = Move(uuid.uuid4().hex, "leaving", self.place)
        moves.close(self.source, mark, self.now)
        self.say("the source is closed")
        return mark

    def _begin(self, mark: Move) -> Move:
        """Mark the target, and clear what an earlier move from here left in it."""
        progress = {"instance": self._instance(self.source), "tables": {}}
        there = Move(mark.id, "arriving", self.origin, progress)
        with self.target.write():
            moves.mark(self.target, there, self.now)
            copying.clear(self.target, moves.names())
        self.say("the target is marked")
        return there

    def _copy(self, there: Move) -> tuple[Fault, ...]:
        """Copy what is not there yet, or tell what of it the target cannot hold."""
        done, faults = there.progress["tables"], list[Fault]()
        for table in self.tables:
            if done.get(table.name) is not True:
                self._copy_table(table, there, faults)
        return tuple(faults[:MOST_FAULTS])

    def _copy_table(self, table: Copied, there: Move, faults: list[Fault]) -> None:
        done = there.progress["tables"]
        for rows in table.portions(self.source, done.get(table.name) or ()):
            if not self.target.is_sqlite:
                faults += [one for row in rows for one in table.faults(row)]
            if len(faults) >= MOST_FAULTS:
                return
            if not faults:
                done[table.name] = table.key(rows[-1])
                self._write(table, rows, there, faults)
        if not faults:
            done[table.name] = True
            with self.target.write(durable=False):
                moves.progress(self.target, there)
            self.say(f"{table.name} is copied")

    def _write(
        self, table: Copied, rows: list[copying.Row], there: Move, faults: list[Fault]
    ) -> None:
        """A portion and how far it goes, in one commit."""
        try:
            with self.target.write(durable=False):
                table.write(self.target, rows)
                moves.progress(self.target, there)
        except NotTaken as error:
            faults.append(error.fault)
            return
        self.say(f"{table.name}: {len(rows)} rows")

    def _compared(self) -> Moved:
        tables = [
            Compared(one.name, astuple(one.sums(self.source)), astuple(one.sums(self.target)))
            for one in self.tables
        ]
        self.say("both sides are compared")
        return Moved(
            self.place,
            tables=tuple(tables),
            money=self._counted(copying.money),
            states=self._counted(copying.states),
        )

    def _counted(self, count: Callable[[Database], Counts]) -> tuple[Compared, ...]:
        here, there = count(self.source), count(self.target)
        return tuple(
            Compared(" ".join(one), here.get(one, ()), there.get(one, ()))
            for one in sorted({*here, *there})
        )

    def _switch(self) -> None:
        """The source first: killed in between, both stay closed, and the next call goes on."""
        moves.set_left(self.source)
        self.say("the source is left")
        copying.settle_in(self.target)
        moves.open_again(self.target)
        self.say("the target is open")

    def _instance(self, database: Database) -> str:
        with database.read():
            row = database.sql("SELECT id FROM instance").fetchone()
        return "" if row is None else str(row[0])


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise Conflict("no_store", f"There is no store at {path}.")
    database = Database(url)
    try:
        yield database
    finally:
        database.close()
