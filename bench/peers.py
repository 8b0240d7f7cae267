"""The hub beside what people build instead: pushes a second, CPU a push, and what is lost track of.

    python3 run.py bench peers [--rounds 3] [--round 60] [--faults 100] [--out FOLDER]

(four times the round at QuickBooks, so that its batches fill)

All peers make invoices of two lines at the same Stripe simulator (four calls each) or the same
QuickBooks simulator, in turn, round by round; figures are medians over the rounds. The simulators
answer at once and know no limits, so the hub's own are taken away. CPU is that of the processes
that push, their children included, without databases, brokers and simulators.

Then the simulators do what they are asked and answer 500 to 10 % of the writing calls, Stripe for
as long as the same key comes. A disagreement is an invoice that a peer calls done and that does
not stand there once and final, or that it calls failed and of which there is something there.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import _celery_peer
from _main import arguments, carried_out
from _said import cpu_of
from _stage import CALLS, Hub, answer, asked, process, ready, session, set_up, set_up_books
from _stores import absent, database
from _table import Line, disagreements, markdown, svg
from _verdict import Verdict, machine, tell

PERCENT = 10
SETTLE = 420.0
"""Seconds that the hub is given to find out what became of everything."""

NEVER_ASKED = "none: the library makes none"
BATCHES = 4
"""As many times the invoices of a round at QuickBooks, whose batches take 30."""

HUB_RETRIES = "the same key once, then it looks"
SDK_RETRIES = "two, with the same keys (the SDK's)"


@dataclass(frozen=True)
class Told:
    """What a peer says of a round: seconds, CPU seconds, and what it calls failed."""

    seconds: float
    cpu: float
    numbers: list[str]
    failed: list[str]


@dataclass(frozen=True)
class Peer:
    """Somebody who makes invoices. `simulator` is the URL of where. `begin` pushes until each was
    tried, and answers who waits for what became of them."""

    name: str
    at: str
    retries: str
    simulator: str
    begin: Callable[[int], Callable[[], Told]]

    def push(self, count: int) -> Told:
        """Make so many and see what becomes of them."""
        return self.begin(count)()


# --- who takes part --------------------------------------------------------------------------


class Pushing:
    """A hub and the processes that push for it."""

    def __init__(self, hub: Hub, pids: list[int]) -> None:
        self.hub, self.pids = hub, pids

    def begin(self, count: int) -> Callable[[], Told]:
        """Post so many and let them go out."""
        self.hub.hold()
        ids = self.hub.post_in_bulk(count)
        used, began = cpu_of(*self.pids), time.perf_counter()
        self.hub.resume()
        self.hub.await_first_tries()

        def wait() -> Told:
            self.hub.await_all(SETTLE)
            seconds, cpu = time.perf_counter() - began, cpu_of(*self.pids) - used
            return Told(seconds, cpu, ids, [])

        return wait


def started(ending: ExitStack, name: str, given: dict[str, str], worker: bool = False) -> Any:
    """A hub for one provider: (its process, what it says); with a worker that drains."""
    folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
    told = json.dumps(given)
    child = ending.enter_context(process("_hub.py", folder, told, "test", "", name))
    made = answer(child)
    ready(made["url"])
    pids = [child.pid]
    if worker:
        drains = ending.enter_context(process("_hub.py", "worker", folder, told, "", name))
        answer(drains)
        pids.append(drains.pid)
    return made, pids


def at_stripe(ending: ExitStack) -> list[Peer | Line]:
    """Everybody who makes invoices at Stripe, or why not."""
    stripe = answer(ending.enter_context(process("_stripe_parts.py", "simulator")))
    url, loop = stripe["url"], [stripe["url"], stripe["key"], stripe["customer"]]
    made, pids = started(ending, "stripe", stripe["configuration"])
    found: list[Peer | Line] = []

    def add(name: str, retries: str, push: Callable[[int], Callable[[], Told]]) -> None:
        found.append(Peer(name, "Stripe", retries, url, push))

    add("hub, embedded", HUB_RETRIES, Pushing(set_up(made["url"], made, stripe), pids).begin)
    base = "" if absent("postgres") else ending.enter_context(database("postgres"))
    if base:
        given = {**stripe["configuration"], "DATABASE_URL": base, "KABLE_ENGINE": "cluster"}
        made, pids = started(ending, "stripe", given, worker=True)
        hub = set_up(made["url"], made, stripe)
        add("hub, cluster engine", HUB_RETRIES, Pushing(hub, pids).begin)
    add("plain loop, stripe SDK", SDK_RETRIES, looping(ending, "_stripe_parts.py", "sdk", *loop))
    why = _celery_peer.absent()
    if why:
        found.append(Line("Celery + Redis, stripe SDK", "Stripe", missing=why))
    else:
        push = looping(ending, "_celery_peer.py", "loop", "-", *loop)
        add("Celery + Redis, stripe SDK", f"{SDK_RETRIES}, the task three times more", push)
    if not base or find_spec("procrastinate") is None:
        why = absent("postgres") or "procrastinate is not installed"
        found.append(Line("Procrastinate, stripe SDK", "Stripe", missing=why))
    else:
        own = ending.enter_context(database("postgres"))
        push = looping(ending, "_procrastinate_peer.py", "loop", own, *loop)
        add("Procrastinate, stripe SDK", f"{SDK_RETRIES}, the task three times more", push)
    return found


def at_quickbooks(ending: ExitStack) -> list[Peer | Line]:
    """Everybody who makes invoices at QuickBooks, or why not."""
    books = answer(ending.enter_context(process("_books_parts.py", "simulator")))
    made, pids = started(ending, "quickbooks", books["configuration"])
    hub = set_up_books(made["url"], made, books)
    found: list[Peer | Line] = [
        Peer("hub, embedded", "QuickBooks", HUB_RETRIES, books["url"], Pushing(hub, pids).begin)
    ]
    if find_spec("quickbooks") is None:
        why = "python-quickbooks is not installed (extra `bench`)"
        return [*found, Line("plain loop, python-quickbooks", "QuickBooks", missing=why)]
    push = looping(ending, "_books_parts.py", "loop", books["url"], books["token"], books["realm"])
    plain = Peer("plain loop, python-quickbooks", "QuickBooks", NEVER_ASKED, books["url"], push)
    return [*found, plain]


def looping(ending: ExitStack, file: str, *arguments: str) -> Callable[[int], Callable[[], Told]]:
    """A process that makes as many invoices as it is told."""
    child = ending.enter_context(process(file, *arguments))

    def begin(count: int) -> Callable[[], Told]:
        told = Told(**asked(child, count))
        return lambda: told

    return begin


# --- measuring -------------------------------------------------------------------------------


def measured(peers: list[Peer | Line], rounds: int, count: int, faults: int) -> list[Line]:
    """Rounds in turn, then the faults; a line for each."""
    taking = [one for one in peers if isinstance(one, Peer)]
    runs: dict[str, list[Told]] = {one.name: [] for one in taking}
    for number in range(rounds + 1):
        for peer in taking:
            told = peer.push(count if number else 10)  # the first round only warms up
            progress(f"round {number} of {rounds}, {peer.name}: {told.seconds:.1f} s")
            runs[peer.name] += [told] if number else []
    apart = broken(taking, faults) if faults else {}
    return [
        one if isinstance(one, Line) else line(one, runs[one.name], count, faults, apart)
        for one in peers
    ]


def line(peer: Peer, runs: list[Told], count: int, faults: int, apart: dict[str, int]) -> Line:
    """What a peer's rounds come to, and how it took it that answers were lost."""
    return Line(
        peer.name,
        peer.at,
        rate=statistics.median(count / one.seconds for one in runs),
        cpu=statistics.median(one.cpu / count * 1000 for one in runs),
        calls=CALLS if peer.at == "Stripe" else 1,
        apart=apart.get(peer.name, 0),
        tried=faults,
        retries=peer.retries,
    )


def broken(peers: list[Peer], count: int) -> dict[str, int]:
    """All push while 10 % of the writing calls are answered 500; each one's disagreements.

    A hub goes on to find out what became of its invoices when the others are through.
    """
    simulator = peers[0].simulator
    session().get(f"{simulator}/bench/break/{PERCENT}").raise_for_status()
    waiting = {}
    for peer in peers:
        waiting[peer.name] = peer.begin(count)
        progress(f"amid 500s, {peer.name}: all tried")
    session().get(f"{simulator}/bench/break/0").raise_for_status()
    told = {name: wait() for name, wait in waiting.items()}
    for name, one in told.items():
        progress(f"amid 500s, {name}: {one.seconds:.0f} s until it was known what became of all")
    ledger = [(owner, final) for owner, final in session().get(f"{simulator}/bench/ledger").json()]
    return {
        name: disagreements(sorted({*one.numbers} - {*one.failed}), one.failed, ledger)
        for name, one in told.items()
    }


def progress(words: str) -> None:
    """Tell whoever waits, beside what is kept."""
    print(words, file=sys.stderr, flush=True)


def verdicts(lines: list[Line]) -> list[Verdict]:
    """The issue's targets, as far as the peers that they speak of ran."""
    ran = {(one.name, one.at): one for one in lines if not one.missing}
    hub, sdk = ran.get(("hub, embedded", "Stripe")), ran.get(("plain loop, stripe SDK", "Stripe"))
    books = ran.get(("hub, embedded", "QuickBooks"))
    plain = ran.get(("plain loop, python-quickbooks", "QuickBooks"))
    found = []
    if hub:
        each = hub.cpu / hub.calls
        found.append(Verdict("CPU of a durable Stripe call", each, 3.5, "ms", most=True))
    if hub and sdk:
        share = hub.cpu / sdk.cpu
        found.append(Verdict("hub's Stripe push / SDK loop's", share, 1.0, "times", most=True))
    if books and plain:
        share = books.cpu / plain.cpu
        found.append(Verdict("hub's QuickBooks push / loop's", share, 1.0, "times", most=True))
    apart = sum(one.apart for one in ran.values() if one.name.startswith("hub"))
    return [*found, Verdict("the hub's disagreements", apart, 0, "invoices", most=True)]


def run(rounds: int, count: int, faults: int) -> list[Line]:
    """All peers. Raises Failed."""
    with ExitStack() as ending:
        lines = measured(at_stripe(ending), rounds, count, faults)
    with ExitStack() as ending:
        return lines + measured(at_quickbooks(ending), rounds, count * BATCHES, faults)


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--round", type=int, default=60, help="invoices of a round [60]")
    parser.add_argument("--faults", type=int, default=100, help="invoices amid 500s [100]")
    parser.add_argument("--out", type=Path, help="where peers.md and peers.svg are written")
    given = parser.parse_args()
    if not (1 <= given.rounds <= 20 and 1 <= given.round <= 1000 and 0 <= given.faults <= 1000):
        parser.error("1 to 20 rounds of 1 to 1000, 0 to 1000 amid faults")
    return carried_out(lambda: measure(given.rounds, given.round, given.faults, given.out))


def measure(rounds: int, count: int, faults: int, out: Path | None) -> None:
    """Print what all peers did, and write it where that is wanted. Raises Failed."""
    lines = run(rounds, count, faults)
    print(markdown(lines))
    tell(f"Medians of {rounds} rounds of {count} invoices:", verdicts(lines))
    if out:
        written(out, lines)


def written(folder: Path, lines: list[Line]) -> None:
    """The table and the bars as files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "peers.md").write_text(markdown(lines))
    title = f"A durable push, {datetime.now(UTC).date()}, {machine()}"
    (folder / "peers.svg").write_text(svg(lines, title))
    print(f"Written: {folder / 'peers.md'}, {folder / 'peers.svg'}")


if __name__ == "__main__":
    sys.exit(main())
