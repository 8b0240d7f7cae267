"""Keep one PostgreSQL server alive exactly as long as the test run that wants it.

Run as a program of its own: `python postgres_keeper.py BIN FOLDER OWNER_LOCK [NAME=VALUE ...]`.
The test run holds a lock on OWNER_LOCK; when it ends, also by SIGKILL, the lock falls free and
the server is stopped and its folder removed. While the keeper lives it holds FOLDER/keeper.
"""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ATTEMPTS = 5


def as_ordinary_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: give the process of root another user."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def prepare(binaries: Path, folder: Path) -> None:
    data = folder / "data"
    if (data / "PG_VERSION").exists():
        return
    data.mkdir(mode=0o700, exist_ok=True)
    identity = as_ordinary_user()
    if identity:
        os.chown(data, identity["user"], identity["group"])
    options = ["--auth=trust", "--username=hub", "--encoding=UTF8", "--locale=C", "--no-sync"]
    command = [str(binaries / "initdb"), "--pgdata", str(data), *options]
    subprocess.run(command, check=True, cwd=data, **identity)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chosen_port(folder: Path) -> int:
    """The one that the server had before, as far as nobody asked for it in vain."""
    before = folder / "port.before"
    port = int(before.read_text()) if before.exists() else free_port()
    before.unlink(missing_ok=True)
    return port


def serve(binaries: Path, folder: Path, settings: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    port = chosen_port(folder)
    data = folder / "data"
    network = ["-h", "127.0.0.1", "-p", str(port), "-k", ""]
    chosen = [word for setting in settings for word in ("-c", setting)]
    command = [str(binaries / "postgres"), "-D", str(data), *network, *chosen]
    return subprocess.Popen(command, cwd=data, **as_ordinary_user()), port


def is_ready(server: subprocess.Popen[bytes], folder: Path) -> bool:
    """Wait until the server accepts connections; False when it ended instead."""
    pid_file = folder / "data" / "postmaster.pid"
    while server.poll() is None:
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        if lines[:1] == [str(server.pid)] and lines[-1].strip() == "ready":
            return True
        time.sleep(0.02)
    return False


def owner_is_gone(handle: int) -> bool:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main() -> int:
    binaries, folder, owner = (Path(word) for word in sys.argv[1:4])
    # A process that was killed leaves a lock free at once, whatever files it leaves behind.
    mine = os.open(folder / "keeper", os.O_RDWR | os.O_CREAT)
    fcntl.lockf(mine, fcntl.LOCK_EX)
    handle = os.open(owner, os.O_RDWR)
    prepare(binaries, folder)
    for _ in range(ATTEMPTS):  # somebody may take the port between choosing and listening
        server, port = serve(binaries, folder, sys.argv[4:])
        if is_ready(server, folder):
            break
    else:
        return 1
    draft = folder / "port.new"
    draft.write_text(str(port))
    draft.replace(folder / "port")
    (folder / "port.before").write_text(str(port))
    while server.poll() is None and not owner_is_gone(handle):
        time.sleep(0.1)
    (folder / "port").unlink(missing_ok=True)
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(folder.parent, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
