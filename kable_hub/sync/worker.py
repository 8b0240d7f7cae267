"""Work one claimed delivery: plan, freeze, send, look, settle. The laws of the contract in code.

Everything here runs in a push thread, outside any transaction; what it decides is a
Settlement, which the drain writes under the fencing token.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kable_hub import canonical
from kable_hub.clock import Clock, epoch_ms, from_ms
from kable_hub.dispatch import Dispatcher
from kable_hub.domain import JSON, CustomerLink, LinkedCustomer, Push, Receipt, Unfinished
from kable_hub.errors import (
    ContractViolation,
    CredentialsExpired,
    LeaseLost,
    NeedsOperator,
    ProviderError,
    RateLimited,
    ReconnectRequired,
)
from kable_hub.provider import Capability, Provider
from kable_hub.store.database import Database
from kable_hub.store.loading import FrozenGeneration, Subject
from kable_hub.store.pauses import Lane
from kable_hub.store.queue import Queue, Settlement
from kable_hub.sync import endings
from kable_hub.sync.access import Access
from kable_hub.sync.budget import Budget, Spender
from kable_hub.sync.facts import refusal
from kable_hub.sync.gate import Gate
from kable_hub.sync.keys import marker, push_key
from kable_hub.sync.run import Run
from kable_hub.sync.transitions import says_no

CALL_SECONDS = 60.0
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


class Worker:
    """Works deliveries of one connection under one lease token. Used by many threads."""

    def __init__(self, rooms: Rooms, lane: Lane, token: int, stop: threading.Event) -> None:
        self._rooms = rooms
        self._lane = lane
        self._token = token
        self._stop = stop
        self.provider: Provider = rooms.dispatcher.registry.provider(lane.provider)

    def work(self, run: Run) -> Settlement:
        """Take a claimed delivery as far as it goes now."""
        flows = {"push": self._push, "void": self._void, "create_customer": self._create_customer}
        try:
            return flows[run.subject.delivery.kind](run)
        except ProviderError as error:
            self._throttle(error)
            return endings.failed(run, error, self._now())

    def _push(self, run: Run) -> Settlement:
        if not run.may_exist:
            return self._send_new(run)
        generation = _frozen(run)
        return self._send(run) if self._may_replay(generation) else self._look(run)

    def _send_new(self, run: Run) -> Settlement:
        if run.generation is None:
            run.generation = self._freeze(run)
        return self._send(run)

    def _send(self, run: Run) -> Settlement:
        push = self._to_push(run)
        try:
            receipt = self._step(run, "push", "push_invoice", push=push)
        except ProviderError as error:
            if run.may_exist and says_no(error):
                return self._look(run, error)
            raise
        return endings.delivered(run, self.provider, receipt, self._now())

    def _look(self, run: Run, refused: ProviderError | None = None) -> Settlement:
        push = self._to_push(run)
        try:
            found = self._step(run, "find", "find_invoice", push=push)
        except NeedsOperator as error:
            if error.scope == "connection":
                raise
            return endings.conflict(run, error, self._now())
        match found:
            case Receipt():
                return endings.delivered(run, self.provider, found, self._now())
            case Unfinished() if refused is None:
                run.generation = _with_progress(_frozen(run), found.progress)
                return self._send(run)
            case Unfinished():
                raise _still(refused)
        now, settle_after = self._now(), self.provider.settle_after
        if not endings.conclusive(run, settle_after, now):
            return endings.not_yet_known(run, settle_after, now)
        run.may_exist = False
        if refused is not None:
            raise refused
        return endings.absent(run, now)

    def _void(self, run: Run) -> Settlement:
        if run.subject.pushed is None:
            raise NeedsOperator("there is no document to void", code="not_delivered")
        push = self._to_push(run)
        self._repeatable(run, "void", "cancel_invoice", receipt=run.subject.pushed, push=push)
        return endings.done(run, self._now())

    def _create_customer(self, run: Run) -> Settlement:
        delivery, customer = run.subject.delivery, run.subject.customer
        key = push_key(self._rooms.instance_id, self._lane.id, delivery.subject_id, 0)
        linked: LinkedCustomer = self._repeatable(
            run,
            "create_customer",
            "link_customer",
            customer=customer,
            reference=None,
            key=key,
            since=from_ms(delivery.created_at) - timedelta(minutes=5),
        )
        run.linked = linked
        return endings.done(run, self._now())

    def _repeatable(self, run: Run, step: str, hook: str, **arguments: Any) -> Any:
        """A call that may be repeated: a clear refusal proves that nothing is left behind."""
        try:
            return self._step(run, step, hook, **arguments)
        except ProviderError as error:
            if says_no(error) and not run.unsettled:
                run.may_exist = False
            raise

    def _freeze(self, run: Run) -> FrozenGeneration:
        subject = run.subject
        link = _usable_link(subject)
        if subject.invoice is None:
            raise ContractViolation("the invoice of this delivery is gone")
        refused = refusal(self.provider.facts, subject.invoice)
        if refused is not None:
            raise refused
        document = self._step(run, "plan", "plan_invoice", invoice=subject.invoice, link=link)
        return self._keep(subject, link, document)

    def _keep(
        self, subject: Subject, link: CustomerLink, document: Mapping[str, JSON]
    ) -> FrozenGeneration:
        delivery, lane, now = subject.delivery, self._lane, self._now()
        number = delivery.generation + 1
        key = push_key(self._rooms.instance_id, lane.id, delivery.subject_id, number)
        revision = subject.invoice.revision if subject.invoice else 0
        text = canonical.dumps(document)
        kept_link = {
            "reference": link.reference,
            "parts": dict(link.parts),
            "currency": link.currency,
        }
        row = {
            "delivery_id": delivery.id,
            "number": number,
            "account_id": delivery.account_id,
            "environment": delivery.environment,
            "key": key,
            "batch_key": "",
            "document": text,
            "link": canonical.dumps(kept_link),
            "invoice_revision": revision,
            "progress": "{}",
            "sends": 0,
            "frozen_at": now,
        }
        if not self._rooms.queue.freeze(delivery, self._token, row):
            raise LeaseLost("the plan was outdated while it was made")
        return FrozenGeneration(
            number, key, canonical.loads(text), link, revision, {}, 0, now, None, None
        )

    def _step(self, run: Run, step: str, hook: str, **arguments: Any) -> Any:
        """Call one hook, with fresh credentials, and keep it for the timeline."""
        gate = self._gate(run)
        started = self._now()
        try:
            result = self._with_credentials(gate, hook, arguments)
        except ProviderError as error:
            run.note(step, gate, started, self._now(), error)
            raise
        run.note(step, gate, started, self._now())
        return result

    def _with_credentials(self, gate: Gate, hook: str, arguments: dict[str, Any]) -> Any:
        access, lane = self._rooms.access, self._lane
        stored = access.credentials(lane, gate)
        for last in (False, True):
            connection = access.open(lane, stored.credentials, gate)
            try:
                return self._rooms.dispatcher.call(
                    lane.provider, hook, connection=connection, **arguments
                )
            except CredentialsExpired as error:
                if last or not self.provider.can(Capability.REFRESH):
                    raise ReconnectRequired(error.message, request_id=error.request_id) from error
                stored = access.refresh(lane, stored, gate)
        raise AssertionError("the second round returns or raises")

    def _gate(self, run: Run) -> Gate:
        rooms, lane = self._rooms, self._lane
        return Gate(
            clock=rooms.clock,
            budget=rooms.budget,
            spender=self._spender(),
            ends=rooms.clock.monotonic() + CALL_SECONDS,
            in_transaction=rooms.database.in_transaction,
            stop=self._stop,
            before_write=self._marking(run),
            alive=lambda: not run.abandoned and rooms.queue.leased(lane.id, self._token),
        )

    def _marking(self, run: Run) -> Callable[[], None]:
        """Law 2: on record, and fenced, before the first writing call of every step."""

        def mark() -> None:
            run.check()
            delivery = run.subject.delivery
            number = run.generation.number if run.generation and delivery.kind == "push" else None
            if not self._rooms.queue.mark_may_exist(delivery.id, self._token, number, self._now()):
                raise LeaseLost("the plan was outdated or another worker took over")
            run.may_exist = True

        return mark

    def _to_push(self, run: Run) -> Push:
        generation, invoice = _frozen(run), run.subject.invoice
        if invoice is None:
            raise ContractViolation("the invoice of this delivery is gone")
        return Push(
            invoice=invoice,
            link=generation.link,
            document=generation.document,
            key=generation.key,
            generation=generation.number,
            since=from_ms(generation.first_sent_at or generation.frozen_at),
            marker=marker(self._rooms.instance_id, self._lane.scope.account_id, invoice.id),
            progress=generation.progress,
            save=self._saving(run, generation.number),
        )

    def _saving(self, run: Run, number: int) -> Callable[[Mapping[str, JSON]], None]:
        def save(progress: Mapping[str, JSON]) -> None:
            run.check()
            if len(canonical.dumps(progress).encode()) > MAX_PROGRESS:
                raise ContractViolation("progress is larger than 8 kB")
            delivery = run.subject.delivery
            if not self._rooms.queue.save_progress(
                delivery.id, self._token, number, dict(progress)
            ):
                raise LeaseLost("another worker took over")
            run.generation = _with_progress(_frozen(run), progress)

        return save

    def _may_replay(self, generation: FrozenGeneration) -> bool:
        """Law 3: the same key once more, where keys are honoured and this one is young."""
        dedupe = self.provider.dedupe
        if dedupe.by != "key" or generation.sends > 1 or generation.first_sent_at is None:
            return False
        age = self._rooms.clock.now() - from_ms(generation.first_sent_at)
        return age < dedupe.keeps

    def _throttle(self, error: ProviderError) -> None:
        if isinstance(error, RateLimited) or error.limit:
            self._rooms.budget.pause(self._spender(), error.limit, error.retry_after)

    def _spender(self) -> Spender:
        lane = self._lane
        return Spender(self.provider, lane.scope.environment, lane.id, lane.app_id)

    def _now(self) -> int:
        return epoch_ms(self._rooms.clock.now())


def _frozen(run: Run) -> FrozenGeneration:
    if run.generation is None:
        raise ContractViolation("what was sent is not on record")
    return run.generation


def _usable_link(subject: Subject) -> CustomerLink:
    match subject.link_state:
        case "linked" if subject.link is not None:
            return subject.link
        case "pending":
            raise NeedsOperator(
                "the customer is still being created at the provider",
                code="link_pending",
                on="link",
            )
        case "broken":
            raise NeedsOperator(
                "the linked customer is gone at the provider", code="customer_gone", on="link"
            )
    raise NeedsOperator("the customer is not linked at this provider", code="not_linked", on="link")


def _with_progress(generation: FrozenGeneration, progress: Mapping[str, JSON]) -> FrozenGeneration:
    values = {**generation.__dict__, "progress": dict(progress)}
    return FrozenGeneration(**values)


def _still(refused: ProviderError | None) -> ProviderError:
    return refused or ContractViolation("a draft was left behind")
