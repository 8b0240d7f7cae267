"""A backlog at Stripe's published limits, and what a push costs beside the typed SDK.

    python3 run.py bench stripe_limit [--invoices 2000] [--rounds 5] [--round 60]

First the CPU: a simulator without latency and limits, rounds of the hub (its own limits taken
away) and of a plain loop over the typed SDK in turn; medians over the rounds. Then the rate: a
simulator with 100 ms latency that permits a live account 100 requests a second, 25 for each
endpoint, counted by a limiter of its own in sliding windows; the backlog goes out in real time.
Every process is one of its own on loopback, the hub as `kable-hub serve` runs it on SQLite.
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
from typing import Any

from _stage import CALLS, Failed, Hub, answer, asked, process, session, set_up, usage

PARTS = "_stripe_parts.py"
LATENCY = 0.1
PERMITTED = min(100 / CALLS, 25)
"""Invoices a second: each takes four calls, one at each of four endpoints."""

EDGE = 2.0
"""Seconds left out at the beginning and at the end."""


class World:
    """A simulator and a hub that is connected to it, until `ending` closes."""

    def __init__(self, ending: ExitStack, environment: str, *, limits: bool) -> None:
        kept = "limits" if limits else ""
        latency = str(LATENCY) if limits else "0"
        parts = process(PARTS, "simulator", environment, latency, kept)
        self.stripe = answer(ending.enter_context(parts))
        folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
        given = [folder, json.dumps(self.stripe["configuration"]), environment, kept]
        made = answer(ending.enter_context(process("_hub.py", *given)))
        self.hub: Hub = set_up(made["url"], made, self.stripe)

    def push(self, count: int, patience: float) -> tuple[float, float]:
        """Post so many invoices, then let them go out: (seconds, CPU seconds of the hub)."""
        self.hub.hold()
        self.hub.post_in_bulk(count)
        used, began = usage(self.hub.url)["cpu"], time.perf_counter()
        self.hub.push(patience)
        return time.perf_counter() - began, usage(self.hub.url)["cpu"] - used

    def verify(self, expected: int) -> None:
        """Every invoice stands at the simulator once. Raises Failed."""
        found = usage(self.stripe["url"])
        said = f"{found['marked']} documents of {found['distinct']} invoices"
        said += f", {found['drafts']} drafts"
        if (found["marked"], found["distinct"], found["drafts"]) != (expected, expected, 0):
            raise Failed(f"expected {expected} documents, found {said}")
        print(f"At the simulator: {said}; each invoice stands there once.\n")


def measure_cpu(rounds: int, count: int) -> None:
    """CPU of a push in the hub and in the SDK loop, in turn."""
    with ExitStack() as ending:
        world = World(ending, "test", limits=False)
        loop = [world.stripe["url"], world.stripe["key"], world.stripe["customer"]]
        sdk: subprocess.Popen[str] = ending.enter_context(process(PARTS, "sdk", *loop))
        asked(sdk, min(10, count))
        shares, hubs, loops = [], [], []
        for _ in range(rounds):
            _, used = world.push(count, 120)
            plain: dict[str, Any] = asked(sdk, count)
            hubs.append(used / count * 1000)
            loops.append(plain["cpu"] / count * 1000)
            shares.append(used / plain["cpu"])
        print(f"CPU of a push of {CALLS} calls, {rounds} rounds of {count} invoices, in turn:")
        print(f"  hub             {statistics.median(hubs):7.2f} ms (median)")
        print(f"  typed SDK loop  {statistics.median(loops):7.2f} ms (median)")
        low, high = min(shares), max(shares)
        print(f"  hub/SDK         {statistics.median(shares):7.2f} ({low:.2f} to {high:.2f})")
        world.verify(rounds * count)


def measure_rate(count: int) -> None:
    """How near to what is permitted a backlog goes out."""
    with ExitStack() as ending:
        world = World(ending, "live", limits=True)
        seconds, used = world.push(count, 60 + 2 * count / PERMITTED)
        moments = sorted(session().get(f"{world.stripe['url']}/bench/finalized").json())
        begins, ends = moments[0] + EDGE, moments[-1] - EDGE
        refused = usage(world.stripe["url"])["refused"]
        print(f"{count} invoices at Stripe's limits, {LATENCY * 1000:.0f} ms latency:")
        print(f"  permitted       {PERMITTED:7.2f} invoices/s")
        if ends - begins >= EDGE:
            rate = sum(begins <= one < ends for one in moments) / (ends - begins)
            print(f"  steady part     {rate:7.2f} invoices/s over {ends - begins:.1f} s")
            print(f"  of the limit    {rate / PERMITTED * 100:7.1f} %")
        print(f"  answers 429     {refused:7d}")
        print(f"  in all          {seconds:7.1f} s, {used / count * 1000:.2f} ms CPU an invoice")
        print(f"  load            {os.getloadavg()[0]:7.1f} on {os.cpu_count()} cores")
        world.verify(count)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=2000, help="of the backlog [2000]")
    parser.add_argument("--rounds", type=int, default=5, help="for the CPU; 0 leaves it out [5]")
    parser.add_argument("--round", type=int, default=60, help="invoices of a round [60]")
    given = parser.parse_args()
    sound = 0 <= given.rounds <= 20 and 1 <= given.round <= 1000 and 1 <= given.invoices <= 20_000
    if not sound:
        parser.error("0 to 20 rounds of 1 to 1000, 1 to 20000 invoices")
    # So that the other processes are ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if given.rounds:
            measure_cpu(given.rounds, given.round)
        measure_rate(given.invoices)
    except Failed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
