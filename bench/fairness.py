"""Whether one tenant's backlog holds up the others.

    python3 run.py bench fairness [--tenants 200] [--invoices 10] [--behind 100000]

First the small tenants post their invoices and nobody else has any: how long until all are final.
Then one more tenant is so many invoices behind and goes out as well, and the small ones post as
many again. The simulator takes 400 ms for each of the four calls and knows no limits, so that the
hub's push threads are what everybody shares. Embedded on SQLite.
"""

import sqlite3
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from _crowd import Crowd
from _main import arguments, carried_out
from _verdict import Verdict, tell

LATENCY = 0.4
TARGET = 1.5
PATIENCE = 600.0
MADE = 1000
"""Invoices of the backlog that come through the API; the others are copies of their rows."""


def behind(world: Crowd, count: int) -> None:
    """Give the first tenant so many invoices that are due; its connection is held meanwhile."""
    giant = world.tenants[0]
    giant.hold()
    ids = giant.post_in_bulk(min(MADE, count))
    with closing(sqlite3.connect(Path(world.folder) / "hub.db", timeout=60)) as store:
        store.execute("CREATE TEMP TABLE made(id TEXT PRIMARY KEY)")
        store.executemany("INSERT INTO made VALUES (?)", [(one,) for one in ids])
        for copy in range(1, count // MADE):
            changed = {"id": f"id || '-{copy}'", "number": f"number || '-{copy}'"}
            _copy(store, "invoice", "id", changed)
            _copy(store, "invoice_line", "invoice_id", {"invoice_id": f"invoice_id || '-{copy}'"})
            changed = {"id": f"id || '-{copy}'", "subject_id": f"subject_id || '-{copy}'"}
            _copy(store, "delivery", "subject_id", changed)
        store.commit()


def _copy(store: sqlite3.Connection, table: str, whose: str, changed: dict[str, str]) -> None:
    names = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(name, name) for name in names)
    made = f"SELECT {values} FROM {table} WHERE {whose} IN (SELECT id FROM made)"
    store.execute(f"INSERT INTO {table} ({', '.join(names)}) {made}")


def small_ones(world: Crowd, invoices: int, done: int) -> float:
    """All small tenants post so many; seconds until all are final."""
    tenants = world.tenants[1:]
    began = time.perf_counter()
    world.each(tenants, lambda one: one.post_in_bulk(invoices))
    world.until_final(1, done + invoices * len(tenants), PATIENCE)
    return time.perf_counter() - began


def measure(tenants: int, invoices: int, count: int) -> Verdict:
    """Alone, then beside the backlog. Raises Failed."""
    with ExitStack() as ending:
        world = Crowd(ending, tenants + 1, LATENCY)
        alone = small_ones(world, invoices, 0)
        behind(world, count)
        world.tenants[0].resume()
        time.sleep(2 * LATENCY)
        beside = small_ones(world, invoices, tenants * invoices)
        calls = world.calls()["calls"]
    sent = sum(final for _, whose, final in calls if whose == 0)
    said = Verdict("beside the backlog / alone", beside / alone, TARGET, "times", most=True)
    notes = [
        f"alone {alone:.1f} s, beside it {beside:.1f} s; meanwhile {sent} of the backlog went out"
    ]
    title = f"{tenants} tenants with {invoices} invoices each, one {count:,} behind:"
    tell(title, [said], notes)
    return said


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--tenants", type=int, default=200, help="[200]")
    parser.add_argument("--invoices", type=int, default=10, help="of each [10]")
    parser.add_argument("--behind", type=int, default=100_000, help="[100000]")
    given = parser.parse_args()
    if not (1 <= given.tenants <= 500 and 1 <= given.invoices <= 100 and given.behind >= MADE):
        parser.error("1 to 500 tenants, 1 to 100 invoices each, 1000 behind or more")
    return carried_out(lambda: measure(given.tenants, given.invoices, given.behind))


if __name__ == "__main__":
    sys.exit(main())
