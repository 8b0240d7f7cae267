"""Threads for work that may never come back.

Unlike the pool of the standard library, one that is lost in its work can be replaced, and none
keeps the process from ending.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from kable_hub.sync.engine import countdown

P = ParamSpec("P")
T = TypeVar("T")


class Pool(Executor):
    """Up to `size` threads, and as many again in place of those that are lost."""

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._ready = threading.Condition()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._threads: set[threading.Thread] = set()
        self._running: set[Future[Any]] = set()
        self._lost: set[Future[Any]] = set()
        self._idle = 0
        self._closed = False

    @property
    def lost(self) -> int:
        """How many threads are lost at the moment."""
        return len(self._lost)

    @property
    def exhausted(self) -> bool:
        """Whether more are lost than are replaced: fewer threads are left than the size says."""
        return self.lost > self._size

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call it in a thread, in the order of asking. Raises RuntimeError once it is closed."""
        future: Future[T] = Future()
        with self._ready:
            if self._closed:
                raise RuntimeError("the pool is closed")
            self._waiting.append((future, partial(fn, *args, **kwargs)))
            self._grow()
            self._ready.notify()
        return future

    def lose(self, future: Future[Any]) -> None:
        """Count the thread that works at this as lost, until it comes back after all."""
        with self._ready:
            if future in self._running:
                self._lost.add(future)
                self._grow()

    def close(self, seconds: float) -> bool:
        """Begin nothing more and wait; False where a thread is still at work after that."""
        with self._ready:
            self._closed = True
            while self._waiting:
                self._waiting.popleft()[0].cancel()
            self._ready.notify_all()
            threads = list(self._threads)
        left = countdown(seconds)
        for thread in threads:
            thread.join(left())
        return not any(thread.is_alive() for thread in threads)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """As `close`, without a limit where it waits; what did not begin is cancelled."""
        self.close(threading.TIMEOUT_MAX if wait else 0)

    def _grow(self) -> None:
        present = len(self._threads) - min(self.lost, self._size)
        if self._idle < len(self._waiting) and present < self._size:
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._threads.add(thread)
            thread.start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            future, work = taken
            if future.set_running_or_notify_cancel():
                _carry_out(future, work)
            del taken, future, work

    def _take(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        """The next piece of work; None where this thread is to end."""
        me = threading.current_thread()
        with self._ready:
            self._forget_done()
            while not self._waiting and not self._closed and not self._too_many():
                self._idle += 1
                self._ready.wait()
                self._idle -= 1
            if self._closed or self._too_many():
                self._threads.discard(me)
                return None
            taken = self._waiting.popleft()
            self._running.add(taken[0])
            return taken

    def _too_many(self) -> bool:
        return len(self._threads) - self.lost > self._size

    def _forget_done(self) -> None:
        done = {one for one in self._running if one.done()}
        self._running -= done
        self._lost -= done


def _carry_out(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
