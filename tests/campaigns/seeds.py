"""`python3 run.py campaign seeds`: the outbox in virtual time, one run for each seed."""

import logging
import tempfile
import time
from pathlib import Path

import click

from tests import stores
from tests.delivery.machine import World


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=3000, show_default=True)
@click.option("--start", type=int, default=0, show_default=True, help="The first seed.")
def main(seeds: int, start: int) -> None:
    """Run the machine of tests/delivery for SEEDS seeds; each that fails is printed.

    Exit status 0 only if none does. A failing seed is repeated by `--start SEED --seeds 1`.
    """
    logging.disable(logging.CRITICAL)  # what goes wrong here is meant to
    failed, began = 0, time.monotonic()
    with stores.running(), tempfile.TemporaryDirectory(prefix="kable-seeds-") as folder:
        world = World(Path(folder))
        for seed in range(start, start + seeds):
            try:
                world.run(seed)
            except AssertionError as error:
                failed += 1
                click.echo(f"FOUND {error}")
        world.close()
    took = time.monotonic() - began
    click.echo(f"{seeds} seeds in {took:.0f} s, {seeds / took:.0f} a second: {failed} failed")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main(prog_name="run.py campaign seeds")
