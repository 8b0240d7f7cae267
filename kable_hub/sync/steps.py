"""Single steps of a delivery: one hook call with credentials, gate, law 2 and the timeline."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kable_hub import canonical
from kable_hub.clock import Clock, epoch_ms, from_ms
from kable_hub.dispatch import Dispatcher
from kable_hub.domain import JSON, Push
from kable_hub.errors import (
    ContractViolation,
    CredentialsExpired,
    LeaseLost,
    ProviderError,
    RateLimited,
    ReconnectRequired,
)
from kable_hub.provider import Capability, Provider
from kable_hub.store.credentials import Stored
from kable_hub.store.database import Database
from kable_hub.store.loading import FrozenGeneration
from kable_hub.store.pauses import Lane
from kable_hub.store.queue import Mark, Queue
from kable_hub.sync.access import Access
from kable_hub.sync.budget import Budget, Spender
from kable_hub.sync.gate import Gate
from kable_hub.sync.keys import CLOCKS_DIFFER, marker, still_kept
from kable_hub.sync.lease import Lease
from kable_hub.sync.run import Run

CALL_SECONDS = 60.0
ACCESS_SECONDS = 1.0
MAX_PROGRESS = 8192


@dataclass(frozen=True)
class Rooms:
    """What a worker needs of the hub."""

    clock: Clock
    database: Database
    queue: Queue
    dispatcher: Dispatcher
    access: Access
    budget: Budget
    instance_id: str


class Steps:
    """Calls hooks for one connection under one lease token. Used by many threads."""

    def __init__(self, rooms: Rooms, lane: Lane, lease: Lease, stop: threading.Event) -> None:
        self.rooms = rooms
        self.lane = lane
        self.token = lease.token
        self._lease = lease
        self._stop = stop
        self._access: tuple[float, Stored] | None = None
        self.provider: Provider = rooms.dispatcher.registry.provider(lane.provider)

    def now(self) -> int:
        """Epoch milliseconds."""
        return epoch_ms(self.rooms.clock.now())

    def call(self, runs: Sequence[Run], step: str, hook: str, **arguments: Any) -> Any:
        """Call one hook for one or several deliveries, and keep it for their timelines."""
        gate = self._gate(runs)
        started = self.now()
        try:
            result = self._with_credentials(gate, runs, hook, arguments)
        except ProviderError as error:
            self._throttle(error)
            for run in runs:
                run.note(step, gate, started, self.now(), error)
            raise
        finally:
            gate.close()
        for run in runs:
            run.note(step, gate, started, self.now())
        return result

    def push_of(self, run: Run) -> Push:
        """What a plugin gets to push or to look for."""
        generation, invoice = frozen(run), run.subject.invoice
        if invoice is None:
            raise ContractViolation("the invoice of this delivery is gone")
        return Push(
            invoice=invoice,
            link=generation.link,
            document=generation.document,
            key=generation.key,
            generation=generation.number,
            since=from_ms(run.subject.first_sent_at or _begun(run, generation)) - CLOCKS_DIFFER,
            marker=marker(self.rooms.instance_id, self.lane.scope.account_id, invoice.id),
            progress=generation.progress,
            save=self._saving(run, generation.number),
        )

    def freeze(self, run: Run) -> None:
        """Commit the plan of a run that was not frozen with its mark. Raises LeaseLost where it
        was outdated meanwhile."""
        if run.unfrozen is None:
            return
        if not self.rooms.queue.freeze(run.subject.delivery, self.token, run.unfrozen):
            raise LeaseLost("the plan was outdated while it was made")
        run.unfrozen = None

    def may_replay(self, generation: FrozenGeneration) -> bool:
        """Law 3: once more under the same key, where the provider surely still knows it.

        Not while the connection is paused: what never arrived would be sent.
        """
        dedupe, first = self.provider.dedupe, generation.first_sent_at
        used_up = generation.key_spent or generation.sends > 1
        if dedupe.by != "key" or used_up or first is None:
            return False
        return self.lane.may_send and still_kept(dedupe.keeps, first, self.now())

    def _with_credentials(
        self, gate: Gate, runs: Sequence[Run], hook: str, arguments: dict[str, Any]
    ) -> Any:
        access, lane, aside = self.rooms.access, self.lane, gate.aside()
        stored = self._credentials(lane, aside)
        for last in (False, True):
            for run in runs:
                run.access = stored.version
            connection = access.open(lane, stored.credentials, gate)
            try:
                return self.rooms.dispatcher.call(
                    lane.provider, hook, connection=connection, **arguments
                )
            except ReconnectRequired:
                self._access = None
                raise
            except CredentialsExpired as error:
                self._access = None
                if last or not self.provider.can(Capability.REFRESH):
                    raise ReconnectRequired(error.message, request_id=error.request_id) from error
                stored = access.refresh(lane, stored, aside)
        raise AssertionError("the second round returns or raises")

    def _credentials(self, lane: Lane, aside: Gate) -> Stored:
        """Read again every second only: what is older and refused is refused by its version."""
        now, kept = self.rooms.clock.monotonic(), self._access
        if kept is not None and now - kept[0] < ACCESS_SECONDS:
            return kept[1]
        stored = self.rooms.access.credentials(lane, aside)
        self._access = (now, stored)
        return stored

    def _gate(self, runs: Sequence[Run]) -> Gate:
        rooms = self.rooms
        return Gate(
            clock=rooms.clock,
            budget=rooms.budget,
            spender=self._spender(),
            ends=rooms.clock.monotonic() + CALL_SECONDS,
            in_transaction=rooms.database.in_transaction,
            stop=self._stop,
            before_write=lambda: self._mark(runs),
            alive=lambda: self._alive(runs),
        )

    def _alive(self, runs: Sequence[Run]) -> bool:
        abandoned = any(run.abandoned for run in runs)
        return not abandoned and self._lease.holds()

    def _mark(self, runs: Sequence[Run]) -> None:
        """Law 2: on record, and fenced, before the first writing call of every step."""
        for run in runs:
            run.check()
        marks = [_mark_of(run) for run in runs]
        if not self.rooms.queue.mark_may_exist(marks, self.token, self.now()):
            raise LeaseLost("the plan was outdated or another worker took over")
        for run in runs:
            run.may_exist = run.marked = True
            run.unfrozen = None

    def _saving(self, run: Run, number: int) -> Callable[[Mapping[str, JSON]], None]:
        def save(progress: Mapping[str, JSON]) -> None:
            run.check()
            if len(canonical.dumps(progress).encode()) > MAX_PROGRESS:
                raise ContractViolation("progress is larger than 8 kB")
            self.freeze(run)
            delivery = run.subject.delivery
            if not self.rooms.queue.save_progress(delivery.id, self.token, number, dict(progress)):
                raise LeaseLost("another worker took over")
            run.generation = frozen(run).with_progress(progress)

        return save

    def _throttle(self, error: ProviderError) -> None:
        if isinstance(error, RateLimited) or error.limit:
            self.rooms.budget.pause(self._spender(), error.limit, error.retry_after)

    def _spender(self) -> Spender:
        lane = self.lane
        return Spender(self.provider, lane.scope.environment, lane.id, lane.app_id)


def frozen(run: Run) -> FrozenGeneration:
    """The generation that is sent or looked for."""
    if run.generation is None:
        raise ContractViolation("what was sent is not on record")
    return run.generation


def _begun(run: Run, generation: FrozenGeneration) -> int:
    """The moment from which on something of the generation may exist; where what was sent is not
    on record, that of the delivery, or from which on the record is lost."""
    delivery, lost = run.subject.delivery, run.subject.lost
    if delivery.may_exist and run.subject.generation is None:
        return min(delivery.created_at, lost.began) if lost else delivery.created_at
    return generation.first_sent_at or generation.frozen_at


def _mark_of(run: Run) -> Mark:
    delivery = run.subject.delivery
    if delivery.kind != "push":
        return Mark(delivery)
    return Mark(delivery, frozen(run).number, run.unfrozen)
