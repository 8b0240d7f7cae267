"""How many invoices a second the bulk API takes in, each answer durable.

    python3 run.py bench ingest [--bulks 20] [--store sqlite] [--store postgres]

One hub process, as `kable-hub serve` has it, over HTTP on loopback. The customer is linked at two
connections, so that each invoice opens two deliveries; both are paused, so that nothing goes out
meanwhile. Two clients post bulks of 1000 invoices of two lines, made before the clock starts.
First the answers show every accepted invoice, then (`Prefer: return=minimal`) only its id.
SQLite commits with `synchronous=FULL`, PostgreSQL with `fsync=on`.
"""

import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from _main import Failed, arguments, carried_out
from _stage import BULK, Hub, answer, linked, process, session, set_up, usage
from _stores import NAMES, STORES, chosen, database
from _verdict import Verdict, tell

TARGET = 2000.0
CLIENTS = 2


@dataclass(frozen=True)
class Found:
    """Invoices a second, and CPU of the hub's process in milliseconds an invoice."""

    rate: float
    cpu: float


def measure(kind: str, bulks: int) -> list[Found]:
    """So many bulks into an empty store of this kind, as many again with brief answers."""
    with ExitStack() as ending:
        hub = two_connections(ending, ending.enter_context(database(kind)))
        post(hub, bodies(hub, 1)[0], "representation")
        found = [taken(hub, bulks, wanted) for wanted in ("representation", "minimal")]
        verify(hub, (2 * bulks + 1) * BULK)
        return found


def taken(hub: Hub, bulks: int, wanted: str) -> Found:
    """Post so many bulks."""
    made = bodies(hub, bulks)
    used, began = usage(hub.url)["cpu"], time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        for _ in clients.map(lambda body: post(hub, body, wanted), made):
            pass
    seconds = time.perf_counter() - began
    cpu = usage(hub.url)["cpu"] - used
    return Found(bulks * BULK / seconds, cpu / (bulks * BULK) * 1000)


def bodies(hub: Hub, bulks: int) -> list[bytes]:
    """Bulks of new invoices."""
    return [json.dumps({"invoices": hub.invoices(BULK)}).encode() for _ in range(bulks)]


def two_connections(ending: ExitStack, url: str) -> Hub:
    """A hub on this database with Stripe and QuickBooks, one customer linked at both."""
    stripe = answer(ending.enter_context(process("_stripe_parts.py", "simulator")))
    books = answer(ending.enter_context(process("_books_parts.py", "simulator")))
    folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
    given = {**stripe["configuration"], **books["configuration"], "DATABASE_URL": url}
    arguments = [folder, json.dumps(given), "test", "", "stripe,quickbooks"]
    made = answer(ending.enter_context(process("_hub.py", *arguments)))
    hub = set_up(made["url"], made, stripe)
    linked(hub, books["customer"])
    for slug in ("stripe", "quickbooks"):
        hub.call("POST", f"/connections/{slug}/pause", {"reason": "bench"})
    return hub


LOCAL = threading.local()


def post(hub: Hub, body: bytes, wanted: str) -> None:
    """One bulk, all of it accepted. Raises Failed."""
    if not hasattr(LOCAL, "session"):
        LOCAL.session = session()
    headers = {**hub.headers, "Content-Type": "application/json", "Prefer": f"return={wanted}"}
    sent = LOCAL.session.post(f"{hub.url}/api/v1/invoices/bulk", data=body, headers=headers)
    if not sent.ok or b'"refused":0' not in sent.content:
        raise Failed(f"a bulk answered {sent.status_code}: {sent.text[:300]}")


def verify(hub: Hub, expected: int) -> None:
    """Each invoice waits at both connections. Raises Failed."""
    for slug in ("stripe", "quickbooks"):
        counts: dict[str, Any] = hub.call("GET", f"/connections/{slug}")["counts"]
        if counts.get("due") != expected:
            raise Failed(f"{slug}: expected {expected} due deliveries, found {counts}")


def verdict(kind: str, bulks: int) -> list[Verdict]:
    """Measure one store and print it."""
    whole, brief = measure(kind, bulks)
    said = [
        Verdict(f"bulk API on {NAMES[kind]}", whole.rate, TARGET, "invoices/s"),
        Verdict("the same, answered with ids alone", brief.rate, TARGET, "invoices/s"),
    ]
    title = f"{bulks} bulks of {BULK} invoices of two lines, two deliveries each:"
    cpu = f"{whole.cpu:.3f} and {brief.cpu:.3f} ms CPU of the hub's process an invoice"
    tell(title, said, [cpu])
    return said


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--bulks", type=int, default=20, help="for each store [20]")
    parser.add_argument("--store", action="append", choices=STORES, help="[both]")
    given = parser.parse_args()
    if not 1 <= given.bulks <= 200:
        parser.error("1 to 200 bulks")
    return carried_out(lambda: [verdict(kind, given.bulks) for kind in chosen(given.store)])


if __name__ == "__main__":
    sys.exit(main())
