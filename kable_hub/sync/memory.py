"""What plugins remember of their connections (`Connection.remember`).

In a table, so that all processes know it and can forget it; within a process one thread reads
a fact and the others wait for it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from kable_hub import canonical
from kable_hub.clock import Clock, epoch_ms
from kable_hub.connection import Memory
from kable_hub.domain import JSON
from kable_hub.errors import ContractViolation, Transient
from kable_hub.settings import SHORTEST_SECRET
from kable_hub.store import memories
from kable_hub.store.database import Database
from kable_hub.store.ids import new_id
from kable_hub.store.pauses import Lane

STALE = timedelta(days=40)
"""How long a fact that is old still serves while the provider does not let it be read: longer
than the month for which a provider may refuse reads."""

AGAIN = timedelta(minutes=5)
"""After so long it is tried again to read it."""

LONGEST_NAME = 200
LARGEST = 4_000_000
"""Characters of JSON that one fact may have."""


class Memories:
    """The memory of all connections."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._guard = threading.Lock()
        self._reading: dict[tuple[str, str], list[Any]] = {}

    def of(self, lane: Lane, secrets: Sequence[str]) -> Memory:
        """The memory of one connection, which refuses to keep one of these `secrets`."""

        def remember(name: str, lasts: timedelta, read: Callable[[], JSON]) -> JSON:
            if not 1 <= len(name) <= LONGEST_NAME:
                raise ContractViolation(f"a fact's name has 1 to {LONGEST_NAME} characters")
            text = self._recall(lane, name)
            if text is None:
                with self._alone(lane.id, name):
                    text = self._recall(lane, name) or self._read(lane, name, lasts, read, secrets)
            return canonical.loads(text)

        return remember

    def _recall(self, lane: Lane, name: str) -> str | None:
        with self._database.read():
            return memories.recall(self._database, lane, name, self._now())

    def _read(
        self,
        lane: Lane,
        name: str,
        lasts: timedelta,
        read: Callable[[], JSON],
        secrets: Sequence[str],
    ) -> str:
        now, token = self._now(), new_id("rem")
        with self._database.write(durable=False):
            memories.forget_old(lane, now - _ms(STALE))
            old = memories.last_known(lane, name)
            memories.begin(lane, name, token, now + _ms(lasts))
        try:
            text, until = _written(name, read(), secrets), None
        except Transient:
            if old is None:
                raise
            text, until = old, now + _ms(AGAIN)
        with self._database.write(durable=False):
            kept = memories.keep(lane, name, token, text, until)
        if until is not None and not kept:
            raise Transient("this was forgotten while it could not be read", code="forgotten")
        return text

    @contextmanager
    def _alone(self, connection_id: str, name: str) -> Iterator[None]:
        """One thread at a time for one fact; the locks of facts that nobody reads are dropped."""
        key = (connection_id, name)
        with self._guard:
            entry = self._reading.setdefault(key, [threading.Lock(), 0])
            entry[1] += 1
        try:
            with entry[0]:
                yield
        finally:
            with self._guard:
                entry[1] -= 1
                if not entry[1]:
                    self._reading.pop(key, None)

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _written(name: str, value: JSON, secrets: Sequence[str]) -> str:
    try:
        text = canonical.dumps(value)
    except TypeError as error:
        raise ContractViolation(f"the fact {name} is no JSON: {error}") from error
    if len(text) > LARGEST:
        raise ContractViolation(f"the fact {name} is larger than {LARGEST} characters")
    if any(len(one) >= SHORTEST_SECRET and one in text for one in secrets):
        raise ContractViolation(f"the fact {name} holds a secret")
    return text
