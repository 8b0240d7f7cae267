"""What the peers share that make a task of each invoice: the worker's process, and rounds."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from _said import cpu_of, obey

CONCURRENCY = 4
RETRIES = 3


@contextmanager
def running(words: list[str], **how: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of ours, ended with the block, and with this process too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    child = subprocess.Popen(words, **how)
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def rounds(name: str, words: list[str], push: Callable[[list[str]], list[str]], **how: Any) -> None:
    """Start a worker by these words and `obey` beside it; the CPU is the worker's.

    `push` makes tasks of these numbers, waits, and answers which ones failed.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running(words, **quiet, **how) as worker:
        if failed := push([f"{name}-first"]):
            sys.exit(f"{failed} failed: the worker does not work")
        obey(name, push, lambda: cpu_of(worker.pid))
