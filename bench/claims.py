"""What claiming 100 deliveries costs while a million are due, against a thousand.

    python3 run.py bench claims [--due 1000000] [--rounds 200] [--store sqlite] [--store postgres]

Two databases of one store, one with a thousand due deliveries and one with a million, all of one
connection. In each round both claim 100, in turn; the clock is stopped while what was claimed is
given back, so that the backlog stays. What counts is the median of the rounds.
"""

import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from _main import arguments, carried_out
from _stores import NAMES, STORES, chosen, databases, execute
from _verdict import Verdict, plain, tell

from kable_hub.store import schema
from kable_hub.store import tables as t
from kable_hub.store.database import Database
from kable_hub.store.queue import Queue

TARGET = 1.5
CLAIM = 100
FEW = 1000
NOW = 2_000_000_000_000
CONNECTION = "con_bench"


@dataclass
class Backlog:
    """A store with so many due deliveries of one leased connection."""

    database: Database
    queue: Queue
    token: int
    after: tuple[int, str] = (0, "")

    def claim(self) -> float:
        """Claim once, give it back; seconds of the claim.

        A slice goes on behind what it claimed last, as a drain does.
        """
        began = time.perf_counter()
        found = self.queue.claim(CONNECTION, self.token, NOW, CLAIM, after=self.after)
        seconds = time.perf_counter() - began
        assert len(found) == CLAIM
        self.queue.give_back(found, self.token)
        return seconds


def opened(url: str, due: int) -> Backlog:
    """Fill an empty database."""
    database = Database(url)
    schema.migrate(database)
    with database.write(durable=False):
        database.sql(_insert(t.Connection), *_filled(t.Connection, _connection()))
        _fill(database, due)
    if not database.is_sqlite:
        # Planner statistics and the visibility map, as autovacuum brings them within minutes.
        execute(url, "vacuum analyze delivery")
    token = Queue(database).acquire(CONNECTION, NOW, 10**9)
    assert token is not None
    return Backlog(database, Queue(database), token)


def _connection() -> dict[str, Any]:
    texts = {"id": CONNECTION, "account_id": "acc_bench", "environment": "test"}
    more = {"provider": "stripe", "kind": "payments", "state": "active", "external_id": "x"}
    return {
        **texts,
        **more,
        "title": "Bench",
        "created_at": NOW,
        "connected_at": NOW,
        "next_due_at": NOW,
    }


def _fill(database: Database, count: int) -> None:
    """So many deliveries, each a millisecond older than the next, by one statement."""
    common = {"account_id": "acc_bench", "environment": "test", "connection_id": CONNECTION}
    common |= {"kind": "push", "customer_id": "cus_bench", "state": "due"}
    one = {**common, "id": "", "subject_id": "", "due_at": 0, "created_at": 0, "updated_at": 0}
    own = {
        "id": "'dlv_' || CAST(10000000 + i AS TEXT)",
        "subject_id": "'inv_' || CAST(10000000 + i AS TEXT)",
        **dict.fromkeys(("due_at", "created_at", "updated_at"), f"{NOW - count} + i"),
    }
    fields = t.Delivery._meta.sorted_fields
    values = dict(zip((field.name for field in fields), _filled(t.Delivery, one), strict=True))
    told = [own.get(name) or _literal(value) for name, value in values.items()]
    names = ", ".join(f'"{field.column_name}"' for field in fields)
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    database.sql(f"{numbers} INSERT INTO delivery ({names}) SELECT {', '.join(told)} FROM n")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int) else f"'{value}'"


def _insert(table: type[t.Table]) -> str:
    fields = table._meta.sorted_fields
    names = ", ".join(f'"{one.column_name}"' for one in fields)
    marks = ", ".join("?" * len(fields))
    return f'INSERT INTO "{table._meta.table_name}" ({names}) VALUES ({marks})'


def _filled(table: type[t.Table], given: dict[str, Any]) -> list[Any]:
    """A row's values in the table's order, defaults where nothing is given."""
    values = []
    for one in table._meta.sorted_fields:
        default = one.default() if callable(one.default) else one.default
        values.append(one.db_value(given.get(one.name, default)))
    return values


def measure(kind: str, due: int, rounds: int) -> Verdict:
    """Claims in both, in turn."""
    with ExitStack() as ending:
        few, many = ending.enter_context(databases(kind, 2))
        began = time.perf_counter()
        backlogs = [opened(few, FEW), opened(many, due)]
        filling = time.perf_counter() - began
        for one in backlogs:
            one.claim()
        each = [[one.claim() for one in backlogs] for _ in range(rounds)]
        for one in backlogs:
            one.database.close()
    small, large = (statistics.median(times) * 1000 for times in zip(*each, strict=True))
    name = f"claiming {CLAIM} of {due:,} due against {FEW:,}, {NAMES[kind]}"
    said = Verdict(name, large / small, TARGET, "times", most=True)
    notes = [
        f"medians of {rounds} claims: {plain(small)} ms of {FEW:,}, {plain(large)} ms of {due:,}",
        f"filled in {filling:.0f} s",
    ]
    tell(f"Claims on {NAMES[kind]}, in turn:", [said], notes)
    return said


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--due", type=int, default=1_000_000, help="[1000000]")
    parser.add_argument("--rounds", type=int, default=200, help="[200]")
    parser.add_argument("--store", action="append", choices=STORES, help="[both]")
    given = parser.parse_args()
    if not (FEW <= given.due <= 5_000_000 and 1 <= given.rounds <= 1000):
        parser.error("1000 to 5000000 due, 1 to 1000 rounds")
    return carried_out(
        lambda: [measure(kind, given.due, given.rounds) for kind in chosen(given.store)]
    )


if __name__ == "__main__":
    sys.exit(main())
