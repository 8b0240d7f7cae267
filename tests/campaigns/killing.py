"""One slice of the kill campaign: `kill -9` at random moments while invoices stream in and out."""

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from kable_hub.store.database import sqlite_path
from tests.campaigns.calling import Caller
from tests.campaigns.field import Field, field, patiently
from tests.campaigns.judge import faults
from tests.campaigns.zygote import Forked, Zygote

LONGEST_LIFE = 0.7
"""Seconds between a process's first sign of life and its end; most lives are much shorter, so
that they end in the midst of what there is to do."""

QUIET = 120.0
"""Seconds within which all has to be quiet after the last kill."""

LAYOUTS: dict[str, tuple[str, ...]] = {
    "one": ("serve",),
    "two": ("serve --no-sync", "worker"),
    "cluster": ("serve", "worker", "worker"),
}
"""The processes of a hub: one; its web side and its sync loop apart; several workers."""


CLUSTER = {"KABLE_ENGINE": "cluster", "KABLE_LEASE_SECONDS": "4"}
"""On a busy machine a worker reads what it claimed for longer than a second, and another one would
take it over before anything of it is sent."""

FEW = 20
"""So many faults of a slice are kept and shown, and the number of the others."""


@dataclass(frozen=True)
class Plan:
    """What is repeated with the same seed; when a kill comes is drawn from it as well."""

    store: str
    provider: str
    seed: int
    kills: int
    invoices: int

    @property
    def layout(self) -> str:
        """Which processes make up the hub; several workers, which need PostgreSQL and take long to
        find each other's remains, in every fifth slice there."""
        fit = ("one", "one", "two", "two", "cluster" if self.store == "postgres" else "two")
        return random.Random(self.seed).choice(fit)


@dataclass(frozen=True)
class Outcome:
    """What a slice did and left. `struck`: kills that left a delivery in the middle; `cut`: kills
    that left a caller of the API without an answer; `resent`: requests sent more than once."""

    kills: int
    invoices: int
    struck: int
    cut: int
    resent: int
    seconds: float
    faults: tuple[str, ...]


class Lives:
    """The processes of the hub: those that were killed are begun anew. Each is a command and
    variables of its own."""

    def __init__(self, there: Field, *processes: tuple[str, dict[str, str]]) -> None:
        self._field = there
        self._processes = processes
        self._alive: dict[int, Forked] = {}
        self.faults: list[str] = []

    @classmethod
    def of(cls, there: Field, layout: str) -> "Lives":
        """The processes of a layout."""
        engine = CLUSTER if layout == "cluster" else {}
        return cls(there, *((command, engine) for command in LAYOUTS[layout]))

    def begin(self) -> None:
        """Start what does not live."""
        for place, (command, environ) in enumerate(self._processes):
            one = self._alive.get(place)
            if one is not None and not one.lives():
                self.faults.append(f"{command} ended by itself with {one.ended}")
                one = None
            if one is None:
                self._alive[place] = self._field.start(command, **environ)

    def strike(self, chance: random.Random) -> bool:
        """Kill one of them, or all at once; answers whether the API was struck."""
        every = range(len(self._processes))
        whom = chance.choice([*([one] for one in every), list(every)])
        for place in whom:
            one, command = self._alive.pop(place), self._processes[place][0]
            if not one.lives():
                self.faults.append(f"{command} ended by itself with {one.ended}")
            one.kill()
        return any(self._processes[place][0].startswith("serve") for place in whom)

    def end(self) -> None:
        """SIGTERM to all, who have to end well."""
        for place, one in self._alive.items():
            if (status := one.stop()) != 0:
                self.faults.append(f"{self._processes[place][0]} ended with {status} when told to")
                one.kill()
        self._alive.clear()


def fight(
    plan: Plan,
    folder: Path,
    zygote: Zygote,
    database_url: str,
    *,
    seconds: float = 600.0,
    say: Callable[[str], object] = lambda _line: None,
) -> Outcome:
    """Fight one slice; after `seconds` no further kill comes, and what was done counts."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    with field(folder, zygote, database_url, plan.provider) as there:
        caller, lives = Caller(there), Lives.of(there, plan.layout)
        kills = struck = cut = allowed = 0
        for place in range(1, plan.kills + 1):
            if time.monotonic() - began > seconds:
                break
            allowed = plan.invoices * place // (plan.kills + 1)
            waited, hit, unanswered = _live_and_die(there, caller, lives, chance, allowed)
            kills, struck, cut = kills + 1, struck + bool(hit), cut + bool(unanswered)
            say(f"  kill {place} after {waited:.2f} s: {hit} under way, {unanswered} unanswered")
        if kills == plan.kills:
            allowed = plan.invoices
        caller.allow(allowed)
        found = finish(there, caller, lives)
    taken = time.monotonic() - began
    return Outcome(kills, allowed, struck, cut, caller.resent, taken, tuple(found))


def _live_and_die(
    there: Field, caller: Caller, lives: Lives, chance: random.Random, allowed: int
) -> tuple[float, int, int]:
    """One life; answers its length, and what was in the middle at its end."""
    before = there.served(), len(caller.accepted)
    lives.begin()
    caller.allow(allowed)
    patiently(lambda: (there.served(), len(caller.accepted)) != before, 60, "a sign of life")
    alive = LONGEST_LIFE * chance.random() ** 3
    time.sleep(alive)
    unanswered = caller.in_flight
    serving = lives.strike(chance)
    return alive, pushing(there.environ["DATABASE_URL"]), unanswered if serving else 0


def finish(there: Field, caller: Caller, lives: Lives) -> list[str]:
    """Let the hub live until all is quiet; everything that is not well then."""
    lives.begin()
    found: list[str] = []
    if not caller.finish(QUIET):
        found.append("the API did not accept everything")
    try:
        patiently(lambda: not there.under_way(), QUIET, "all deliveries quiet")
    except AssertionError as error:
        found.append(f"{error}: {there.under_way()}")
    found += faults(there.ask, caller.accepted, there.simulators)
    lives.end()
    found += [*caller.faults, *lives.faults]
    more = len(found) - FEW
    return [*found[:FEW], f"and {more} more"] if more > 0 else found


def pushing(database_url: str) -> int:
    """How many deliveries stand in the middle; for the figures only, nothing is judged by it."""
    text = "SELECT COUNT(*) FROM delivery WHERE state = 'pushing'"
    path = sqlite_path(database_url)
    with closing(sqlite3.connect(path) if path else psycopg.connect(database_url)) as store:
        row = store.execute(text).fetchone()
    return int(row[0]) if row else 0
