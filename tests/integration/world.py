"""A hub at work beside every simulated provider, over real sockets, at full speed.

The plugins are the real ones but for their declared limits: a story has to end within seconds,
and the limits have tests of their own.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from kable_hub import hookimpl
from kable_hub.demo import simulators
from kable_hub.demo.simulators import DemoSimulator
from kable_hub.demo.stage import free_port
from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store.deliveries import DeliveryFilter, DeliveryRow
from kable_hub.store.scope import Scope
from kable_hub.testing.browsing import Browser
from kable_hub.usecases import accounts, connecting, deliveries, linking
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.invoicing import InvoiceView, list_invoices
from kable_hub.usecases.link_views import LinkView
from kable_hub.usecases.running import start_engine
from kable_hub.web.app import create_app
from kable_hub.web.server import serve_in_thread
from tests.architecture.tree import entry_points

PROGRAM = "from kable_hub.cli import main; main(prog_name='kable-hub')"
QUIET = ("cancelled", "delivered", "rejected")


@dataclass
class World:
    """A hub, its account and its providers' other sides."""

    hub: Hub
    scope: Scope
    environ: Mapping[str, str]
    simulators: Mapping[str, DemoSimulator]

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`kable-hub` as a process of its own over the same store."""
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def load(self, file: Path, *words: str) -> Any:
        """The report of `kable-hub import`."""
        where = ("--account", self.scope.account_id, "--env", self.scope.environment.value)
        done = self.command("import", str(file), *where, "--json", *words)
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout)

    def deliveries(self, **wanted: str) -> list[DeliveryRow]:
        """Every delivery that fits."""
        found: list[DeliveryRow] = []
        cursor = ""
        while True:
            asked = DeliveryFilter(**wanted)
            page = deliveries.list_deliveries(self.hub, self.scope, asked, cursor, 1000)
            found += page.items
            cursor = page.next_cursor
            if not cursor:
                return found

    def invoices(self) -> dict[str, InvoiceView]:
        """Every invoice by its number."""
        found = list_invoices(self.hub, self.scope, limit=1000).items
        return {view.invoice.number: view for view in found}

    def documents(self, slug: str) -> dict[str, list[Mapping[str, Any]]]:
        """What stands at a provider, by the id of the invoice it is of."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for document in self.simulators[slug].documents():
            if document["environment"] == self.scope.environment.value:
                found.setdefault(document["marker"].rpartition("/")[2], []).append(document)
        return found

    def until_quiet(self, seconds: float, *also: str) -> None:
        """Wait until nothing is under way: all is final, or blocked with one of these codes."""
        until(lambda: not self.restless(*also), seconds, lambda: self.restless(*also))

    def restless(self, *codes: str) -> dict[tuple[str, str, str, str], int]:
        """How many deliveries are still to come, by provider, kind, state and code."""
        counts: dict[tuple[str, str, str, str], int] = {}
        for one in self.deliveries():
            if one.state not in QUIET and one.error_code not in codes:
                key = (one.provider, one.kind, one.state, one.error_code)
                counts[key] = counts.get(key, 0) + 1
        return counts


def until(
    said: Callable[[], bool], seconds: float, told: Callable[[], object] = lambda: "nothing"
) -> None:
    """Wait for something to come true; asking takes a fifth of the time at most."""
    end = time.monotonic() + seconds
    began = time.monotonic()
    while not said():
        assert time.monotonic() < end, f"after {seconds} s: {told()}"
        time.sleep(max(0.1, 4 * (time.monotonic() - began)))
        began = time.monotonic()


def unlimited(name: str, **otherwise: Any) -> ModuleType:
    """A plugin as it is, but with no limits declared, and what else is to be `otherwise`."""
    real = importlib.import_module(name)
    plugin = ModuleType(name)
    hooks = {one: value for one, value in vars(real).items() if hasattr(value, "kable_hub_impl")}
    vars(plugin).update(hooks)
    declared = replace(real.provider(), limits=(), **otherwise)
    vars(plugin)["provider"] = hookimpl(lambda: declared)
    return plugin


@contextmanager
def running_simulators(*slugs: str) -> Iterator[dict[str, DemoSimulator]]:
    """These simulators of the repository, or all, seeded and listening."""
    running: dict[str, DemoSimulator] = {}
    try:
        for slug in slugs or entry_points():
            running[slug] = simulators.load(slug)()
            running[slug].seed_demo()
            running[slug].start()
        yield running
    finally:
        for one in running.values():
            one.stop()


@contextmanager
def world(folder: Path, *, engine: bool = True, **settings: str) -> Iterator[World]:
    """A hub whose account is connected to every provider in both environments."""
    with running_simulators() as running:
        port = free_port(0)
        environ = {
            "KABLE_DATA_DIR": str(folder),
            "KABLE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            **settings,
        }
        for one in running.values():
            environ |= one.configuration()
        registry = Registry.of(*(unlimited(name) for name in entry_points().values()))
        hub = open_hub(Settings.load(environ), registry=registry)
        account = accounts.create_account(hub, "Shop", "paid").id
        scope = Scope(account, Environment.LIVE)
        with serve_in_thread(create_app(hub), port):
            for slug in running:
                connect(hub, scope, slug)
        started = start_engine(hub) if engine else None
        try:
            yield World(hub, scope, environ, running)
        finally:
            if started:
                started.stop()
            hub.close()


def connect(hub: Hub, scope: Scope, slug: str) -> None:
    """Through the provider's own consent page."""
    started = connecting.start_connecting(hub, scope, slug, by_person=True)
    answer = Browser().approve(started.connect_url)
    assert answer.ok, answer.text


def links(world: World, client_id: str) -> list[LinkView]:
    """Where a customer is linked."""
    return list(linking.list_links(world.hub, world.scope, client_id))
