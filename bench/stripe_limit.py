"""A backlog at Stripe's published limits, and what a push costs beside the typed SDK.

    python3 run.py bench stripe_limit [--invoices 2000] [--rounds 5] [--round 60]

First the CPU: a simulator without latency and limits, rounds of the hub (its own limits taken
away) and of a plain loop over the typed SDK in turn; medians over the rounds. Then the rate: a
simulator with 100 ms latency that permits a live account 100 requests a second, 25 for each
endpoint, counted by a limiter of its own in sliding windows; the backlog goes out in real time.
Every process is one of its own on loopback, the hub as `kable-hub serve` runs it on SQLite.
"""

import json
import sys
import tempfile
from contextlib import ExitStack

from _beside import compare, pushed, tell_load, verify
from _main import arguments, carried_out
from _stage import CALLS, answer, process, session, set_up, usage

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
        self.hub = set_up(made["url"], made, self.stripe)


def measure_cpu(rounds: int, count: int) -> None:
    """CPU of a push in the hub and in the SDK loop, in turn."""
    with ExitStack() as ending:
        world = World(ending, "test", limits=False)
        loop = [world.stripe["url"], world.stripe["key"], world.stripe["customer"]]
        sdk = ending.enter_context(process(PARTS, "sdk", *loop))
        compare(world.hub, sdk, "typed SDK loop", rounds, count)
        verify(world.stripe["url"], rounds * count)


def measure_rate(count: int) -> None:
    """How near to what is permitted a backlog goes out."""
    with ExitStack() as ending:
        world = World(ending, "live", limits=True)
        seconds, used = pushed(world.hub, count, 60 + 2 * count / PERMITTED)
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
        tell_load()
        verify(world.stripe["url"], count)


def measure(rounds: int, count: int, backlog: int) -> None:
    """Both, the CPU where there are rounds. Raises Failed."""
    if rounds:
        measure_cpu(rounds, count)
    measure_rate(backlog)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--invoices", type=int, default=2000, help="of the backlog [2000]")
    parser.add_argument("--rounds", type=int, default=5, help="for the CPU; 0 leaves it out [5]")
    parser.add_argument("--round", type=int, default=60, help="invoices of a round [60]")
    given = parser.parse_args()
    sound = 0 <= given.rounds <= 20 and 1 <= given.round <= 1000 and 1 <= given.invoices <= 20_000
    if not sound:
        parser.error("0 to 20 rounds of 1 to 1000, 1 to 20000 invoices")
    return carried_out(lambda: measure(given.rounds, given.round, given.invoices))


if __name__ == "__main__":
    sys.exit(main())
