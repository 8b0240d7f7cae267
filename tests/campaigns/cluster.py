"""`python3 run.py campaign cluster`: workers come, go and die while invoices stream in, and their
PostgreSQL is stopped and started amid it; judged as every campaign is.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import psycopg

from tests import stores
from tests.campaigns.calling import Caller
from tests.campaigns.field import Field, field, patiently, plugins
from tests.campaigns.judge import faults
from tests.campaigns.killing import pushing
from tests.campaigns.zygote import Forked, Zygote
from tests.postgres import PostgresServer

QUIET = 120.0


@click.command()
@click.option("--invoices", type=click.IntRange(30), default=300, show_default=True)
@click.option("--lease", default="1", show_default=True, help="KABLE_LEASE_SECONDS")
@click.option("--provider", default="stripe", show_default=True)
def main(invoices: int, lease: str, provider: str) -> None:
    """Push INVOICES invoices in three parts. In the first a worker is killed, in the second the
    database restarts, in the third a worker is told to end. Exit status 0 only without a fault.
    """
    with (
        Zygote(plugins(provider)) as zygote,
        tempfile.TemporaryDirectory(prefix="kable-cluster-") as folder,
        _server() as server,
    ):
        settings = {"KABLE_ENGINE": "cluster", "KABLE_LEASE_SECONDS": lease}
        place = Path(folder) / "data"
        with field(place, zygote, server.url(), provider, **settings) as there:
            found = _Fight(there, server, invoices).fight()
            log = there.log.read_text(errors="replace")
    for one in found:
        click.echo(f"FAULT {one}")
    if found:
        click.echo(log[-5000:])
    click.echo(f"{len(found)} faults in {invoices} invoices")
    raise SystemExit(1 if found else 0)


@contextmanager
def _server() -> Iterator[PostgresServer]:
    with stores.running():
        server = stores.private_server("cluster")
        server.start()
        try:
            yield server
        finally:
            server.stop()


class _Fight:
    def __init__(self, there: Field, server: PostgresServer, invoices: int) -> None:
        self._there, self._server, self._invoices = there, server, invoices
        self._url = there.environ["DATABASE_URL"]
        self._caller = Caller(there)
        self._found: list[str] = []

    def fight(self) -> list[str]:
        """All three parts; every fault in a sentence."""
        web, first, second = (self._start(one) for one in ("serve", "worker", "worker"))
        self._kill(first)
        third = self._start("worker")
        self._restart()
        self._end(second)
        if not self._caller.finish(QUIET):
            self._found.append("the API did not accept everything")
        self._quiet()
        self._found += faults(self._there.ask, self._caller.accepted, self._there.simulators)
        for name, one in (("worker", third), ("serve", web)):
            if (status := one.stop()) != 0:
                self._found.append(f"{name} ended with {status}")
                one.kill()
        return self._found + self._caller.faults

    def _start(self, command: str) -> Forked:
        """A process; a worker is waited for until it counts among the others."""
        before = _workers(self._url)
        process = self._there.start(command)
        if command == "worker":
            patiently(lambda: _workers(self._url) - before, 60, "a worker")
        return process

    def _kill(self, worker: Forked) -> None:
        self._part(1)
        patiently(lambda: pushing(self._url), 60, "pushes")
        struck = pushing(self._url)
        worker.kill()
        killed = time.monotonic()
        self._quiet()
        click.echo(
            f"killed with {struck} under way; all quiet {time.monotonic() - killed:.1f} s on"
        )

    def _restart(self) -> None:
        self._part(2)
        self._server.stop()
        self._server.start()
        began = time.monotonic()
        self._quiet()
        click.echo(f"database restarted; all quiet {time.monotonic() - began:.1f} s on")

    def _end(self, worker: Forked) -> None:
        self._part(3)
        began = time.monotonic()
        if (status := worker.stop()) != 0:
            self._found.append(f"a worker ended with {status} when it was told to")
            worker.kill()
        click.echo(f"a worker ended {time.monotonic() - began:.1f} s after it was told to")

    def _part(self, number: int) -> None:
        """Let the caller send the next third, and wait until some of it is at the provider."""
        before = self._there.served()
        self._caller.allow(self._invoices * number // 3)
        patiently(lambda: self._there.served() > before + 10, 60, "pushes")

    def _quiet(self) -> None:
        try:
            patiently(lambda: not self._there.under_way(), QUIET, "all deliveries quiet")
        except AssertionError as error:
            self._found.append(f"{error}: {self._there.under_way()}")


def _workers(database_url: str) -> set[str]:
    with closing(psycopg.connect(database_url)) as store:
        return {str(one) for (one,) in store.execute("SELECT id FROM worker_process").fetchall()}


if __name__ == "__main__":
    main(prog_name="run.py campaign cluster")
