"""`kable-hub serve` and `kable-hub worker`: the processes that run for long."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
import structlog
from peewee import PeeweeException

from kable_hub.cli.opening import load_settings, plugins_dir_option
from kable_hub.cli.supervising import Supervisor
from kable_hub.clock import SystemClock
from kable_hub.settings import Settings
from kable_hub.sync.engine import Engine, EngineRunning
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import beside_web, engine_of
from kable_hub.usecases.signing_in import first_link

log = structlog.get_logger(__name__)
TRY_EVERY = 0.5
GRACE = 60.0
"""Seconds for what is under way when a worker is told to stop; no sound call takes as long."""

LEEWAY = 10.0


class Loop:
    """The sync loop of this process, which stands by while another process works the store.

    So a process that was killed can be replaced at once, and a second one takes over.
    """

    def __init__(self, hub: Hub, engine: Callable[[Hub], Engine] = engine_of) -> None:
        self._hub, self._make = hub, engine
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._ended = True
        self._told = ""

    def start(self) -> None:
        """Begin, or stand by."""
        # Made here and not before the fork, which spoils a thread that was not started (3.13).
        self._thread = threading.Thread(target=self._run, name="loop")
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more and wait for what is under way."""
        self.stop_within(None)

    def stop_within(self, seconds: float | None) -> bool:
        """As `stop`, and whether all of it ended in that time."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return self._ended and not self._thread.is_alive()

    def _run(self) -> None:
        engine = self._take_over()
        if engine is not None:
            log.info(engine.does, database=str(self._hub.database.path or "PostgreSQL"))
            self._stop.wait()
            self._ended = engine.stop()

    def _take_over(self) -> Engine | None:
        """The running engine, as soon as it can run; None where it was told to stop before."""
        while not self._stop.is_set():
            try:
                engine = self._make(self._hub)
                engine.start()
            except (EngineRunning, PeeweeException) as error:
                self._stand_by(str(error))
            else:
                return engine
        return None

    def _stand_by(self, reason: str) -> None:
        if reason != self._told:
            self._told = reason
            log.warning("standing by", reason=reason)
        self._hub.clock.wait(self._stop, TRY_EVERY)


def plugin_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of both commands that run plugins for long."""
    trace = click.option("--trace-hooks", is_flag=True, help="Log each call of a plugin's hook.")
    return trace(plugins_dir_option(command))


def _settings(folder: Path | None, trace: bool) -> Settings:
    settings = load_settings(talkative=True, plugins_dir=folder)
    return replace(settings, trace_hooks=trace or settings.trace_hooks)


@click.command()
@click.option("--host", help="The address to listen on. [KABLE_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="[KABLE_PORT, else 8080]")
@click.option("--no-sync", is_flag=True, help="Leave the sync loop to `kable-hub worker`.")
@plugin_options
def serve(
    host: str | None, port: int | None, no_sync: bool, plugins_dir: Path | None, trace_hooks: bool
) -> None:
    """Serve the hub until it is told to stop; requests under way are finished first.

    The database is migrated, and the sync loop runs in this process. Where another process
    runs it over the same store already, this one stands by; with KABLE_ENGINE=cluster it drains
    nothing and calls the processes of `kable-hub worker`. As long as nobody can sign in to the
    dashboard, it prints a one-time link by which the first operator does.
    """
    from kable_hub.web.app import create_app
    from kable_hub.web.server import serve as serve_app

    settings = _settings(plugins_dir, trace_hooks)
    settings = replace(settings, host=host or settings.host, port=_given(port, settings.port))
    hub = open_hub(settings)
    engine = beside_web(settings, sync=not no_sync)
    loop = Loop(hub, engine) if engine else None
    parent = os.getpid()
    _tell_of_plugins(hub)
    log.info("serving", host=settings.host, port=settings.port, url=settings.public_url)
    try:
        app = create_app(hub)
        serve_app(app, settings.host, settings.port, *_beginning_and_end(hub, loop))
    except SystemExit as exit_:
        if os.getpid() != parent:
            raise  # this is the worker, whose status the server reads
        raise click.exceptions.Exit(1 if exit_.code else 0) from None


@click.command()
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="Start so many workers, and each again that ends. [else this process is one]",
)
@click.option("--supervised", is_flag=True, hidden=True)
@plugin_options
def worker(
    processes: int | None, supervised: bool, plugins_dir: Path | None, trace_hooks: bool
) -> None:
    """Run the sync loop alone, until SIGTERM or SIGINT; what is under way is finished first.

    A plugin that does not come back within a minute is left behind; status 1.

    With KABLE_ENGINE=cluster any number may work one store. Otherwise one works and the others
    stand by, to take over at once.
    """
    settings = _settings(plugins_dir, trace_hooks)
    if processes:
        words = ["worker", "--supervised", *(["--trace-hooks"] if trace_hooks else [])]
        words += ["--plugins-dir", str(plugins_dir)] if plugins_dir else []
        if not Supervisor(words, processes, SystemClock(), GRACE + LEEWAY).run():
            raise click.exceptions.Exit(1)
        return
    hub = open_hub(settings)
    _tell_of_plugins(hub)
    stop = _until_told(parent=supervised)
    loop = Loop(hub)
    loop.start()
    stop.wait()
    if not loop.stop_within(GRACE):
        # Its thread cannot be ended otherwise; what it left is uncertain and is looked for.
        log.error("a plugin does not come back; left behind", seconds=GRACE)
        os._exit(1)
    hub.close()


def _until_told(*, parent: bool) -> threading.Event:
    """Set by SIGTERM and SIGINT, and by the end of the supervisor where there is one."""
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        stop.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, told)
    if parent:
        threading.Thread(target=watch, name="parent", daemon=True).start()
    return stop


def _tell_of_plugins(hub: Hub) -> None:
    """Once at the start: who is out and why, and what of an admitted one will go."""
    for one in hub.registry.reports:
        facts = {"plugin": one.name, "distribution": one.distribution, "version": one.version}
        if one.state == "quarantined":
            log.warning("plugin left out", **facts, reason=one.reason)
        for remark in one.remarks:
            log.warning("plugin grows old", **facts, remark=remark)


def _beginning_and_end(
    hub: Hub, loop: Loop | None
) -> tuple[Callable[[], None], Callable[[], None]]:
    """What is done as soon as the hub listens, so that whoever opens the link is served; and at
    its end."""

    def begin() -> None:
        if loop is not None:
            loop.start()
        try:
            _welcome(hub)
        except PeeweeException as error:
            log.warning("no link to sign in could be made", reason=str(error))

    def end() -> None:
        if loop is not None:
            loop.stop()

    return begin, end


def _welcome(hub: Hub) -> None:
    """Tell a fresh hub's owner how to get in: never logged, since it lets in anybody."""
    link = first_link(hub)
    if link:
        click.echo("Nobody can sign in yet. Make yourself the operator by this one-time link:")
        click.echo(f"{hub.settings.public_url}{link}")


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
