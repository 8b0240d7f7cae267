"""A hub process that is killed in the middle of a call, for real.

The process is a fork that does one drain on the same store; the simulator's side kills it when
the call arrives that is named, before anything of the answer is on its way.
"""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kable_hub.store import tables as t
from kable_hub.sync.drain import drain
from kable_hub.testing import Fault, observing
from tests.shop import Shop


def killed_at(stage: Shop, call: int, *, executed: bool) -> list[str]:
    """Drain in a process of its own until the provider has the `call`th request, and kill it
    there; answers the requests. `executed`: the provider had done what was asked."""
    if not executed:
        stage.simulator.fault(Fault(status=503, skip=call - 1))
    with stage.hub.database.read():
        connection = t.Connection.get(t.Connection.environment == "test").id
    stage.hub.database.close()
    worker = multiprocessing.get_context("fork").Process(target=_drain, args=(stage, connection))
    seen: list[str] = []

    def watch(_simulator: object, request: Any, _answer: object) -> None:
        seen.append(f"{request.method} {request.path}")
        if len(seen) == call and worker.pid:
            os.kill(worker.pid, signal.SIGKILL)

    with observing(watch):
        worker.start()
        worker.join(60)
    assert worker.exitcode == -signal.SIGKILL, worker.exitcode
    return seen


def _drain(stage: Shop, connection: str) -> None:
    with ThreadPoolExecutor(2) as pushers:
        drain(stage.rooms, connection, stage.pace, pushers, threading.Event())
    os._exit(0)
