"""Batches (law 10): members, order and key are stored first; a lost answer is replayed once
unchanged; then each member is uncertain by itself. An item's error concerns that item.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from kable_hub.domain import Receipt
from kable_hub.errors import NeedsOperator, ProviderError
from kable_hub.provider import Capability, Provider
from kable_hub.store.loading import FrozenGeneration
from kable_hub.store.queue import Settlement
from kable_hub.sync import endings
from kable_hub.sync.keys import batch_key
from kable_hub.sync.planning import freeze_batch, plan
from kable_hub.sync.run import Run
from kable_hub.sync.steps import Steps, frozen
from kable_hub.sync.worker import Worker

SMALLEST = 2


class BatchWorker:
    """Works several deliveries of one connection with one call."""

    def __init__(self, steps: Steps, worker: Worker) -> None:
        self._steps = steps
        self._worker = worker

    def push_new(self, runs: Sequence[Run]) -> list[Settlement]:
        """Plan, freeze and send deliveries of which nothing exists yet."""
        ends: list[Settlement] = []
        planned: list[tuple[Run, FrozenGeneration]] = []
        for run in runs:
            try:
                planned.append((run, run.generation or plan(self._steps, run)))
            except ProviderError as error:
                ends.append(self._failed(run, error))
        fresh = [(run, made) for run, made in planned if run.generation is None]
        freeze_batch(self._steps, fresh)
        members = [run for run, _ in planned if run.generation is not None]
        ends += [self._outdated(run) for run, _ in planned if run.generation is None]
        if members:
            ends += self._send(members, self._store_members(members))
        return ends

    def replay(self, runs: Sequence[Run]) -> list[Settlement]:
        """Send a whole batch once more, unchanged."""
        return self._send(runs, frozen(runs[0]).batch_key)

    def look(self, runs: Sequence[Run]) -> list[Settlement]:
        """Look for several documents at once."""
        pushes = [self._steps.push_of(run) for run in runs]
        try:
            found = self._steps.call(runs, "find", "find_invoices", pushes=pushes)
        except ProviderError as error:
            return self._all_failed(runs, error)
        return [self._seen(run, one) for run, one in zip(runs, found, strict=True)]

    def _send(self, runs: Sequence[Run], key: str) -> list[Settlement]:
        pushes = [self._steps.push_of(run) for run in runs]
        try:
            results = self._steps.call(runs, "push", "push_invoices", pushes=pushes, batch_key=key)
        except ProviderError as error:
            return self._all_failed(runs, error)
        return [self._pushed(run, one) for run, one in zip(runs, results, strict=True)]

    def _store_members(self, runs: Sequence[Run]) -> str:
        generations = [frozen(run) for run in runs]
        key = batch_key([one.key for one in generations])
        members = [(run.subject.delivery.id, frozen(run).number) for run in runs]
        self._steps.rooms.queue.store_batch(members, key)
        for run in runs:
            run.generation = frozen(run).in_batch(key)
        return key

    def _pushed(self, run: Run, result: Receipt | ProviderError) -> Settlement:
        if isinstance(result, Receipt):
            return endings.delivered(run, self._steps.provider, result, self._steps.now())
        run.blame(result)
        return self._guarded(run, lambda: self._worker.refused(run, result))

    def _seen(self, run: Run, found: Any) -> Settlement:
        match found:
            case NeedsOperator():
                return self._guarded(run, lambda: self._worker.unclear(run, found))
            case ProviderError():
                return self._failed(run, found)
        return self._guarded(run, lambda: self._worker.found(run, found))

    def _guarded(self, run: Run, work: Callable[[], Settlement]) -> Settlement:
        try:
            return work()
        except ProviderError as error:
            return self._failed(run, error)

    def _failed(self, run: Run, error: ProviderError) -> Settlement:
        return endings.failed(run, error, self._steps.now())

    def _all_failed(self, runs: Sequence[Run], error: ProviderError) -> list[Settlement]:
        """One wait for all members, so that they come back together and can be replayed."""
        ends = [self._failed(run, error) for run in runs]
        together = max(end.due_at for end in ends)
        return [end.due(together) for end in ends]

    def _outdated(self, run: Run) -> Settlement:
        return endings.absent(run, self._steps.now())


def group(
    runs: Sequence[Run], provider: Provider, steps: Steps
) -> tuple[list[list[Run]], list[list[Run]], list[list[Run]], list[Run]]:
    """Sort claimed runs into new batches, batches to replay, runs to look for, and singles."""
    pushes = [run for run in runs if run.subject.delivery.kind == "push"]
    single = [run for run in runs if run.subject.delivery.kind != "push"]
    new = [run for run in pushes if not run.may_exist]
    replays, rest = _replays([run for run in pushes if run.may_exist], steps)
    news: list[list[Run]] = []
    if provider.can(Capability.PUSH_INVOICES) and len(new) >= SMALLEST:
        news = _chunks(new, provider.batch_size)
        if len(news[-1]) < SMALLEST:
            single += news.pop()
    else:
        single += new
    looks: list[list[Run]] = []
    if provider.can(Capability.FIND_INVOICES):
        batched = [run for run in rest if run.generation and run.generation.batch_key]
        looks = _chunks(batched, provider.batch_size)
        rest = [run for run in rest if not (run.generation and run.generation.batch_key)]
    return news, replays, looks, single + rest


def _replays(uncertain: list[Run], steps: Steps) -> tuple[list[list[Run]], list[Run]]:
    batches: dict[str, list[Run]] = defaultdict(list)
    rest: list[Run] = []
    for run in uncertain:
        made = run.generation
        if made is None or not made.batch_key or not steps.may_replay(made):
            rest.append(run)
        else:
            batches[made.batch_key].append(run)
    whole: list[list[Run]] = []
    for key, members in batches.items():
        if len(members) == steps.rooms.queue.batch_members(key):
            whole.append(sorted(members, key=lambda run: frozen(run).batch_position))
        else:
            rest += members
    return whole, rest


def _chunks(runs: list[Run], size: int) -> list[list[Run]]:
    step = max(1, size)
    return [runs[start : start + step] for start in range(0, len(runs), step)]
