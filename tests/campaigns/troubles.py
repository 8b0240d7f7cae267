"""What may befall the machine that a hub runs on, each for real, and gone again after a while."""

import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kable_hub.store.database import sqlite_path
from tests import stores
from tests.campaigns.calling import Caller
from tests.campaigns.field import Field, patiently
from tests.campaigns.killing import Lives
from tests.postgres import PostgresServer

HOUR = 3600
BUSY = 16.0
"""Seconds: longer than the hub waits for a lock."""

DISK = 12 * 2**20
"""Bytes of the disk that runs full."""


@dataclass
class Scene:
    """What a trouble has at hand; `server` where the store is PostgreSQL."""

    there: Field
    caller: Caller
    lives: Lives
    chance: random.Random
    server: PostgresServer | None

    def nap(self, least: float, most: float) -> None:
        """Let the hub work."""
        time.sleep(self.chance.uniform(least, most))

    @property
    def store(self) -> Path:
        """The file of an SQLite store."""
        path = sqlite_path(self.there.environ["DATABASE_URL"])
        assert path is not None
        return path


@dataclass(frozen=True)
class Trouble:
    """`comes` lets it come and go once. `stores`: where it can; `times`: how often in a slice;
    `twice`: two hubs work the store; `small_disk`: it stands on a disk of its own."""

    comes: Callable[[Scene], None]
    stores: tuple[str, ...]
    times: int
    about: str
    twice: bool = False
    small_disk: bool = False


def _server_down(scene: Scene) -> None:
    scene.nap(0.5, 2)
    server = scene.server
    assert server is not None
    scene.chance.choice((server.stop, server.crash))()
    scene.nap(0.1, 1.5)
    server.start()


def _disk_full(scene: Scene) -> None:
    scene.nap(0.5, 1.5)
    ballast = scene.store.with_name("ballast")
    with suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    scene.nap(1, 2)
    ballast.unlink()


def _locked(scene: Scene) -> None:
    scene.nap(0.2, 1)
    with closing(sqlite3.connect(scene.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(BUSY)
        other.execute("ROLLBACK")


def _clock_jumps(scene: Scene) -> None:
    scene.nap(0.5, 1.5)
    scene.there.zygote.shift(scene.chance.uniform(-6, 6) * HOUR)
    if scene.chance.random() < 0.5:
        scene.nap(0, 0.5)
        scene.lives.strike(scene.chance)


def _one_of_two_dies(scene: Scene) -> None:
    scene.nap(0.5, 2)
    scene.lives.strike(scene.chance)
    scene.nap(0, 1)


def _backup_put_back(scene: Scene) -> None:
    """A copy made in the middle of the work, put back after all of it was done. What is accepted
    after a backup is not in it, so that nothing is."""
    patiently(scene.caller.is_idle, 60, "all accepted")
    copy = scene.store.with_name("copy")
    with closing(sqlite3.connect(scene.store)) as now, closing(sqlite3.connect(copy)) as then:
        now.backup(then)
    patiently(lambda: not scene.there.under_way(), 60, "quiet before the backup is put back")
    scene.lives.end()
    _put_back(scene, copy)
    restored = scene.there.start("outbox restored")
    if restored.wait() != 0:
        scene.lives.faults.append(f"outbox restored ended with {restored.ended}")


def _put_back(scene: Scene, copy: Path) -> None:
    for end in ("-wal", "-shm"):
        scene.store.with_name(scene.store.name + end).unlink(missing_ok=True)
    copy.replace(scene.store)


TROUBLES = {
    "server": Trouble(_server_down, ("postgres",), 10, "PostgreSQL stops or crashes, and starts"),
    "disk": Trouble(_disk_full, ("sqlite",), 6, "the disk is full for a while", small_disk=True),
    "locked": Trouble(_locked, ("sqlite",), 2, "another process locks the store"),
    "clock": Trouble(_clock_jumps, stores.KINDS, 12, "the clock jumps by hours, and kills"),
    "two": Trouble(_one_of_two_dies, stores.KINDS, 12, "two hubs on one store, killed", twice=True),
    "backup": Trouble(_backup_put_back, ("sqlite",), 3, "an older state is put back"),
}


def possible(name: str) -> bool:
    """Whether this machine lets a trouble be made: a small disk takes root and `mount`."""
    may_mount = os.geteuid() == 0 and shutil.which("mount") is not None
    return may_mount or not TROUBLES[name].small_disk


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own in this folder."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
