"""How fast invoices go in and out, beside a plain loop over the `stripe` SDK.

    python3 run.py bench throughput [--invoices 500] [--rounds 3] [--limits]

Four processes on loopback: this one, a Stripe simulator without latency and rate limits, a hub
(gunicorn and the embedded engine, as `kable-hub serve` has them, on SQLite in a temporary folder)
and the SDK loop. Rounds of hub and SDK alternate; what is printed are medians over the rounds.
CPU time is that of the one process named. The hub's own limits, which would hold it at
Stripe's published rates, are taken away unless `--limits` keeps them.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

CALLS = 4
"""Calls at Stripe for one invoice: read the customer, create, add lines, finalize."""

PATIENCE = 240
"""Seconds a single step may take before everything is ended."""

BULK = 1000
LINES = (("Hub subscription, November", "249.00"), ("Additional seats", "78.00"))


class Failed(Exception):
    """The measurement did not come out; the text says why."""


# --- the processes ---------------------------------------------------------------------------


@contextmanager
def process(role: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a part of `_parts.py` until the block ends."""
    script = str(Path(__file__).with_name("_parts.py"))
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environ = {name: value for name, value in environ.items() if not name.startswith("KABLE_")}
    child = subprocess.Popen(
        [sys.executable, script, role, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def answer(child: "subprocess.Popen[str]") -> Any:
    """The next line of a process, as JSON. Raises Failed where it ended."""
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        raise Failed("a process ended early; its message stands above")
    return json.loads(line)


def asked(child: "subprocess.Popen[str]", count: int) -> Any:
    """Tell the SDK loop how many invoices to make; its answer."""
    assert child.stdin is not None
    child.stdin.write(f"{count}\n")
    child.stdin.flush()
    return answer(child)


# --- the hub ---------------------------------------------------------------------------------


def session() -> requests.Session:
    """One that no proxy of the environment gets between."""
    made = requests.Session()
    made.trust_env = False
    return made


class Hub:
    """The hub under measurement, over HTTP."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._session = session()
        self._session.headers["Authorization"] = f"Bearer {key}"
        self._posted = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the API. Raises Failed."""
        address = f"{self.url}/api/v1{path}"
        sent = self._session.request(method, address, json=body, timeout=PATIENCE)
        if not sent.ok:
            raise Failed(f"{method} {path} answered {sent.status_code}: {sent.text[:300]}")
        return sent.json()

    def invoices(self, count: int) -> list[dict[str, Any]]:
        """Bodies of so many new invoices."""
        numbers = range(self._posted + 1, self._posted + count + 1)
        self._posted += count
        lines = [{"description": text, "unitPrice": price} for text, price in LINES]
        head = {"customer": "bench", "currency": "USD", "issueDate": "2026-11-22"}
        return [{**head, "number": f"B-{number}", "lines": lines} for number in numbers]

    def post_singly(self, count: int) -> None:
        """Post invoices, one after another."""
        for body in self.invoices(count):
            self.call("POST", "/invoices", body)

    def post_in_bulk(self, count: int) -> None:
        """Post invoices, up to 1000 with each request."""
        bodies = self.invoices(count)
        for start in range(0, count, BULK):
            found = self.call("POST", "/invoices/bulk", {"invoices": bodies[start : start + BULK]})
            if found["refused"]:
                raise Failed(f"{found['refused']} invoices were refused")

    def push(self) -> None:
        """Let everything that was posted so far go out."""
        self.call("POST", "/connections/stripe/resume")
        ends = time.monotonic() + PATIENCE
        while self.call("GET", "/connections/stripe")["counts"].get("delivered", 0) < self._posted:
            if time.monotonic() > ends:
                raise Failed("the invoices did not arrive in time")
            time.sleep(0.05)


def usage(url: str) -> Any:
    """What the hub's or the simulator's process has used up so far; `cpu` in seconds."""
    return session().get(f"{url}/bench/usage", timeout=PATIENCE).json()


def ready(url: str) -> None:
    """Wait until the hub answers. Raises Failed."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            if session().get(f"{url}/readyz", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise Failed("the hub does not start")


def set_up(url: str, made: dict[str, str], stripe: dict[str, Any]) -> Hub:
    """Connect the simulated Stripe and link one customer."""
    ready(url)
    hub = Hub(url, made["key"])
    form = {"key": stripe["key"]}
    hub.call("POST", "/connections", {"provider": "stripe", "method": "key", "form": form})
    customer = {"clientId": "bench", "companyName": "Bench", "currency": "USD"}
    hub.call("POST", "/customers", {**customer, "stripeCustomerId": stripe["customer"]})
    return hub


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
    hub.call("POST", "/connections/stripe/pause", {"reason": "bench"})
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


def verify(stripe_url: str, expected: int) -> None:
    """Every invoice stands at the simulator once. Raises Failed."""
    found = usage(stripe_url)
    said = f"{found['marked']} documents of {found['distinct']} invoices, {found['drafts']} drafts"
    if (found["marked"], found["distinct"], found["drafts"]) != (expected, expected, 0):
        raise Failed(f"expected {expected} documents, found {said}")
    print(f"At the simulator: {said}; each invoice stands there once.")


def run(invoices: int, rounds: int, limits: bool) -> None:
    """Measure and print. Raises Failed."""
    count = max(2, invoices // rounds)
    with ExitStack() as ending:
        stripe = answer(ending.enter_context(process("simulator")))
        folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
        arguments = [folder, json.dumps(stripe["configuration"]), "limits" if limits else ""]
        made = answer(ending.enter_context(process("hub", *arguments)))
        hub = set_up(made["url"], made, stripe)
        loop = [stripe["url"], stripe["key"], stripe["customer"]]
        sdk = ending.enter_context(process("sdk", *loop))
        measured = [measure(hub, stripe["url"], sdk, count) for _ in range(rounds)]
        tell(measured, count, limits)
        verify(stripe["url"], count * rounds)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=500, help="through the hub in all [500]")
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--limits", action="store_true", help="keep the hub's declared limits")
    given = parser.parse_args()
    if not (1 <= given.rounds <= 20 and 2 <= given.invoices <= 20_000):
        parser.error("1 to 20 rounds, 2 to 20000 invoices")
    # So that the other processes are ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(given.invoices, given.rounds, given.limits)
    except Failed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
