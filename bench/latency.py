"""How soon a new invoice reaches a provider that had nothing to do.

    python3 run.py bench latency [--invoices 30] [--engine embedded] [--engine cluster]

Each invoice is posted by itself, once the one before it is through and the hub was idle for a
moment. The clock runs from the API's answer to the first request that the provider gets, by the
simulator's log on the same machine; what comes before the answer counts as 0. Embedded on SQLite,
the cluster engine with one worker on PostgreSQL with fsync on. The median is what counts.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from _main import Failed, arguments, carried_out
from _stage import Hub, answer, process, session, set_up
from _stores import absent, database
from _verdict import Verdict, tell
from peers import started

TARGETS = {"embedded": 100.0, "cluster": 200.0}
IDLE = 0.7
"""Seconds between two invoices."""


def measure(engine: str, count: int) -> Verdict:
    """So many invoices, one by one; the median is told."""
    with ExitStack() as ending:
        stripe = answer(ending.enter_context(process("_stripe_parts.py", "simulator", "test", "0")))
        given: dict[str, str] = dict(stripe["configuration"])
        if engine == "cluster":
            base = ending.enter_context(database("postgres"))
            given |= {"DATABASE_URL": base, "KABLE_ENGINE": "cluster"}
        made, _ = started(ending, "stripe", given, worker=engine == "cluster")
        hub = set_up(made["url"], made, stripe)
        arrived(hub, stripe["url"])
        waits = sorted(arrived(hub, stripe["url"]) for _ in range(count))
    said = Verdict(
        f"median wait, {engine} engine",
        statistics.median(waits),
        TARGETS[engine],
        "ms",
        most=True,
    )
    worst = waits[int(len(waits) * 0.9)]
    tell(f"{count} invoices to an idle provider:", [said], [f"90th percentile {worst:.0f} ms"])
    return said


def arrived(hub: Hub, simulator: str) -> float:
    """Post one invoice; milliseconds from the answer until the provider is asked for it."""
    time.sleep(IDLE)
    (body,) = hub.invoices(1)
    before = json.dumps(latest(simulator))
    hub.call("POST", "/invoices", body)
    answered = time.time()
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        time.sleep(0.05)
        found = latest(simulator)
        if json.dumps(found) != before:
            return max(0.0, (found["first"] - answered) * 1000)
    raise Failed("the invoice did not arrive within 30 s")


def latest(simulator: str) -> Any:
    """When the newest invoice's first request came, and how many are final."""
    return session().get(f"{simulator}/bench/latest").json()


def measure_all(engines: Iterable[str], count: int) -> None:
    """These engines, as far as there is what they need. Raises Failed."""
    for engine in engines:
        why = absent("postgres") if engine == "cluster" else ""
        if why:
            print(f"The cluster engine is left out: {why}")
        else:
            measure(engine, count)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--invoices", type=int, default=30, help="[30]")
    parser.add_argument("--engine", action="append", choices=[*TARGETS], help="[both]")
    given = parser.parse_args()
    if not 3 <= given.invoices <= 300:
        parser.error("3 to 300 invoices")
    return carried_out(lambda: measure_all(given.engine or TARGETS, given.invoices))


if __name__ == "__main__":
    sys.exit(main())
