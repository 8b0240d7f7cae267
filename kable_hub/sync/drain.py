"""Drain one connection: take its due deliveries in order and push them, for one time slice.

acquire the lease ─▶ claim ─▶ push threads ─▶ settle in batches ─▶ release, to the end of the line
    │ what an earlier worker left in flight is uncertain where it may exist, else due
    └ the lease is renewed while threads are at work; once it is lost nothing is sent or written

A few deliveries are claimed ahead of the threads, in one go, so that no thread waits for the
database; what the slice does not get to is given back as it was. A slice begins anew in place
while nobody else waits for the thread that drains.
"""

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from kable_hub.clock import epoch_ms
from kable_hub.errors import ContractViolation, LeaseLost, OutcomeUnknown, RateLimited, Transient
from kable_hub.store.consequences import carry_out
from kable_hub.store.loading import load_subjects
from kable_hub.store.pauses import Lane, load_lane
from kable_hub.store.queue import Settlement
from kable_hub.store.statements import CLAIMABLE, SETTLING
from kable_hub.sync import endings
from kable_hub.sync.batch import BatchWorker, group
from kable_hub.sync.lease import Lease
from kable_hub.sync.run import Run
from kable_hub.sync.steps import CALL_SECONDS, Rooms, Steps
from kable_hub.sync.worker import Worker

log = logging.getLogger(__name__)

FLUSH_ROWS = 50
FLUSH_SECONDS = 0.5
TICK_SECONDS = 0.25
BATCHES = 8
"""At most so many are claimed in one go, so that the lease is renewed in between."""

STOP_SECONDS = 40.0
"""So long a push that is under way is waited for once the hub stops; no sound call takes longer."""

DOWN_AFTER = 5
"""So many passing failures in a row, and the slice ends: the provider is away."""

DOWN_MS = 5000
NOTHING = "1 = 0"
_DOWN = {cls.__name__ for cls in (Transient, OutcomeUnknown, RateLimited)}


@dataclass(frozen=True)
class Pace:
    """How long a slice and a lease last (seconds), and how many pushes are under way at once."""

    slice_seconds: float = 10.0
    lease_seconds: float = 15.0
    width: int = 16


def drain(
    rooms: Rooms,
    connection_id: str,
    pace: Pace,
    pushers: Executor,
    stop: threading.Event,
    others_wait: Callable[[], bool] = lambda: True,
    lost: Callable[[Future[Any]], None] = lambda _push: None,
    share: Callable[[], int] = lambda: sys.maxsize,
) -> bool:
    """Work the connection for one slice, or more while no `others_wait`.

    `lost` is told each push that was given up while its thread was still at work. `share` says how
    many of the pushers' threads this drain may fill now. False where somebody else holds the
    connection.
    """
    lease = Lease(rooms.clock, rooms.queue, connection_id, int(pace.lease_seconds * 1000))
    if not lease.acquire():
        return False
    rooms.budget.hold(connection_id, lease.token)
    with rooms.database.read():
        lane = load_lane(connection_id)
    if lane is None:
        return False
    states, not_before, work = NOTHING, 0, None
    try:
        if lane.provider in {one.slug for one in rooms.dispatcher.registry.providers()}:
            work = _Slice(rooms, lane, lease, pace, pushers, stop, others_wait, lost, share)
            states, not_before = work.run()
    finally:
        now = epoch_ms(rooms.clock.now())
        rooms.queue.release(connection_id, lease.token, now, states=states, not_before=not_before)
    if work is not None:
        _hear_of_resume(rooms, connection_id, states)
    return True


def _hear_of_resume(rooms: Rooms, connection_id: str, states: str) -> None:
    """A pause that ended while the lease was given back: its wake was written over."""
    with rooms.database.read():
        lane = load_lane(connection_id)
    if lane is not None and _claimable(lane) != states:
        rooms.queue.wake(connection_id, epoch_ms(rooms.clock.now()))


_Job: TypeAlias = tuple[Callable[[Sequence[Run]], list[Settlement]], list[Run]]


@dataclass
class _Slice:
    rooms: Rooms
    lane: Lane
    lease: Lease
    pace: Pace
    pushers: Executor
    stop: threading.Event
    others_wait: Callable[[], bool]
    let_go: Callable[[Future[Any]], None]
    share: Callable[[], int]
    ahead: deque[_Job] = field(default_factory=deque)
    under_way: dict[Future[list[Settlement]], list[Run]] = field(default_factory=dict)
    ended: list[tuple[Settlement, Run]] = field(default_factory=list)
    after: tuple[int, str] = (0, "")
    exhausted: bool = False
    lost: bool = False
    failures_in_a_row: int = 0
    stopped: float | None = None

    def __post_init__(self) -> None:
        self.clock = self.rooms.clock
        self.started = self.flushed = self.clock.monotonic()
        self.last_progress = self.started
        self.looked = self.started
        self.steps = Steps(self.rooms, self.lane, self.lease, self.stop)
        self.worker = Worker(self.steps)
        self.batches = BatchWorker(self.steps, self.worker)

    def run(self) -> tuple[str, int]:
        """Work until the slice is over; answers what may be worked next, and not before when."""
        while not self.lost:
            self._fill()
            if not self.under_way:
                break
            self._collect()
            self._flush()
            self.lost |= not self.lease.keep()
        self._give_up(hung=False)
        self._flush(force=True)
        self._give_back()
        self._look()
        return _claimable(self.lane), self._not_before()

    def _not_before(self) -> int:
        if self.failures_in_a_row < DOWN_AFTER:
            return 0
        return epoch_ms(self.clock.now()) + DOWN_MS

    def _look(self) -> None:
        """See whether the connection is paused by now, and what its settings are."""
        with self.rooms.database.read():
            self.lane = self.steps.lane = load_lane(self.lane.id) or self.lane
        self.looked = self.clock.monotonic()

    def _open(self) -> bool:
        over = self.clock.monotonic() - self.started >= self.pace.slice_seconds
        if over and not self.others_wait():
            self.started, self.after, over = self.clock.monotonic(), (0, ""), False
        down = self.failures_in_a_row >= DOWN_AFTER
        return not (over or down or self.stop.is_set())

    def _fill(self) -> None:
        """Give the free threads work."""
        width = self._width()
        room = width - len(self.under_way)
        if not self._open():
            self._give_back()
            return
        if len(self.ahead) < room and not self.exhausted:
            self._claim(room)
        elif self.ahead and self.clock.monotonic() - self.looked >= TICK_SECONDS:
            self._look()
        if not self.lane.may_send:
            # Paused since they were claimed: what is uncertain may still be looked at.
            self._give_back(keep_uncertain=self.lane.may_look)
        while self.ahead and len(self.under_way) < width:
            work, runs = self.ahead.popleft()
            self.under_way[self.pushers.submit(work, runs)] = runs
            self.last_progress = self.clock.monotonic()

    def _width(self) -> int:
        """A push holds its thread while it waits for its turn: what many drains fill, each
        fills a share of."""
        return max(1, min(self.pace.width, self.share()))

    def _claim(self, room: int) -> None:
        idle = not self.under_way and not self.ahead
        size = self.steps.provider.batch_size
        wanted = self.pace.width if size == 1 else min(room, BATCHES) * size
        self._look()
        now, states = epoch_ms(self.clock.now()), _claimable(self.lane)
        claimed = self.rooms.queue.claim(
            self.lane.id, self.lease.token, now, wanted, after=self.after, states=states
        )
        self.exhausted = len(claimed) < wanted and idle
        if not claimed:
            return
        self.after = (claimed[-1].due_at, claimed[-1].id)
        # After the claim: settings saved in between outdate the plan, never the reverse.
        self._look()
        with self.rooms.database.read():
            runs = [Run.of(subject) for subject in load_subjects(self.lane.id, claimed)]
        self.ahead.extend(self._jobs(runs))

    def _jobs(self, runs: list[Run]) -> Iterator[_Job]:
        news, replays, looks, singles = group(runs, self.steps.provider, self.steps)
        for work, batches in (
            (self.batches.push_new, news),
            (self.batches.replay, replays),
            (self.batches.look, looks),
        ):
            for members in batches:
                yield work, members
        for run in singles:
            yield self._work_one, [run]

    def _work_one(self, runs: Sequence[Run]) -> list[Settlement]:
        return [self.worker.work(run) for run in runs]

    def _give_back(self, *, keep_uncertain: bool = False) -> None:
        """Return what was claimed ahead, as if it had never been claimed."""
        kept, back = deque[_Job](), []
        for work, runs in self.ahead:
            if keep_uncertain and runs[0].may_exist:
                kept.append((work, runs))
            else:
                back += [run.subject.delivery for run in runs]
        if back and not self.lost:
            self.rooms.queue.give_back(back, self.lease.token)
        self.ahead = kept

    def _collect(self) -> None:
        done, _ = wait(self.under_way, TICK_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            runs = self.under_way.pop(future)
            for end in self._result(future, runs):
                run = next(one for one in runs if one.subject.delivery.id == end.delivery.id)
                self.ended.append((end, run))
            self.exhausted = False
            self.last_progress = self.clock.monotonic()
        now = self.clock.monotonic()
        if self.stop.is_set() and self.stopped is None:
            self.stopped = now
        if now - self.last_progress > CALL_SECONDS * 2:
            self._give_up(hung=True)
        elif self.stopped is not None and now - self.stopped > STOP_SECONDS:
            self._give_up(hung=False)

    def _result(self, future: Future[list[Settlement]], runs: list[Run]) -> list[Settlement]:
        try:
            ends = future.result()
        except Exception:
            log.exception("deliveries of %s could not be worked", self.lane.id)
            ends = [self._internal(run) for run in runs]
        down = all(run.attempts and run.attempts[-1].outcome in _DOWN for run in runs)
        self.failures_in_a_row = self.failures_in_a_row + 1 if down else 0
        return ends

    def _flush(self, *, force: bool = False) -> None:
        waited = self.clock.monotonic() - self.flushed
        ready = len(self.ended) >= FLUSH_ROWS or waited >= FLUSH_SECONDS or not self.under_way
        if not self.ended or not (ready or force):
            return
        if any(end.pause_reason for end, _ in self.ended):
            # Before the pause is written, so that it reaches what was claimed ahead as well.
            self._give_back()
        try:
            lost = self._settle(self.ended)
        except Exception:
            log.exception("ends of %s could not be written together", self.lane.id)
            lost = [one for pair in self.ended for one in self._settle_alone(*pair)]
        if lost:
            log.warning("%d deliveries of %s were taken over", len(lost), self.lane.id)
            self.lost = True
        self.ended.clear()
        self.flushed = self.clock.monotonic()

    def _settle(self, ended: list[tuple[Settlement, Run]]) -> list[str]:
        now = epoch_ms(self.clock.now())
        runs = {end.delivery.id: run for end, run in ended}
        ends = [end for end, _ in ended]
        return self.rooms.queue.settle(ends, self.lease.token, now, self._carrying(runs, now))

    def _settle_alone(self, end: Settlement, run: Run) -> list[str]:
        """An end that cannot be written takes no other with it."""
        try:
            return self._settle([(end, run)])
        except Exception:
            log.exception("the end of delivery %s could not be written", end.delivery.id)
            return self._settle([(self._internal(run), run)])

    def _internal(self, run: Run) -> Settlement:
        """The hub itself failed, so no person can help: it is tried again later."""
        error = Transient("the hub failed on this delivery", code="internal_error")
        run.attempts.clear()
        return endings.failed(run, error, epoch_ms(self.clock.now()))

    def _carrying(self, runs: dict[str, Run], now: int) -> Callable[[Settlement], None]:
        def carry(end: Settlement) -> None:
            carry_out(self.lane, end, runs[end.delivery.id].linked, now)

        return carry

    def _give_up(self, *, hung: bool) -> None:
        """Let go of threads that are still at work; the gate refuses whatever they still try."""
        for future, runs in self.under_way.items():
            never_began = future.cancel()
            if not never_began:
                self.let_go(future)
            for run in runs:
                run.abandoned = True
                # A request may be under way in that thread until it times out.
                run.unsettled |= not never_began
                self.ended.append((self._abandoned(run, hung and not never_began), run))
        self.under_way.clear()

    def _abandoned(self, run: Run, hung: bool) -> Settlement:
        error: LeaseLost | ContractViolation = LeaseLost("the lease was lost")
        if hung:
            error = ContractViolation("the plugin did not come back", code="plugin_hung")
            log.error("%s hung on delivery %s", self.lane.provider, run.subject.delivery.id)
        # What the thread has seen since is lost with its end: it is looked for once more.
        doubted = replace(run, may_exist=run.may_exist or run.marked)
        return endings.failed(doubted, error, epoch_ms(self.clock.now()))


def _claimable(lane: Lane) -> str:
    if lane.may_send:
        return CLAIMABLE
    return SETTLING if lane.may_look else NOTHING
