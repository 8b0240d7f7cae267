"""How a benchmark is asked for, and how it ends."""

import argparse
import signal
import sys
from collections.abc import Callable


class Failed(Exception):
    """The measurement did not come out; the text says why."""


def arguments(about: str | None) -> argparse.ArgumentParser:
    """What reads the arguments of a benchmark, which its first line is about."""
    return argparse.ArgumentParser(description=(about or "").partition("\n")[0])


def carried_out(measure: Callable[[], object]) -> int:
    """Measure; the exit status. 1 where it did not come out, whether targets were reached or not.

    SIGTERM ends it as Ctrl-C does, so that the other processes are ended then, too.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        measure()
    except Failed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return 1
    return 0
