"""What a process is in the middle of when it dies: together, all that a drain can do."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from kable_hub.testing import Fault
from tests.campaigns.dying import Moment, drained, telling
from tests.shop import Shop

HOUR = 3600
SETTLED = 200
"""Seconds after which neither provider can still do what it did not answer."""

WRITES = r"/(v1/invoices|v3/company)"
"""Where documents are written."""


NEVER = """{
    "error": {"type": "invalid_request_error", "message": "No.", "param": "due_date"},
    "Fault": {"type": "ValidationFault", "Error": [{"code": "2010", "Message": "No."}]}
}"""
"""A refusal in the words of each provider."""


@dataclass(frozen=True)
class Scene:
    """`prepare` accepts invoices and brings about what `work` meets; it answers their numbers.

    `arrives`: whether they have to stand at the provider in the end; where not, it depends on
    the step. `slug`: met at this provider only. `calls`: the processes die at its requests to
    the provider too. `accepts`: invoices are accepted in it; `refreshes`: credentials are renewed.
    """

    name: str
    prepare: Callable[[Shop], list[str]]
    work: Callable[[Shop], None] = drained
    arrives: bool = True
    slug: str = ""
    calls: bool = False
    accepts: bool = False
    refreshes: bool = False


def _one(stage: Shop) -> list[str]:
    return [stage.invoice()["number"]]


def _several(stage: Shop) -> list[str]:
    return [number for _ in range(5) for number in _one(stage)]


def _stopped(stage: Shop) -> None:
    """Told to stop when twice as much is claimed as its share of the threads can begin."""
    stop = threading.Event()

    def tell(name: str, moment: Moment) -> None:
        if (name, moment) == ("Queue.claim", "after"):
            stop.set()

    stage.pace = replace(stage.pace, width=2)
    with telling(stage.hub.database, tell):
        drained(stage, stop, threads=1)


def _slow(stage: Shop) -> None:
    """Time passes with every transaction, so that the lease has to be renewed."""
    with telling(stage.hub.database, lambda _name, _moment: stage.clock.advance(1)):
        drained(stage, threads=1)


def _faulty(fault: Callable[[], Fault]) -> Callable[[Shop], list[str]]:
    def prepare(stage: Shop) -> list[str]:
        stage.simulator.fault(fault())
        return _one(stage)

    return prepare


def _uncertain(stage: Shop) -> list[str]:
    """The answer to the first write was lost after it was done."""
    numbers = _faulty(lambda: Fault(WRITES, "POST", stage="after", reset=True))(stage)
    stage.work()
    stage.clock.advance(5)
    return numbers


def _nowhere(stage: Shop) -> list[str]:
    """Neither the first send nor the second arrived, and nothing can come through any more."""
    numbers = _faulty(lambda: Fault(WRITES, "POST", reset=True, times=2))(stage)
    stage.work()
    stage.pass_time(5)
    stage.clock.advance(SETTLED)
    return numbers


def _cardless(stage: Shop) -> list[str]:
    """Nobody can be charged, and the provider says so."""
    stage.numbers += 1
    client = f"cardless-{stage.numbers}"
    vars(type(stage))["customer"](stage, client, with_card=False)
    return [stage.invoice(customer=client)["number"]]


def _expired(stage: Shop) -> list[str]:
    stage.clock.advance(HOUR)
    return _one(stage)


def _refresh_fails(stage: Shop) -> list[str]:
    stage.simulator.fault(Fault(path="bearer", status=503, times=2))
    return _expired(stage)


def _announced(stage: Shop) -> list[str]:
    """Not sent yet: the process that dies is the one that accepts it."""
    stage.numbers += 1
    return [f"INV-{stage.numbers}"]


def _accepting(stage: Shop) -> None:
    stage.invoice(f"INV-{stage.numbers}")


def _starting(stage: Shop) -> None:
    if stage.hub.database.is_sqlite:
        stage.hub.queue.void_leases()
    stage.hub.queue.reconcile(stage.hub.now())
    drained(stage)


def _refused() -> Fault:
    return Fault(WRITES, "POST", status=400, body=NEVER)


SCENES = (
    Scene("a push", _one, calls=True),
    Scene("an invoice accepted", _announced, _accepting, accepts=True),
    Scene("the start of the engine", _one, _starting),
    Scene("several pushes", _several, _stopped),
    Scene("a slow push", _one, _slow),
    Scene("a lost answer", _faulty(lambda: Fault(WRITES, "POST", reset=True))),
    Scene("a push sent again", _uncertain, calls=True),
    Scene("a push found nowhere", _nowhere),
    Scene(
        "a refusal", _faulty(lambda: Fault(WRITES, "POST", status=400, body=NEVER)), arrives=False
    ),
    Scene("a block", _cardless, arrives=False, slug="stripe"),
    Scene("a refresh", _expired, slug="quickbooks", calls=True, refreshes=True),
    Scene("a refresh that fails", _refresh_fails, slug="quickbooks", refreshes=True),
)
