"""A backlog at QuickBooks' published limits, and what a push costs beside python-quickbooks.

    python3 run.py bench quickbooks_limit [--invoices 5000] [--rounds 5] [--round 120]

First the CPU: a simulator without latency and limits, rounds of the hub (its own limits taken
away) and of a plain loop over python-quickbooks in turn; medians over the rounds. Then the rate:
a simulator with 100 ms latency that permits 10 requests a second, 500 a minute and 40 batches a
minute, counted by a limiter of its own in sliding windows; the backlog goes out in real time.
Every process is one of its own on loopback, the hub as `kable-hub serve` runs it on SQLite.

The loop needs `.venv/bin/python -m pip install -c constraints.txt -e .[bench]`; `--rounds 0`
leaves it out.
"""

import json
import sys
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from _beside import compare, pushed, tell_load, verify
from _main import arguments, carried_out
from _stage import answer, process, session, set_up_books, usage

PARTS = "_books_parts.py"
LATENCY = 0.1
PERMITTED = 40 * 30
"""Invoices a minute: 40 batches of 30."""

EDGE = 2.0
"""Seconds left out at the beginning; the steady part is whole minutes from there."""

MINUTE = 60.0
ABSENT = """python-quickbooks is not installed: run
    .venv/bin/python -m pip install -c constraints.txt -e '.[bench]'
or leave the loop out with --rounds 0"""


class World:
    """A simulator and a hub that is connected to it, until `ending` closes."""

    def __init__(self, ending: ExitStack, *, limits: bool) -> None:
        kept = "limits" if limits else ""
        latency = str(LATENCY) if limits else "0"
        books = ending.enter_context(process(PARTS, "simulator", latency, kept))
        self.books: dict[str, Any] = answer(books)
        folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
        given = [folder, json.dumps(self.books["configuration"]), "test", kept, "quickbooks"]
        made = answer(ending.enter_context(process("_hub.py", *given)))
        self.hub = set_up_books(made["url"], made, self.books)
        self.reads = self.used()["reads"]

    def used(self) -> dict[str, Any]:
        """What the simulator counted so far."""
        found: dict[str, Any] = usage(self.books["url"])
        return found


def measure_cpu(rounds: int, count: int) -> None:
    """CPU of a push in the hub and of a create in the loop, in turn."""
    with ExitStack() as ending:
        world = World(ending, limits=False)
        given = [world.books["url"], world.books["token"], world.books["realm"]]
        loop = ending.enter_context(process(PARTS, "loop", *given))
        compare(world.hub, loop, "python-quickbooks loop", rounds, count)
        verify(world.books["url"], rounds * count)


def measure_rate(count: int) -> None:
    """How near to what is permitted a backlog goes out."""
    with ExitStack() as ending:
        world = World(ending, limits=True)
        seconds, used = pushed(world.hub, count, 120 + 2 * count / PERMITTED * MINUTE)
        moments = sorted(session().get(f"{world.books['url']}/bench/created").json())
        found = world.used()
        print(f"{count} invoices at QuickBooks' limits, {LATENCY * 1000:.0f} ms latency:")
        print(f"  permitted        {PERMITTED:7d} invoices/min")
        begins = moments[0] + EDGE
        minutes = int((moments[-1] - begins) // MINUTE)
        if minutes > 0:
            ends = begins + minutes * MINUTE
            rate = sum(begins <= one < ends for one in moments) / minutes
            print(f"  steady part      {rate:7.1f} invoices/min over {minutes * 60} s")
            print(f"  of the limit     {rate / PERMITTED * 100:7.1f} %")
        print(f"  answers 429      {found['refused']:7d}")
        print(f"  reads            {(found['reads'] - world.reads) / count * 100:7.2f} per 100")
        print(f"  in all           {seconds:7.1f} s, {used / count * 1000:.2f} ms CPU an invoice")
        tell_load()
        verify(world.books["url"], count)


def measure(rounds: int, count: int, backlog: int) -> None:
    """What there are rounds or invoices for. Raises Failed."""
    if rounds:
        measure_cpu(rounds, count)
    if backlog:
        measure_rate(backlog)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--invoices", type=int, default=5000, help="of the backlog [5000]")
    parser.add_argument("--rounds", type=int, default=5, help="for the CPU; 0 leaves it out [5]")
    parser.add_argument("--round", type=int, default=120, help="invoices of a round [120]")
    given = parser.parse_args()
    sound = 0 <= given.rounds <= 20 and 1 <= given.round <= 1000 and 0 <= given.invoices <= 20_000
    if not sound:
        parser.error("0 to 20 rounds of 1 to 1000, 0 to 20000 invoices")
    if given.rounds and find_spec("quickbooks") is None:
        parser.error(ABSENT)
    return carried_out(lambda: measure(given.rounds, given.round, given.invoices))


if __name__ == "__main__":
    sys.exit(main())
