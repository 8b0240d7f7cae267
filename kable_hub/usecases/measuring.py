"""What those who watch a hub want to know of it, over all tenants and without naming one."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kable_hub.clock import Clock
from kable_hub.store import measures
from kable_hub.store.measures import Counts, Tally
from kable_hub.usecases.hub import Hub

QUICK = 0.1
SPARED = 20


@dataclass(frozen=True)
class Measure:
    """One figure with its parts: `values` by the values of `labels`, in their order."""

    name: str
    about: str
    labels: tuple[str, ...]
    values: Counts
    kind: Literal["gauge", "counter"] = "gauge"


class Sparing:
    """Does `work` so seldom that it takes a twentieth of the time at the most, and answers what
    came of it last; what takes no tenth of a second is done each time."""

    def __init__(self, clock: Clock, work: Callable[[], Counts]) -> None:
        self._clock, self._work = clock, work
        self._known: Counts = {}
        self._until = -math.inf

    def __call__(self) -> Counts:
        began = self._clock.monotonic()
        if began >= self._until:
            self._known = self._work()
            took = self._clock.monotonic() - began
            self._until = began + (SPARED * took if took >= QUICK else 0.0)
        return self._known


class Measuring:
    """Measures one hub. What waits, is paused, free or lost is of this process alone."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._deliveries = Sparing(hub.clock, lambda: measures.deliveries(hub.database))
        self._tally = Tally(hub.database)
        self._one_at_a_time = threading.Lock()

    def measure(self) -> list[Measure]:
        """Everything, as it stands now."""
        with self._one_at_a_time:
            return [*self._of_store(), *self._of_process()]

    def _of_store(self) -> Iterator[Measure]:
        database, now = self._hub.database, self._hub.now()
        at, by = ("provider", "environment"), ("provider",)
        told = "Deliveries by state."
        yield Measure("deliveries", told, (*at, "state"), self._deliveries())
        oldest = measures.oldest_due(database)
        ages = {whose: max(0, (now - since) // 1000) for whose, since in oldest.items()}
        told = "Seconds since the oldest due delivery of an active connection came due."
        yield Measure("oldest_due_age_seconds", told, by, ages)
        told = "Steps of deliveries that ended, since this process was asked first."
        labels = ("provider", "step", "outcome")
        yield Measure("attempts", told, labels, self._tally.count(), "counter")
        told = "Deliveries of which nobody has known for a day whether they exist."
        yield Measure("long_uncertain", told, by, measures.long_uncertain(database, now))
        states, pauses = measures.connections(database)
        yield Measure("connections", "Connections by state.", (*at, "state"), states)
        told = "Paused connections by reason; one may have several."
        yield Measure("connections_paused", told, (*at, "reason"), pauses)

    def _of_process(self) -> Iterator[Measure]:
        waiting, limited = self._hub.budget.standing()
        yield _by_provider("calls_waiting", "Calls that wait for a limit.", waiting)
        told = "Limits that a provider's refusal pauses at this moment."
        yield _by_provider("limits_paused", told, limited)
        if self._hub.threads is None:
            return
        free, lost = self._hub.threads()
        yield _by_provider("drain_slots_free", "Drains that could begin now.", free)
        told = "Push threads that have not come back from a plugin."
        yield _by_provider("push_threads_lost", told, lost)


def _by_provider(name: str, about: str, figures: Mapping[str, int]) -> Measure:
    return Measure(name, about, ("provider",), {(slug,): one for slug, one in figures.items()})
