"""`kable-hub serve` and `kable-hub worker`: the processes that run for long."""

import os
import signal
import sys
import threading
from dataclasses import replace
from types import FrameType

import click
import structlog

from kable_hub.cli.opening import load_settings
from kable_hub.sync.loop import EmbeddedEngine, EngineRunning
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.running import start_engine

log = structlog.get_logger(__name__)
BOOT_FAILED = 3
"""The status by which a worker tells the server not to start another one."""


@click.command()
@click.option("--host", help="The address to listen on. [KABLE_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="[KABLE_PORT, else 8080]")
@click.option("--no-sync", is_flag=True, help="Leave the sync loop to `kable-hub worker`.")
def serve(host: str | None, port: int | None, no_sync: bool) -> None:
    """Serve the hub until it is told to stop; requests under way are finished first.

    The database is migrated, and the sync loop runs in this process.
    """
    from kable_hub.web.app import create_app
    from kable_hub.web.server import serve as serve_app

    settings = load_settings(talkative=True)
    settings = replace(settings, host=host or settings.host, port=_given(port, settings.port))
    hub = open_hub(settings)
    engines: list[EmbeddedEngine] = []

    def start() -> None:
        try:
            engines.append(start_engine(hub))
        except EngineRunning as error:
            click.echo(f"Error: {error}; start this one with --no-sync.", err=True)
            sys.exit(BOOT_FAILED)

    def stop() -> None:
        for engine in engines:
            engine.stop()

    parent = os.getpid()
    log.info("serving", host=settings.host, port=settings.port, url=settings.public_url)
    try:
        app = create_app(hub)
        if no_sync:
            serve_app(app, settings.host, settings.port)
        else:
            serve_app(app, settings.host, settings.port, on_start=start, on_stop=stop)
    except SystemExit as exit_:
        if os.getpid() != parent:
            raise  # this is the worker, whose status the server reads
        raise click.exceptions.Exit(1 if exit_.code else 0) from None


@click.command()
def worker() -> None:
    """Run the sync loop alone, until SIGTERM or SIGINT; what is under way is finished first."""
    hub = open_hub(load_settings(talkative=True))
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, told)
    engine = start_engine(hub)
    log.info("working", database=_where(hub.database.path))
    stop.wait()
    engine.stop()
    hub.close()


def _where(path: object) -> str:
    return str(path) if path else "PostgreSQL"


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
