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

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from _stage import Failed, Hub, answer, asked, process, ready, session, usage

from kable_hub.testing.browsing import Browser

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
        self.hub = connected(made["url"], made["key"], self.books["customer"])
        self.reads = self.used()["reads"]

    def used(self) -> dict[str, Any]:
        """What the simulator counted so far."""
        found: dict[str, Any] = usage(self.books["url"])
        return found

    def push(self, count: int, patience: float) -> tuple[float, float]:
        """Post so many invoices, then let them go out: (seconds, CPU seconds of the hub)."""
        self.hub.hold()
        self.hub.post_in_bulk(count)
        used, began = usage(self.hub.url)["cpu"], time.perf_counter()
        self.hub.push(patience)
        return time.perf_counter() - began, usage(self.hub.url)["cpu"] - used

    def verify(self, expected: int) -> None:
        """Every invoice stands at the simulator once. Raises Failed."""
        found = self.used()
        said = f"{found['marked']} documents of {found['distinct']} invoices"
        if (found["marked"], found["distinct"]) != (expected, expected):
            raise Failed(f"expected {expected} documents, found {said}")
        print(f"At the simulator: {said}; each invoice stands there once.\n")


def connected(url: str, key: str, customer: str) -> Hub:
    """Connect the simulated company through its consent page, and link one customer."""
    ready(url)
    hub = Hub(url, key, "quickbooks")
    started = hub.call("POST", "/connections", {"provider": "quickbooks"})
    if not Browser().approve(started["connectUrl"]).ok:
        raise Failed("connecting failed")
    body = {"clientId": "bench", "companyName": "Bench", "currency": "USD"}
    hub.call("POST", "/customers", {**body, "quickbooksCustomerId": customer})
    return hub


def measure_cpu(rounds: int, count: int) -> None:
    """CPU of a push in the hub and of a create in the loop, in turn."""
    with ExitStack() as ending:
        world = World(ending, limits=False)
        given = [world.books["url"], world.books["token"], world.books["realm"]]
        loop: subprocess.Popen[str] = ending.enter_context(process(PARTS, "loop", *given))
        asked(loop, min(10, count))
        shares, hubs, loops = [], [], []
        for _ in range(rounds):
            _, used = world.push(count, 120)
            plain: dict[str, Any] = asked(loop, count)
            hubs.append(used / count * 1000)
            loops.append(plain["cpu"] / count * 1000)
            shares.append(used / plain["cpu"])
        print(f"CPU of a pushed invoice, {rounds} rounds of {count} invoices, in turn:")
        print(f"  hub                     {statistics.median(hubs):7.2f} ms (median)")
        print(f"  python-quickbooks loop  {statistics.median(loops):7.2f} ms (median)")
        low, high = min(shares), max(shares)
        print(
            f"  hub/loop                {statistics.median(shares):7.2f} ({low:.2f} to {high:.2f})"
        )
        tell_load()
        world.verify(rounds * count)


def measure_rate(count: int) -> None:
    """How near to what is permitted a backlog goes out."""
    with ExitStack() as ending:
        world = World(ending, limits=True)
        seconds, used = world.push(count, 120 + 2 * count / PERMITTED * MINUTE)
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
        world.verify(count)


def tell_load() -> None:
    """Print how busy the machine was."""
    print(f"  load             {os.getloadavg()[0]:7.1f} on {os.cpu_count()} cores")


def main() -> int:
    """Read the arguments; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=5000, help="of the backlog [5000]")
    parser.add_argument("--rounds", type=int, default=5, help="for the CPU; 0 leaves it out [5]")
    parser.add_argument("--round", type=int, default=120, help="invoices of a round [120]")
    given = parser.parse_args()
    sound = 0 <= given.rounds <= 20 and 1 <= given.round <= 1000 and 0 <= given.invoices <= 20_000
    if not sound:
        parser.error("0 to 20 rounds of 1 to 1000, 0 to 20000 invoices")
    if given.rounds and find_spec("quickbooks") is None:
        parser.error(ABSENT)
    # So that the other processes are ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if given.rounds:
            measure_cpu(given.rounds, given.round)
        if given.invoices:
            measure_rate(given.invoices)
    except Failed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
