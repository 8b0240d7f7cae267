"""`kable-hub` as a process that costs no start: a fork of the test's own, which has imported it.

    process = forked(["serve", "--port", "8080"], environ)      # a `subprocess.Popen`

What it does is the command's own; what it never shows is that the program can be started at all,
so that some tests start it for real. So does a test that has the command's SQLite file open: what
the library knows of its locks does not hold in a fork.
"""

import logging
import os
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress

from kable_hub.cli import main

HANDLES = "/dev/fd"


def forked(words: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    """The command with these words and this environment, its output in pipes."""
    ours = _open_handles()

    def be() -> None:
        # Popen waits until the program begins: here the process says so itself, by closing what
        # Popen opened for that.
        for handle in _open_handles() - ours - {0, 1, 2}:
            os.close(handle)
        _let_go(ours - {0, 1, 2})
        _command(words, environ)

    return subprocess.Popen(
        ["kable-hub", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=be,  # noqa: PLW1509
    )


def _open_handles() -> set[int]:
    found = set()
    for name in os.listdir(HANDLES):
        with suppress(OSError):  # the one that listed them is gone
            os.fstat(int(name))
            found.add(int(name))
    return found


def _let_go(handles: set[int]) -> None:
    """Listen and speak nowhere in the test's place. The numbers stay taken: what still knows one
    would close another's under it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for handle in handles:
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(handle).st_mode):
                os.dup2(nowhere, handle, inheritable=False)


def _command(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Be the command; nothing of the test's own ends is run."""
    status: object = 1
    try:
        os.environ.clear()
        os.environ.update(environ)
        logging.getLogger().handlers.clear()
        # As a program begins, also where the whole run was started in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stdout, sys.stderr = (os.fdopen(handle, "w", buffering=1) for handle in (1, 2))
        main(list(words), prog_name="kable-hub")
    except SystemExit as exit_:
        status = exit_.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status if isinstance(status, int) else 1)
