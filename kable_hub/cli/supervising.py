"""Keep processes alive: whatever ends is started again, and all end with this one."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import structlog

from kable_hub.clock import Clock

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a process is started again; twice as many each time that it ends early."""

EARLY = 10.0
"""A process that lived for so many seconds ended late: it is started again after FIRST_PAUSE."""


class Supervisor:
    """`count` processes of `kable-hub` with these words.

    Their standard input ends when this process does, however it does: they are to end then.
    """

    def __init__(self, words: Sequence[str], count: int, clock: Clock, grace: float) -> None:
        self._command = [sys.executable, "-m", "kable_hub", *words]
        self._clock, self._grace = clock, grace
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._alive: set[subprocess.Popen[bytes]] = set()
        self._threads = [threading.Thread(target=self._keep, args=(n,)) for n in range(count)]
        self._failed = False

    def run(self) -> bool:
        """Until SIGTERM or SIGINT, which every process gets. Whether all ended well."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._told)
        for thread in self._threads:
            thread.start()
        self._stop.wait()
        self._tell(signal.SIGTERM)
        ends = self._clock.monotonic() + self._grace
        for thread in self._threads:
            thread.join(max(0.0, ends - self._clock.monotonic()))
        self._tell(signal.SIGKILL)
        for thread in self._threads:
            thread.join()
        return not self._failed

    def _told(self, _signal: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _tell(self, number: signal.Signals) -> None:
        with self._guard:
            for one in self._alive:
                one.send_signal(number)

    def _keep(self, place: int) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            began = self._clock.monotonic()
            status = self._live(place)
            if self._stop.is_set():
                # One that was told before it could listen has done nothing yet.
                if status not in (0, -signal.SIGTERM):
                    self._failed = True
                    log.error("a process ended badly", place=place, status=status)
                return
            lived = self._clock.monotonic() - began
            pause = FIRST_PAUSE if lived >= EARLY else pause
            log.error("a process ended; it is started again", place=place, status=status, s=pause)
            self._clock.wait(self._stop, pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _live(self, place: int) -> int:
        """One process from its start to its end; its status, negative where a signal ended it."""
        with self._guard:
            if self._stop.is_set():
                return 0
            try:
                process = subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603
            except OSError as error:
                log.error("a process does not begin", place=place, reason=str(error))
                return 1
            self._alive.add(process)
        log.info("a process began", place=place, pid=process.pid)
        status = process.wait()
        with self._guard:
            self._alive.discard(process)
        if process.stdin is not None:
            process.stdin.close()
        return status
