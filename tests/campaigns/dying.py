"""Every step of a drain at which a process may die, by name, and a process that dies there.

A step is a transaction that the drain, its credentials or the caller's request writes, named by
the function that opens it, or a request to the provider. At each, a forked process is killed for
real: in the transaction, just before its commit, and just after it; when the provider has the
request but did nothing, and when it did what was asked and could not say so.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal

from kable_hub.store import tables as t
from kable_hub.store.database import Database
from kable_hub.sync.drain import drain
from kable_hub.testing import Fault, observing
from kable_hub.usecases.hub import open_hub
from kable_hub.web import context
from tests.shop import Shop

WRITES = {
    "Queue.acquire": "the lease is taken, what an earlier worker left is recovered",
    "Queue.claim": "deliveries are claimed",
    "Queue.freeze_many": "plans are frozen",
    "Queue.store_batch": "a batch's members, order and key are stored",
    "Queue.mark_may_exist": "a plan is frozen and marked: from here on something may exist",
    "Queue.save_progress": "a plugin's progress is saved",
    "Queue.renew": "the lease is renewed",
    "Queue.give_back": "what was claimed ahead is given back",
    "Queue.settle": "ends are written",
    "Queue.release": "the lease is given back; after it comes the look for what came due",
    "Queue.wake": "the connection is woken",
    "Queue.void_leases": "the engine starts: leases of dead processes are void",
    "Queue.reconcile": "what a crash between commit and wake left is woken",
    "Access._refresh_alone": "the refresh is leased",
    "Access._save": "new credentials are stored",
    "Access._end": "the refresh is over without new credentials",
    "Memories._read": "a fact about the connection is kept",
}
"""The functions of the drain that write, and what each writes."""

ENDS = ("delivered", "due", "uncertain", "blocked", "rejected")
"""The states in which a drain leaves a delivery: `Queue.settle` is a step for each."""

BESIDE = {
    "EventWorker._failed": "a stored webhook, worked again",
    "EventWorker._finish": "a stored webhook, worked again",
    "EventWorker._apply": "a stored webhook, worked again",
    "Asking._pause": "a person's question, asked again",
    "Census._see": "a worker counts those alive, again a moment later",
    "Census.stop": "a worker that ends; one that dies is counted out by its age",
}
"""Writes of the sync's rooms that no drain does."""

Moment = Literal["in", "after", "not done", "done"]


@dataclass(frozen=True, order=True)
class Step:
    """`name` is a function (of `Queue.settle` with the state) or `call`; `number` counts its
    occurrences in a scenario, from 1."""

    name: str
    number: int
    moment: Moment

    def __str__(self) -> str:
        return f"{self.name} {self.number} {self.moment}"


def steps_of(stage: Shop, work: Callable[[Shop], None]) -> list[Step]:
    """Let a process do the work undisturbed; answers every step it took, in order."""
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    taken: list[Step] = []
    numbers: Counter[str] = Counter()

    def see(*_: object) -> None:
        numbers["call"] += 1
        ours_too = (Step("call", numbers["call"], one) for one in ("not done", "done"))
        taken.extend(ours_too)

    def tell(name: str, moment: Moment) -> None:
        theirs.send((name, moment))

    with observing(see):
        assert _ended(stage, work, tell) == 0
    theirs.close()
    with suppress(EOFError):
        while True:
            name, moment = ours.recv()
            numbers[name] += moment == "in"
            taken.append(Step(name, numbers[name], moment))
    return taken


def killed_at(stage: Shop, work: Callable[[Shop], None], step: Step) -> None:
    """Let a process do the work and kill it at that step."""
    if step.name == "call":
        _killed_at_call(stage, work, step)
        return
    left = [step.number]

    def tell(name: str, moment: Moment) -> None:
        if (name, moment) == (step.name, step.moment):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    ended = _ended(stage, work, tell)
    assert ended == -signal.SIGKILL, f"{step} was not met: {ended}"


def _killed_at_call(stage: Shop, work: Callable[[Shop], None], step: Step) -> None:
    if step.moment == "not done":
        stage.simulator.fault(Fault(status=503, skip=step.number - 1))
    seen = [0]
    worker = _process(stage, work, lambda _name, _moment: None)

    def watch(*_: object) -> None:
        seen[0] += 1
        if seen[0] == step.number and worker.pid:
            os.kill(worker.pid, signal.SIGKILL)

    with observing(watch):
        worker.start()
        worker.join(60)
    reopened(stage)
    assert worker.exitcode == -signal.SIGKILL, f"{step} was not met: {worker.exitcode}"


def _ended(stage: Shop, work: Callable[[Shop], None], tell: Callable[[str, Moment], None]) -> int:
    worker = _process(stage, work, tell)
    worker.start()
    worker.join(60)
    reopened(stage)
    assert worker.exitcode is not None, "the worker hangs"
    return worker.exitcode


def _process(stage: Shop, work: Callable[[Shop], None], tell: Callable[[str, Moment], None]) -> Any:
    stage.hub.database.close()

    def be() -> None:
        with telling(stage.hub.database, tell):
            work(stage)
        os._exit(0)

    return multiprocessing.get_context("fork").Process(target=be)


@contextmanager
def telling(database: Database, tell: Callable[[str, Moment], None]) -> Iterator[None]:
    """Tell of each transaction of this process, by the function that opens it."""
    real = database.write

    @contextmanager
    def write(*, durable: bool = True) -> Iterator[None]:
        frame = _opener()
        if database.in_transaction():
            with real(durable=durable):
                yield
            return
        name = frame.f_code.co_qualname
        if name == "Queue.settle":
            name = f"{name} {frame.f_locals['settlements'][0].state}"
        with real(durable=durable):
            yield
            tell(name, "in")
        tell(name, "after")

    vars(database)["write"] = write
    try:
        yield
    finally:
        vars(database)["write"] = real


def _opener() -> FrameType:
    """The frame of who opens a transaction: past this file's frames and contextlib's."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename in (__file__, contextlib.__file__) and frame.f_back:
        frame = frame.f_back
    return frame


# --- the next process ------------------------------------------------------------------------


def reopened(stage: Shop) -> None:
    """A new process opens the store, as an engine does at its start. Where several may work one
    store, the lease of the dead one has to run out."""
    stage.hub.close()
    stage.hub = open_hub(stage.hub.settings, clock=stage.clock, registry=stage.hub.registry)
    context.install(stage.app, stage.hub)
    if stage.hub.database.is_sqlite:
        stage.hub.queue.void_leases()
    else:
        # Twice, as the clock of a slow one was ahead.
        stage.clock.advance(2 * stage.pace.lease_seconds)
    stage.hub.queue.reconcile(stage.hub.now())


def drained(stage: Shop, stop: threading.Event | None = None, *, threads: int = 2) -> None:
    """One drain of the connection in the test environment."""
    with stage.hub.database.read():
        connection = t.Connection.get(t.Connection.environment == "test").id
    with ThreadPoolExecutor(threads) as pushers:
        given = (stage.rooms, connection, stage.pace, pushers, stop or threading.Event())
        drain(*given, share=lambda: threads)
