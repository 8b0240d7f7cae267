"""`python3 run.py campaign steps`: a process dies at every step of everything that a drain does,
on both stores and at both providers; another goes on, and the ledgers are looked at.
"""

import tempfile
import time
from pathlib import Path

import click

from tests import stores
from tests.campaigns.walking import STAGES, scenes, walk


@click.command()
@click.option("--store", type=click.Choice(stores.KINDS), help="[both]")
@click.option("--provider", type=click.Choice(sorted(STAGES)), help="[both]")
@click.option("--scene", default="", help="Only scenes with this in their name.")
@click.option("--brief", is_flag=True, help="Each kind of step once, as the tests do.")
def main(store: str | None, provider: str | None, scene: str, brief: bool) -> None:
    """Kill a process at every step. Exit status 0 only if every invoice then stands once."""
    walked = [provider] if provider else sorted(STAGES)
    if not any(scene in one.name for other in walked for one in scenes(other)):
        raise click.BadParameter(f"no scene has {scene!r} in its name")
    found = 0
    with stores.running():
        for one in [store] if store else stores.KINDS:
            for other in walked:
                found += _walked(one, other, scene, every=not brief)
    click.echo(f"{found} faults" if found else "no fault: each invoice once, as the hub says")
    raise SystemExit(1 if found else 0)


def _walked(store: str, provider: str, wanted: str, *, every: bool) -> int:
    click.echo(f"{provider} on {store}")
    with tempfile.TemporaryDirectory() as folder, walk(provider, store, Path(folder)) as one:
        for scene in [scene for scene in scenes(provider) if wanted in scene.name]:
            before, began = one.died, time.monotonic()
            one.through(scene, every=every)
            taken = time.monotonic() - began
            click.echo(f"  {scene.name:26s} {one.died - before:4d} deaths  {taken:5.1f} s")
        found = list(one.judged())
        click.echo(f"  {len(one.met)} kinds of steps, {one.died} deaths, {len(found)} faults")
    for fault in found:
        click.echo(f"  FAULT {fault}")
    return len(found)


if __name__ == "__main__":
    main(prog_name="run.py campaign steps")
