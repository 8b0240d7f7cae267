"""Processes of `kable-hub` that cost no start: forked from one that has imported everything.

    with Zygote(plugins) as zygote:
        hub = zygote.start("serve", environ)
        hub.kill()                               # kill -9, with all that it started

A process opens the hub afresh and is the real command. Two things are given to it: the plugins
(a campaign declares them without limits, so that it gets somewhere) and its clock, which
`zygote.shift` moves against the machine's while it runs.
"""

import ctypes
import functools
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from flask import Flask

from kable_hub.cli import main, serving
from kable_hub.clock import SystemClock
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.web import app as web_app
from kable_hub.web import context, idempotency

PATIENCE = 60.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEATH_SIGNAL, SUBREAPER = 1, 36
"""`prctl`: the signal that comes when the parent dies; who is left behind by its parent becomes a
child of this process."""


class ShiftedClock(SystemClock):
    """The machine's clock, moved; what never jumps does not jump."""

    def __init__(self, shift: Any) -> None:
        self._shift = shift

    def now(self) -> datetime:
        """The moment, so many seconds off."""
        return super().now() + timedelta(seconds=self._shift.value)


class Zygote:
    """Forks processes of the hub. Make it before the first thread starts."""

    def __init__(self, plugins: Sequence[object]) -> None:
        context_ = multiprocessing.get_context("fork")
        self._shift = context_.Value("d", 0.0, lock=False)
        self._line, theirs = context_.Pipe()
        self._process = os.fork()
        if self._process == 0:
            self._line.close()
            _live_as(functools.partial(_breed, theirs, plugins, self._shift))
        theirs.close()

    def start(self, command: str, environ: Mapping[str, str], log: Path) -> "Forked":
        """A process of `kable-hub COMMAND` in a session of its own; it writes to `log`."""
        return Forked(self, self._ask("start", command, dict(environ), str(log)))

    def shift(self, seconds: float) -> None:
        """Move the clocks of all its processes."""
        self._shift.value = seconds

    def status(self, pid: int, patience: float) -> int | None:
        """With what a process ended (negative: the signal), None where it still lives."""
        end = time.monotonic() + patience
        while (status := self._ask("status", pid)) is None and time.monotonic() < end:
            time.sleep(0.01)
        return status

    def _ask(self, *words: Any) -> Any:
        self._line.send(words)
        return self._line.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        os.waitpid(self._process, 0)


@dataclass
class Forked:
    """One process of the hub."""

    zygote: Zygote
    pid: int
    ended: int | None = field(default=None)

    def kill(self) -> None:
        """`kill -9`, of everything that it started as well."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def stop(self, patience: float = PATIENCE) -> int | None:
        """SIGTERM; with what it ended, None where it did not."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        return self.wait(patience)

    def wait(self, patience: float = PATIENCE) -> int | None:
        """With what it ended, None where it still lives."""
        if self.ended is None:
            self.ended = self.zygote.status(self.pid, patience)
        return self.ended

    def lives(self) -> bool:
        """Whether it did not end by itself."""
        return self.wait(0) is None


# --- the zygote's own process ----------------------------------------------------------------


def _live_as(work: Any) -> None:
    """Be another process from here on: nothing of this one's ends is run."""
    status = 1
    try:
        status = work() or 0
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _breed(line: Connection, plugins: Sequence[object], shift: Any) -> None:
    # Ctrl-C and the like are for the campaign, which ends this process by hanging up.
    for one in ENDS:
        signal.signal(one, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    registry = Registry.of(*plugins)
    app = _app(registry)
    ends: dict[int, int | None] = {}
    with suppress(EOFError):
        while True:
            word, *given = line.recv()
            if word == "start":
                pid = _fork(*given, line, registry, app, ShiftedClock(shift))
                ends[pid] = None
                line.send(pid)
            else:
                _reap(ends)
                line.send(None if _signalled(given[0], 0) else ends[given[0]])
    for pid in ends:
        _signalled(pid, signal.SIGKILL)


def _app(registry: Registry) -> Flask:
    """Made once, over a hub that is thrown away: making it takes longer than all the rest."""
    with tempfile.TemporaryDirectory(prefix="kable-zygote-") as folder:
        hub = open_hub(Settings.load({"KABLE_DATA_DIR": folder}), registry=registry)
        app = web_app.create_app(hub)
        hub.close()
    return app


def _reap(ends: dict[int, int | None]) -> None:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG)) and found[0]:
            ends[found[0]] = os.waitstatus_to_exitcode(found[1])


def _signalled(group: int, number: int) -> bool:
    """Whether anything of the process was there to get this signal."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _fork(
    command: str,
    environ: dict[str, str],
    log: str,
    line: Connection,
    registry: Registry,
    app: Flask,
    clock: ShiftedClock,
) -> int:
    pid = os.fork()
    if pid == 0:
        line.close()
        _live_as(functools.partial(_be, command, environ, log, registry, app, clock))
    with suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)
    return pid


def _be(
    command: str,
    environ: dict[str, str],
    log: str,
    registry: Registry,
    app: Flask,
    clock: ShiftedClock,
) -> None:
    """`kable-hub COMMAND` with these plugins, this clock and an app that is made already."""
    with suppress(PermissionError):
        os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    for one in ENDS:
        signal.signal(one, signal.SIG_DFL)
    with open(log, "ab", buffering=0) as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.environ.update(environ)

    def served(hub: Hub) -> Flask:
        context.install(app, hub)
        app.extensions.pop(idempotency.SWEPT, None)
        return app

    serving.open_hub = functools.partial(open_hub, registry=registry, clock=clock)  # type: ignore[attr-defined]
    web_app.create_app = served
    main(command.split(), prog_name="kable-hub")
