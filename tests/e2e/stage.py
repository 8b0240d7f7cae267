"""The stages of the browser stories: the hub as people run it, beside simulated providers."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kable_hub.demo.simulators import DemoSimulator
from kable_hub.demo.stage import free_port
from tests.integration.world import PROGRAM, running_simulators, until

LINK = "one-time link:"


@dataclass(frozen=True)
class Served:
    """A `kable-hub serve` of its own. `link` is what it printed for the first operator."""

    url: str
    link: str
    simulators: Mapping[str, DemoSimulator]


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Nobody can sign in yet; every provider is configured in both environments, nothing is
    connected, and the simulators know where the hub hears webhooks."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    with running_simulators() as running:
        environ = {"KABLE_DATA_DIR": str(folder), "KABLE_PUBLIC_URL": url}
        for slug, one in running.items():
            environ |= one.configuration()
            one.webhook_url = f"{url}/webhooks/{slug}"
        with _started(environ, port, folder / "log") as link:
            yield Served(url, link, running)


@contextmanager
def _started(environ: Mapping[str, str], port: int, log: Path) -> Iterator[str]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as kept:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "--port", str(port)],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
            stdout=subprocess.PIPE,
            stderr=kept,
            text=True,
        )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any(LINK in line for line in lines), log.read_text()
        link = next(lines).strip()
        until(lambda: _listens(port), 60, log.read_text)
        yield link
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
