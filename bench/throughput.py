"""How fast invoices go in and out, beside a plain loop over the `stripe` SDK.

    python3 run.py bench throughput [--invoices 500] [--rounds 3] [--limits]

Four processes on loopback: this one, a Stripe simulator without latency and rate limits, a hub
(gunicorn and the embedded engine, as `kable-hub serve` has them, on SQLite in a temporary folder)
and the SDK loop. Rounds of hub and SDK alternate; what is printed are medians over the rounds.
CPU time is that of the one process named. The hub's own limits, which would hold it at
Stripe's published rates, are taken away unless `--limits` keeps them.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from _beside import verify
from _main import arguments, carried_out
from _stage import CALLS, LINES, Hub, answer, asked, process, set_up, usage

PARTS = "_stripe_parts.py"

# --- rounds ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """What one round showed: rates a second, CPU in milliseconds an invoice.

    `simulator_share`: how much of one core the simulator used while the hub pushed, in percent.
    """

    posted_singly: float
    posted_in_bulk: float
    posting_cpu: float
    pushed: float
    pushing_cpu: float
    simulator_share: float
    sdk: float
    sdk_cpu: float


def seconds(work: Callable[[], None]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(hub: Hub, stripe_url: str, sdk: "subprocess.Popen[str]", count: int) -> Round:
    """One round: so many invoices through the hub, then as many by the SDK."""
    singly = count // 2
    bulk = count - singly
    hub.hold()
    start = usage(hub.url)["cpu"]
    alone = seconds(lambda: hub.post_singly(singly))
    together = seconds(lambda: hub.post_in_bulk(bulk))
    middle, before = usage(hub.url)["cpu"], usage(stripe_url)["cpu"]
    pushing = seconds(hub.push)
    end, after = usage(hub.url)["cpu"], usage(stripe_url)["cpu"]
    plain = asked(sdk, count)
    return Round(
        posted_singly=singly / alone,
        posted_in_bulk=bulk / together,
        posting_cpu=(middle - start) / count * 1000,
        pushed=count / pushing,
        pushing_cpu=(end - middle) / count * 1000,
        simulator_share=(after - before) / pushing * 100,
        sdk=count / plain["seconds"],
        sdk_cpu=plain["cpu"] / count * 1000,
    )


def tell(rounds: list[Round], count: int, limits: bool) -> None:
    """Print the medians."""
    middle = {
        name: statistics.median(getattr(one, name) for one in rounds)
        for name in Round.__dataclass_fields__
    }
    kept = "kept" if limits else "taken away"
    print(f"{count} invoices of {len(LINES)} lines in each of {len(rounds)} rounds; medians.")
    print(f"The hub's own limits are {kept}. Push: {CALLS} calls at the simulator.\n")
    print(f"{'':<34}{'hub':>10}{'SDK loop':>10}{'hub/SDK':>10}")
    row("posted one by one, invoices/s", middle["posted_singly"])
    row("posted in bulk, invoices/s", middle["posted_in_bulk"])
    row("CPU per invoice posted, ms", middle["posting_cpu"])
    row("pushed, invoices/s", middle["pushed"], middle["sdk"])
    row("calls/s", middle["pushed"] * CALLS, middle["sdk"] * CALLS)
    row("CPU per invoice pushed, ms", middle["pushing_cpu"], middle["sdk_cpu"])
    share = middle["simulator_share"]
    print(f"\nWhile the hub pushed, the simulator used {share:.0f} % of the one core it can use.")


def row(name: str, hub: float, sdk: float | None = None) -> None:
    """Print one line of the table."""
    beside = "" if sdk is None else f"{sdk:>10.1f}{hub / sdk:>10.2f}"
    print(f"{name:<34}{hub:>10.1f}{beside}")


def run(invoices: int, rounds: int, limits: bool) -> None:
    """Measure and print. Raises Failed."""
    count = max(2, invoices // rounds)
    with ExitStack() as ending:
        stripe = answer(ending.enter_context(process(PARTS, "simulator")))
        folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
        kept = "limits" if limits else ""
        arguments = [folder, json.dumps(stripe["configuration"]), "test", kept]
        made = answer(ending.enter_context(process("_hub.py", *arguments)))
        hub = set_up(made["url"], made, stripe)
        loop = [stripe["url"], stripe["key"], stripe["customer"]]
        sdk = ending.enter_context(process(PARTS, "sdk", *loop))
        measured = [measure(hub, stripe["url"], sdk, count) for _ in range(rounds)]
        tell(measured, count, limits)
        verify(stripe["url"], count * rounds)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--invoices", type=int, default=500, help="through the hub in all [500]")
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--limits", action="store_true", help="keep the hub's declared limits")
    given = parser.parse_args()
    if not (1 <= given.rounds <= 20 and 2 <= given.invoices <= 20_000):
        parser.error("1 to 20 rounds, 2 to 20000 invoices")
    return carried_out(lambda: run(given.invoices, given.rounds, given.limits))


if __name__ == "__main__":
    sys.exit(main())
