"""`python3 run.py campaign faults`: a provider that fails at random calls, and what it leaves."""

import logging
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tests import stores
from tests.campaigns.faults_run import Outcome, campaign
from tests.campaigns.faults_sides import SIDES

EVERY = sorted({name for side in SIDES.values() for name in side.kinds})


def _names(_context: object, _parameter: object, value: str) -> list[str]:
    wanted = [name.strip() for name in value.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in EVERY]
    if unknown:
        raise click.BadParameter(f"no kind {unknown[0]!r}; there are: {', '.join(EVERY)}")
    return wanted


@click.command()
@click.option("--seed", type=int, help="Repeats a run's faults. [any]")
@click.option("--invoices", type=click.IntRange(1), default=300, show_default=True)
@click.option("--rate", type=click.FloatRange(0, 1), default=0.2, show_default=True)
@click.option("--provider", type=click.Choice(sorted(SIDES)), multiple=True, help="[each]")
@click.option("--store", type=click.Choice(stores.KINDS), multiple=True, help="[each]")
@click.option("--kinds", default="", callback=_names, help="Comma-separated. [all]")
def main(
    seed: int | None,
    invoices: int,
    rate: float,
    provider: tuple[str, ...],
    store: tuple[str, ...],
    kinds: list[str],
) -> None:
    """Push INVOICES invoices while RATE of the calls fail, for each provider on each store.

    Exit status 0 only if each invoice then stands at the provider exactly once and the hub
    knows it.
    """
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    logging.disable(logging.ERROR)  # what goes wrong here is meant to
    bad = 0
    for slug in provider or sorted(SIDES):
        for where in store or stores.KINDS:
            began = time.monotonic()
            with _database(where) as (folder, url):
                done = campaign(
                    folder,
                    slug,
                    seed=seed,
                    invoices=invoices,
                    rate=rate,
                    kinds=kinds,
                    DATABASE_URL=url,
                )
            bad += len(done.found)
            _show(f"{slug} on {where}", done, time.monotonic() - began)
    raise SystemExit(1 if bad else 0)


@contextmanager
def _database(kind: str) -> Iterator[tuple[Path, str]]:
    with stores.running(), tempfile.TemporaryDirectory(prefix="kable-faults-") as place:
        folder = Path(place)
        yield folder, stores.fresh_database_url(kind, folder, prepare=stores.migrated)


def _show(title: str, done: Outcome, seconds: float) -> None:
    hit = done.hit()
    click.echo(f"\n{title}\n  {'kind':<16}{'injected':>9}{'invoices':>10}{'found':>7}")
    for name, one in sorted(done.struck.items()):
        click.echo(f"  {name:<16}{one.times:>9}{len(one.invoices) or '':>10}{hit[name]:>7}")
    for said in done.found:
        click.echo(f"  FOUND {said}")
    days = done.virtual / 86400
    click.echo(
        f"  {done.accepted} invoices, {done.requests} requests, {days:.1f} days in "
        f"{seconds:.0f} s: {len(done.found)} disagreements"
    )


if __name__ == "__main__":
    main(prog_name="run.py campaign faults")
