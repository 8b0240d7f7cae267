"""`python3 run.py campaign kill`: `kill -9` while invoices stream through the hub, judged by what
the providers and the API then say. Slices of many runs add up in one table.
"""

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import click

from tests import stores
from tests.campaigns.field import plugins
from tests.campaigns.killing import Outcome, Plan, fight
from tests.campaigns.table import Row, Table, done, shown, usual_place
from tests.campaigns.zygote import Zygote

PROVIDERS = ("stripe", "quickbooks")
PLANNED = {"kills": 500, "invoices": 10_000}
LONGEST = 480.0
"""Seconds of a slice within which kills come; with what follows them it ends within ten minutes."""

SOUND = "each invoice once at its provider, as the hub says, no draft, every 2xx kept"


@click.command()
@click.option("--minutes", type=click.FloatRange(0.1), default=10, show_default=True)
@click.option("--slices", type=click.IntRange(1), help="At most so many. [as fit]")
@click.option("--store", type=click.Choice(stores.KINDS), help="[both in turn]")
@click.option("--provider", type=click.Choice(PROVIDERS), help="[both in turn]")
@click.option("--kills", type=click.IntRange(0), default=100, show_default=True, help="In a slice.")
@click.option("--invoices", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--seed", type=int, help="Of the first slice; repeats it. [any]")
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="[see above]")
@click.option("--show", is_flag=True, help="Only show what was done.")
def main(
    minutes: float,
    slices: int | None,
    store: str | None,
    provider: str | None,
    kills: int,
    invoices: int,
    seed: int | None,
    table: Path | None,
    show: bool,
) -> None:
    """Fight slices of INVOICES invoices and KILLS `kill -9`, for MINUTES or until all is done.

    The hub's processes (web and sync, together or apart) are killed at random moments, in the
    middle of a push or of a request to the API. Every slice takes the combination of store and
    provider that is furthest behind, and is added to the table (in the user's state folder,
    kable-hub/kill.json). Exit status 0 only if no slice of this run had a fault.
    """
    kept = Table(table or usual_place("kill"))
    wanted = [one for one in combinations() if (store or one["store"]) == one["store"]]
    wanted = [one for one in wanted if (provider or one["provider"]) == one["provider"]]
    if show:
        click.echo("\n".join(shown(kept.rows(), wanted, PLANNED)))
        return
    end = time.monotonic() + 60 * minutes
    seeds = count(random.SystemRandom().randrange(10**6) if seed is None else seed)
    found = 0
    with _ground() as (zygote, folder):
        for _ in range(slices) if slices else count():
            combination = furthest_behind(kept.rows(), wanted)
            plan = Plan(**combination, seed=next(seeds), kills=kills, invoices=invoices)
            outcome = _fought(plan, zygote, folder, min(LONGEST, end - time.monotonic()))
            kept.add(row_of(plan, outcome))
            found += len(outcome.faults)
            over = slices is None and all_done(kept.rows(), wanted)
            # One more would be cut short.
            if over or time.monotonic() + outcome.seconds / 2 > end:
                break
    click.echo("\n".join(shown(kept.rows(), wanted, PLANNED)))
    click.echo(f"{found} faults in this run" if found else f"no fault in this run: {SOUND}")
    raise SystemExit(1 if found else 0)


def combinations() -> list[dict[str, str]]:
    """Each store with each provider; two slices meet all of them once."""
    pairs = [(stores.KINDS[place % 2], PROVIDERS[(place + place // 2) % 2]) for place in range(4)]
    return [{"store": store, "provider": provider} for store, provider in pairs]


def furthest_behind(rows: Sequence[Row], wanted: Sequence[dict[str, str]]) -> dict[str, str]:
    """The combination with the fewest kills."""
    return min(wanted, key=lambda one: done(rows, one)["kills"])


def all_done(rows: Sequence[Row], wanted: Sequence[dict[str, str]]) -> bool:
    """Whether every combination has what is planned."""
    sums = [done(rows, one) for one in wanted]
    return all(one[name] >= number for one in sums for name, number in PLANNED.items())


def row_of(plan: Plan, outcome: Outcome) -> Row:
    """A slice as the table keeps it."""
    planned = {"planned_kills": plan.kills, "planned_invoices": plan.invoices}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {**asdict(plan), **planned, "layout": plan.layout, "at": at, **asdict(outcome)}


@contextmanager
def _ground() -> Iterator[tuple[Zygote, Path]]:
    """What slices share: a zygote, and the folder and servers of the databases (those of the
    test run, where it is one that runs the campaign)."""
    with (
        Zygote(plugins(*PROVIDERS)) as zygote,
        tempfile.TemporaryDirectory(prefix="kable-kill-") as folder,
        stores.running(),
    ):
        yield zygote, Path(folder)


def _fought(plan: Plan, zygote: Zygote, folder: Path, seconds: float) -> Outcome:
    again = f"--store {plan.store} --provider {plan.provider} --seed {plan.seed}"
    click.echo(f"slice {again} --kills {plan.kills} --invoices {plan.invoices}")
    place = folder / f"{plan.store}-{plan.provider}-{plan.seed}-{time.monotonic_ns()}"
    url = stores.fresh_database_url(plan.store, folder, prepare=stores.migrated)
    try:
        outcome = fight(plan, place, zygote, url, seconds=seconds)
    finally:
        stores.drop_database(url)
    for fault in outcome.faults:
        click.echo(f"  FAULT {fault}")
    click.echo(
        f"  {outcome.seconds:.0f} s, hub in {plan.layout}: {outcome.kills} kills, "
        f"{outcome.struck} amid pushes, {outcome.cut} amid requests, {outcome.invoices} invoices, "
        f"{len(outcome.faults)} faults"
    )
    return outcome


if __name__ == "__main__":
    main(prog_name="run.py campaign kill")
