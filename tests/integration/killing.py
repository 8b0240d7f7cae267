"""`kill -9` at random moments while invoices are pushed, and what is left behind."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from kable_hub.demo.simulators import customers_of
from kable_hub.usecases import customers, invoicing
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.invoicing import NewInvoice, NewLine
from tests.integration.world import PROGRAM, World, until, world

LATENCY = 0.03
LONGEST_LIFE = 0.6
"""Seconds between a process's first call and its end."""

SETTINGS = {"KABLE_LEASE_SECONDS": "1", "KABLE_SWEEP_SECONDS": "0.05", "KABLE_LOG_LEVEL": "ERROR"}
CURRENCIES = ("USD", "EUR", "GBP")


@dataclass(frozen=True)
class Outcome:
    """What a campaign left. `struck`: kills that came while something was under way."""

    kills: int
    struck: int
    faults: tuple[str, ...]


def campaign(
    folder: Path, *, kills: int, invoices: int, seed: int, say: Callable[[str], object]
) -> Outcome:
    """Push `invoices` invoices with a worker that is killed `kills` times."""
    chance = random.Random(seed)
    with world(folder, engine=False, **SETTINGS) as one:
        for simulator in one.simulators.values():
            simulator.latency = LATENCY
        make_customers(one)
        struck = 0
        for place, portion in enumerate(portions(invoices, kills), 1):
            post(one, portion)
            alive = chance.uniform(0, LONGEST_LIFE)
            if place <= kills:
                hit = live_and_die(one, alive)
                struck += bool(hit)
                there = sum(len(simulator.documents()) for simulator in one.simulators.values())
                say(f"kill {place} after {alive:.2f} s: {hit} under way, {there} documents")
        finish(one)
        return Outcome(kills, struck, tuple(faults(one, invoices)))


def portions(invoices: int, kills: int) -> Iterator[range]:
    """The numbers of the invoices to post before each life of the worker, the last included."""
    lives = kills + 1
    for life in range(lives):
        yield range(invoices * life // lives, invoices * (life + 1) // lives)


def make_customers(one: World) -> None:
    """A customer for each currency, linked everywhere to one that can pay."""
    free = {
        slug: customers_of(simulator, one.scope.environment)[:3]
        for slug, simulator in one.simulators.items()
    }
    for place, currency in enumerate(CURRENCIES):
        references = {slug: found[place].reference for slug, found in free.items()}
        new = NewCustomer(f"c-{currency}", f"Customer {currency}", currency)
        customers.create_customer(one.hub, one.scope, new, references)


def post(one: World, numbers: range) -> None:
    """Invoices with one to four lines."""
    new = [
        NewInvoice(
            customer=f"c-{CURRENCIES[number % 3]}",
            number=f"K-{number}",
            currency=CURRENCIES[number % 3],
            issue_date=date(2026, 11, 22),
            lines=tuple(
                NewLine(f"part {line}", unit_price=Decimal(100 + number) / 100)
                for line in range(1 + number % 4)
            ),
        )
        for number in numbers
    ]
    for result in invoicing.create_invoices(one.hub, one.scope, new):
        assert result.problem is None, result.problem


@contextmanager
def worker(one: World) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker over the world's store; killed in the end, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "worker"], env={**os.environ, **one.environ}
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def live_and_die(one: World, alive: float) -> int:
    """A worker from its first call to its sudden end; how many deliveries it left under way."""
    before = calls(one)
    with worker(one) as process:
        until(lambda: calls(one) > before or process.poll() is not None, 60)
        assert process.poll() is None, "the worker ended by itself"
        time.sleep(alive)
    return sum(row.state == "pushing" for row in one.deliveries())


def calls(one: World) -> int:
    """How many requests the providers have seen."""
    return sum(len(simulator.requests) for simulator in one.simulators.values())


def finish(one: World) -> None:
    """A last worker that may live until everything has arrived."""
    with worker(one) as process:
        one.until_quiet(300)
        process.terminate()
        assert process.wait(60) == 0


def faults(one: World, invoices: int) -> Iterator[str]:
    """Everything that is not once and right."""
    known = one.invoices() if invoices <= 1000 else {}
    for slug, simulator in one.simulators.items():
        there = one.documents(slug)
        for number, view in known.items():
            found = [(row["total"], row["currency"]) for row in there.pop(view.invoice.id, [])]
            if found != [(view.invoice.total, view.invoice.currency)]:
                yield f"{number} stands at {slug} as {found}"
        if there:
            yield f"{len(there)} documents at {slug} belong to no invoice"
        if drafts := simulator.drafts():
            yield f"{len(drafts)} drafts are left at {slug}"
    if len(known) != invoices:
        yield f"{len(known)} invoices stand in the hub"
    states = {row.state for row in one.deliveries()}
    if states != {"delivered"}:
        yield f"deliveries are {', '.join(sorted(states))}"
