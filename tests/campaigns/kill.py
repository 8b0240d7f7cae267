"""`python3 run.py campaign kill`: kill a worker at random moments, count what it leaves."""

import random
import tempfile
from pathlib import Path

import click

from tests.integration.killing import campaign


@click.command()
@click.option("--kills", type=click.IntRange(0), default=50, show_default=True)
@click.option("--invoices", type=click.IntRange(1, 1000), default=200, show_default=True)
@click.option("--seed", type=int, help="Repeats a campaign. [any]")
def main(kills: int, invoices: int, seed: int | None) -> None:
    """Push INVOICES invoices with a worker that is killed KILLS times at random moments.

    Exit status 0 only if each invoice then stands at each provider exactly once.
    """
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="kable-kill-") as folder:
        done = campaign(
            Path(folder) / "data", kills=kills, invoices=invoices, seed=seed, say=click.echo
        )
    for fault in done.faults:
        click.echo(f"FAULT {fault}")
    verdict = "not all well" if done.faults else "each invoice once at each provider, no draft"
    click.echo(f"{done.kills} kills, {done.struck} amid pushes, {invoices} invoices: {verdict}")
    raise SystemExit(1 if done.faults else 0)


if __name__ == "__main__":
    main(prog_name="run.py campaign kill")
