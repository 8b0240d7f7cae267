"""Products that are broken on purpose, each as somebody might have written it: the campaign of
faults has to catch every one of them, or it proves nothing of the sound one.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from kable_stripe_payments.client import Client

from kable_hub.domain import Push, Receipt, Unfinished
from kable_hub.errors import OutcomeUnknown, ProviderError
from kable_hub.store import outbox
from kable_hub.sync import endings, worker
from kable_hub.sync.access import Access
from kable_hub.sync.gate import Gate
from kable_hub.sync.steps import Steps, frozen
from kable_hub.sync.worker import Worker

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """A patch of the product, and the run that has to catch it. `says`: a word of the finding."""

    name: str
    patch: Patch
    provider: str
    kinds: tuple[str, ...]
    says: str
    seed: int = 1
    invoices: int = 6
    rate: float = 0.5
    portions: tuple[int, ...] = (4,)
    world: float = 0.1


def new_key(patch: pytest.MonkeyPatch) -> None:
    """Every attempt has a key of its own."""
    sound = Steps.push_of

    def push_of(self: Steps, run: Any) -> Push:
        return replace(sound(self, run), key=str(uuid.uuid4()))

    patch.setattr(Steps, "push_of", push_of)


def no_key(patch: pytest.MonkeyPatch) -> None:
    """No key is sent at all."""

    def post(self: Client, call: str, path: str, params: Mapping[str, Any], key: str) -> Any:
        return self._request(call, "POST", path, params)

    patch.setattr(Client, "post", post)


def no_mark(patch: pytest.MonkeyPatch) -> None:
    """Nothing is put on record before a document may exist."""
    patch.setattr(Gate, "_mark", lambda self: setattr(self, "wrote", True))


def done_before_sent(patch: pytest.MonkeyPatch) -> None:
    """A delivery counts as delivered from before it is sent: whatever follows is not looked at."""
    sound = Worker._send

    def send(self: Worker, run: Any) -> Any:
        try:
            return sound(self, run)
        except ProviderError:
            self._steps.freeze(run)
            invoice = run.subject.invoice
            invented = Receipt(f"sent {invoice.id}", invoice.total, invoice.currency, "")
            return endings.delivered(run, self._steps.provider, invented, self._steps.now())

    patch.setattr(Worker, "_send", send)


def no_find(patch: pytest.MonkeyPatch) -> None:
    """What has no answer after the second try is made anew, without a look."""

    def look(self: Worker, run: Any, refusal: Any = None) -> Any:
        return self.found(run, None, refusal)

    patch.setattr(Worker, "_look", look)
    patch.setattr(endings, "conclusive", lambda *_: True)


def believe_absence(patch: pytest.MonkeyPatch) -> None:
    """What is not found at once is believed never to come."""
    patch.setattr(worker.endings, "conclusive", lambda *_: True)


def retry_at_once(patch: pytest.MonkeyPatch) -> None:
    """A call without an answer is made again in the same breath, as a new document."""
    sound = Steps.call

    def call(self: Steps, runs: Sequence[Any], step: str, hook: str, **arguments: Any) -> Any:
        try:
            return sound(self, runs, step, hook, **arguments)
        except OutcomeUnknown:
            if hook == "push_invoice":
                again = replace(arguments["push"], key=str(uuid.uuid4()), progress={})
                arguments = {**arguments, "push": again}
            return sound(self, runs, step, hook, **arguments)

    patch.setattr(Steps, "call", call)


def no_lock(patch: pytest.MonkeyPatch) -> None:
    """Every thread refreshes by itself."""

    def refresh(self: Access, lane: Any, stale: Any, guard: Any) -> Any:
        return self._refresh_leased(lane, self.stored(lane), guard, 0)

    patch.setattr(Access, "refresh", refresh)


def drafts_at_once(patch: pytest.MonkeyPatch) -> None:
    """A draft is gone on from although a step of it may still come through."""
    sound = Worker.found

    def found(self: Worker, run: Any, found: Any, refusal: Any = None) -> Any:
        if isinstance(found, Unfinished) and refusal is None:
            run.generation = frozen(run).with_progress(found.progress)
            return self._send(run)
        return sound(self, run, found, refusal)

    patch.setattr(Worker, "found", found)


def edit_what_was_sent(patch: pytest.MonkeyPatch) -> None:
    """An edit asks nobody whether a document may exist."""
    patch.setattr(outbox, "discard_frozen", lambda *_: True)


TWICE, HALF = "stands 2 times", "half made"
CONFLICT = "document_conflict"
LOST, KEPT, LATE = ("lost after",), ("500 kept",), ("late",)
OLD = (*LOST, "forgotten")
MUTANTS = (
    Mutant("new key per attempt", new_key, "stripe", LOST, CONFLICT, seed=4, invoices=4),
    Mutant("no key", no_key, "stripe", LOST, CONFLICT, seed=4, invoices=4),
    Mutant(
        "mark not before send", no_mark, "stripe", (*LOST, "forgotten"), HALF, seed=2, world=0.4
    ),
    Mutant("done before sent", done_before_sent, "stripe", ("reset before",), "stands 0 times"),
    Mutant("no find after unknown", no_find, "stripe", KEPT, HALF, invoices=4),
    Mutant("believe absence at once", believe_absence, "stripe", LATE, HALF, seed=4, rate=0.7),
    Mutant("draft at once", drafts_at_once, "stripe", LATE, "differs by", seed=4, rate=0.7),
    Mutant("retry in the call", retry_at_once, "stripe", LOST, TWICE, seed=3, invoices=4),
    Mutant(
        "refresh without lock",
        no_lock,
        "quickbooks",
        ("expiry", "refresh slow"),
        "refresh token was used again",
        invoices=64,
        portions=(64,),
        world=1.0,
    ),
)
