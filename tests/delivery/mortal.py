"""A process that may end at any of its steps, and work that is done at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from kable_hub.store.database import Database


class Crashed(KeyboardInterrupt):
    """The process is gone: nothing of it writes any more."""


class Inline(Executor):
    """Runs at once, in the caller's thread; a crash passes through."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Mortal:
    """A database whose process ends after so many steps: a call, a transaction, a commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read, self._write = database.read, database.write
        self.left: int | None = None
        self.until: tuple[int, Callable[[], object]] | None = None
        vars(database).update(read=self.read, write=self.write)

    def point(self) -> None:
        """One more step. Raises Crashed where it was the last; at the step that `until` names
        something else happens first."""
        if self.until is not None and not self._database.in_transaction():
            steps, act = self.until
            self.until = (steps - 1, act) if steps else None
            if not steps:
                act()
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise Crashed

    @contextmanager
    def read(self) -> Iterator[None]:
        """As `Database.read`."""
        self._alive()
        with self._read():
            yield

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[None]:
        """As `Database.write`, with a step before it and one behind it."""
        self.point()
        with self._write(durable=durable):
            yield
        self.point()

    def _alive(self) -> None:
        if self.left is not None and self.left <= 0:
            raise Crashed
