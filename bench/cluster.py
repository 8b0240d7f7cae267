"""What more workers do, and what a killed one costs.

    python3 run.py bench cluster [--connections 40] [--invoices 4] [--workers 4]

The cluster engine on PostgreSQL with fsync on. The simulator takes 400 ms for each of the four
calls and every worker has four push threads, so that latency is the limit and not the two cores:
one worker, then all of them, each with as many invoices over all connections; what counts is the
rate of calls over the middle three fifths of them. Then, amid a third
lot, one worker is killed, and it is told how long the connection that waited longest went without
a call.
"""

import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress

from _crowd import Crowd
from _main import Failed, arguments, carried_out
from _stage import answer, process
from _stores import absent, database
from _verdict import Verdict, tell

LATENCY = 0.4
THREADS = "4"
TARGET = 3.6
LONGEST = 30.0
WATCHED = 45.0
"""Seconds that are watched after the kill."""

PATIENCE = 300.0


class Workers:
    """The workers of a crowd's hub."""

    def __init__(self, ending: ExitStack, world: Crowd) -> None:
        self.ending, self.world = ending, world
        self.all: list = []  # type: ignore[type-arg]

    def start(self, count: int) -> None:
        """Have so many in all."""
        given = ["worker", self.world.folder, self.world.told, "", "stripe"]
        more = [
            self.ending.enter_context(process("_hub.py", *given))
            for _ in range(count - len(self.all))
        ]
        for one in more:
            answer(one)
        self.all += more


def lot(world: Crowd, invoices: int, done: int) -> float:
    """Calls a second that the workers make, for so many invoices of each connection."""
    world.each(world.tenants, lambda one: one.hold())
    world.each(world.tenants, lambda one: one.post_in_bulk(invoices))
    began = time.time()
    world.each(world.tenants, lambda one: one.resume())
    world.until_final(0, done + invoices * len(world.tenants), PATIENCE)
    return middle([at for at, _, _ in world.calls()["calls"] if at > began])


def middle(moments: list[float]) -> float:
    """Events a second over the middle three fifths, without a beginning and an end in which not
    everybody has something to do."""
    one = sorted(moments)
    first, last = len(one) // 5, len(one) * 4 // 5 - 1
    return (last - first) / (one[last] - one[first])


def killed(world: Crowd, workers: Workers, invoices: int, each: int) -> float:
    """Kill a worker amid a lot; how long the connection that waited longest went without a call.

    `each` is how many final invoices a connection has at the end. Single invoices may take longer:
    what was under way is looked for, and a draft is not believed to be abandoned for two minutes.
    """
    world.each(world.tenants, lambda one: one.hold())
    world.each(world.tenants, lambda one: one.post_in_bulk(invoices))
    world.each(world.tenants, lambda one: one.resume())
    time.sleep(2)
    workers.all[0].kill()
    at = time.time()
    with suppress(Failed):
        world.until_final(0, each * len(world.tenants), WATCHED)
    return max(waits(world.calls()["calls"], at, time.time(), each))


def waits(calls: list[tuple[float, int, bool]], at: float, until: float, each: int) -> list[float]:
    """Of each connection, how long after `at` it was served again, if it had something to do."""
    later: dict[int, list[float]] = {}
    finals: Counter[int] = Counter()
    for moment, whose, final in calls:
        later.setdefault(whose, [])
        later[whose] += [moment] if moment > at else []
        finals[whose] += final
    open_ones = {whose for whose in later if finals[whose] < each}
    last = dict.fromkeys(open_ones, until)
    return [min(one or [last.get(whose, at)]) - at for whose, one in later.items()]


def measure(connections: int, invoices: int, count: int) -> list[Verdict]:
    """One worker, many, and one fewer. Raises Failed."""
    with ExitStack() as ending:
        url = ending.enter_context(database("postgres"))
        more = {"DATABASE_URL": url, "KABLE_ENGINE": "cluster", "KABLE_PUSH_THREADS": THREADS}
        world = Crowd(ending, connections, LATENCY, **more)
        workers, lots = Workers(ending, world), connections * invoices
        workers.start(1)
        single = lot(world, invoices, 0)
        workers.start(count)
        # A worker learns by its next beat how many share the work.
        time.sleep(5)
        together = lot(world, invoices, lots)
        longest = killed(world, workers, invoices, 3 * invoices)
    verdicts = [
        Verdict(f"{count} workers / one", together / single, TARGET, "times"),
        Verdict("longest wait of a connection after a kill", longest, LONGEST, "s", most=True),
    ]
    ideal = int(THREADS) / LATENCY
    notes = [
        f"calls/s: one {single:.1f} (threads and latency allow {ideal:.0f}), all {together:.1f}"
    ]
    title = f"{lots} invoices over {connections} connections, {LATENCY * 1000:.0f} ms a call:"
    tell(title, verdicts, notes)
    return verdicts


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--connections", type=int, default=40, help="[40]")
    parser.add_argument("--invoices", type=int, default=4, help="of each, in each lot [4]")
    parser.add_argument("--workers", type=int, default=4, help="[4]")
    given = parser.parse_args()
    sound = 2 <= given.workers <= 16 and 1 <= given.connections <= 200
    if not (sound and 1 <= given.invoices <= 100):
        parser.error("2 to 16 workers, 1 to 200 connections, 1 to 100 invoices")
    if why := absent("postgres"):
        parser.error(f"the cluster engine needs PostgreSQL: {why}")
    return carried_out(lambda: measure(given.connections, given.invoices, given.workers))


if __name__ == "__main__":
    sys.exit(main())
