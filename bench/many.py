"""Many connections at once, each at its own limit.

    python3 run.py bench many [--connections 20] [--invoices 60]

Each connection is permitted 10 calls a second, by the plugin's declaration and by a limiter of the
simulator; an invoice takes four calls. All backlogs go out at once, embedded on SQLite. The steady
part lasts from when every connection had begun until the first was through, less a second at each
end; its rate is set against what was permitted, together and for the slowest connection.
"""

import os
import sys
import time
from contextlib import ExitStack

from _crowd import Crowd
from _main import Failed, arguments, carried_out
from _said import cpu_of
from _stage import CALLS
from _verdict import Verdict, tell

PERMITTED = 10
LATENCY = 0.1
EDGE = 1.0
SLOTS = 32
"""The default; more connections than that get a slot each as well."""

TARGET = 97.0


def steady(calls: list[tuple[float, int, bool]], count: int) -> tuple[list[float], float]:
    """Calls a second of each connection over the steady part, and how long that was."""
    times: list[list[float]] = [[] for _ in range(count)]
    for at, whose, _ in calls:
        times[whose].append(at)
    begins = max(one[0] for one in map(sorted, times)) + EDGE
    ends = min(one[-1] for one in map(sorted, times)) - EDGE
    if ends <= begins:
        raise Failed("there was no steady part; give each connection more invoices")
    rates = [sum(begins <= at < ends for at in one) / (ends - begins) for one in times]
    return rates, ends - begins


def measure(connections: int, invoices: int) -> list[Verdict]:
    """All backlogs at once. Raises Failed."""
    with ExitStack() as ending:
        slots = {"KABLE_DRAIN_SLOTS": str(max(SLOTS, connections))}
        world = Crowd(ending, connections, LATENCY, str(PERMITTED), **slots)
        world.each(world.tenants, lambda one: (one.hold(), one.post_in_bulk(invoices)))
        used, began = cpu_of(world.process.pid), time.perf_counter()
        world.each(world.tenants, lambda one: one.resume())
        patience = 60 + 3 * invoices * CALLS / PERMITTED
        world.until_final(0, connections * invoices, patience)
        seconds, cpu = time.perf_counter() - began, cpu_of(world.process.pid) - used
        found = world.calls()
        calls = found["calls"]
    rates, lasted = steady([(at, whose, final) for at, whose, final in calls], connections)
    together = sum(rates) / (PERMITTED * connections) * 100
    verdicts = [
        Verdict(f"of what {connections} connections are permitted", together, TARGET, "%"),
        Verdict("answers 429", found["refused"], 0, "answers", most=True),
    ]
    cores = os.cpu_count() or 1
    notes = [
        f"slowest connection {min(rates) / PERMITTED * 100:.1f} %, over {lasted:.0f} s",
        f"the hub used {cpu / seconds * 100:.0f} % of a core ({cpu / len(calls) * 1000:.2f} ms a "
        f"call); spare {cores - (cpu + found['cpu']) / seconds:.2f} of {cores} cores",
    ]
    tell(f"{connections} connections at {PERMITTED} calls/s each:", verdicts, notes)
    return verdicts


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--connections", type=int, default=20, help="[20]")
    parser.add_argument("--invoices", type=int, default=60, help="of each [60]")
    given = parser.parse_args()
    if not (1 <= given.connections <= 100 and 10 <= given.invoices <= 1000):
        parser.error("1 to 100 connections, 10 to 1000 invoices each")
    return carried_out(lambda: measure(given.connections, given.invoices))


if __name__ == "__main__":
    sys.exit(main())
