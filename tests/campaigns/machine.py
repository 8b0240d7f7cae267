"""`python3 run.py campaign machine`: the machine fails under the hub while invoices stream through
it. Judged, and kept in a table, as the kill campaign is.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import click
from cryptography.fernet import Fernet

from kable_hub.demo.stage import free_port
from tests import stores
from tests.campaigns.calling import Caller
from tests.campaigns.field import Field, field, plugins
from tests.campaigns.killing import Lives, Outcome, finish
from tests.campaigns.table import Table, done, shown, usual_place
from tests.campaigns.troubles import HOUR, TROUBLES, Scene, Trouble, possible, small_disk
from tests.campaigns.zygote import Zygote
from tests.postgres import PostgresServer

PROVIDERS = ("stripe", "quickbooks")
INVOICES = 25
"""For each time that a trouble comes."""


@dataclass(frozen=True)
class Plan:
    """What the seed repeats."""

    trouble: str
    store: str
    provider: str
    seed: int
    times: int


@click.command()
@click.option("--minutes", type=click.FloatRange(0.1), default=10, show_default=True)
@click.option("--slices", type=click.IntRange(1), help="At most so many. [as fit]")
@click.option("--trouble", type=click.Choice(sorted(TROUBLES)), help="[each in turn]")
@click.option("--store", type=click.Choice(stores.KINDS), help="[both in turn]")
@click.option("--provider", type=click.Choice(PROVIDERS), help="[both in turn]")
@click.option("--times", type=click.IntRange(1), help="It comes so often. [by its kind]")
@click.option("--seed", type=int, help="Of the first slice; repeats it. [any]")
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="[see above]")
@click.option("--show", is_flag=True, help="Only show what was done.")
def main(
    minutes: float,
    slices: int | None,
    trouble: str | None,
    store: str | None,
    provider: str | None,
    times: int | None,
    seed: int | None,
    table: Path | None,
    show: bool,
) -> None:
    """Fight slices for MINUTES, each with one trouble that comes and goes.

    PostgreSQL stops and crashes, the disk is full, the store is locked, the clock jumps, two hubs
    work one store, a backup is put back. The table stands in the user's state folder
    (kable-hub/machine.json). Exit status 0 only if no slice of this run had a fault.
    """
    kept = Table(table or usual_place("machine"))
    given = {"trouble": trouble, "store": store, "provider": provider}
    wanted = [one for one in lines() if all(given[name] in (None, one[name]) for name in one)]
    if show:
        click.echo("\n".join(shown(kept.rows(), wanted, {}, "times")))
        return
    found = 0
    end = time.monotonic() + 60 * minutes
    seeds = count(random.SystemRandom().randrange(10**6) if seed is None else seed)
    with _ground() as (zygote, folder):
        for _ in range(slices) if slices else count():
            rows = kept.rows()
            behind = min(wanted, key=lambda one: done(rows, one)["slices"])
            often = times or TROUBLES[behind["trouble"]].times
            plan = Plan(**behind, seed=next(seeds), times=often)
            outcome = _fought(plan, zygote, folder)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            kept.add({**asdict(plan), "at": at, **asdict(outcome)})
            found += len(outcome.faults)
            if time.monotonic() > end:
                break
    click.echo("\n".join(shown(kept.rows(), wanted, {}, "times")))
    click.echo(f"{found} faults in this run" if found else "no fault in this run")
    raise SystemExit(1 if found else 0)


def lines() -> list[dict[str, str]]:
    """Each trouble that can be made here, on each store it concerns, with each provider."""
    return [
        {"trouble": name, "store": store, "provider": provider}
        for provider in PROVIDERS
        for name, one in TROUBLES.items()
        for store in one.stores
        if possible(name)
    ]


@contextmanager
def _ground() -> Iterator[tuple[Zygote, Path]]:
    with (
        Zygote(plugins(*PROVIDERS)) as zygote,
        tempfile.TemporaryDirectory(prefix="kable-machine-") as folder,
        stores.running(),
    ):
        yield zygote, Path(folder)


def _fought(plan: Plan, zygote: Zygote, folder: Path) -> Outcome:
    words = (f"--{name} {value}" for name, value in asdict(plan).items())
    click.echo(f"slice {' '.join(words)}: {TROUBLES[plan.trouble].about}")
    place = folder / f"{plan.trouble}-{plan.seed}-{time.monotonic_ns()}"
    with ExitStack() as ends:
        outcome = fight(plan, place, zygote, ends)
    for fault in outcome.faults:
        click.echo(f"  FAULT {fault}")
    click.echo(
        f"  {outcome.seconds:.0f} s: {outcome.kills} times, {outcome.invoices} invoices, "
        f"{outcome.resent} requests sent again, {len(outcome.faults)} faults"
    )
    return outcome


def fight(plan: Plan, place: Path, zygote: Zygote, ends: ExitStack) -> Outcome:
    """One slice: the trouble comes as often as it is meant to."""
    began, trouble = time.monotonic(), TROUBLES[plan.trouble]
    url, server = _store(plan, trouble, place, ends)
    shared = {"KABLE_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    there = ends.enter_context(field(place, zygote, url, plan.provider, **shared))
    ends.callback(zygote.shift, 0)
    caller, lives = Caller(there), Lives(there, *_processes(trouble, place, there))
    scene = Scene(there, caller, lives, random.Random(plan.seed), server)
    found: list[str] = []
    allowed = 0
    try:
        for _ in range(plan.times):
            lives.begin()
            caller.allow(allowed := allowed + INVOICES)
            trouble.comes(scene)
    except AssertionError as error:
        found.append(str(error))
    # Whatever a clock that was ahead has put off is due then.
    zygote.shift(13 * HOUR)
    caller.allow(allowed := allowed + INVOICES)
    found += finish(there, caller, lives)
    taken = time.monotonic() - began
    return Outcome(plan.times, allowed, 0, 0, caller.resent, taken, tuple(found))


def _store(
    plan: Plan, trouble: Trouble, place: Path, ends: ExitStack
) -> tuple[str, PostgresServer | None]:
    if plan.store == "sqlite":
        folder = ends.enter_context(small_disk(place)) if trouble.small_disk else place
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder / 'hub.db'}", None
    server = stores.private_server("machine", durable=True)
    server.start()
    ends.callback(server.stop)
    stores.execute(server.url(), "create database hub")
    return server.url("hub"), server


def _processes(trouble: Trouble, place: Path, there: Field) -> list[tuple[str, dict[str, str]]]:
    """One hub; or two on one store, on PostgreSQL each with a folder of its own, as on two
    machines."""
    if not trouble.twice:
        return [("serve", {})]
    apart = (
        {}
        if there.environ["DATABASE_URL"].startswith("sqlite")
        else {"KABLE_DATA_DIR": str(place / "other")}
    )
    return [("serve", {}), (f"serve --port {free_port(0)}", apart)]


if __name__ == "__main__":
    main(prog_name="run.py campaign machine")
