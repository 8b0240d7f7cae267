"""Work one claimed delivery: plan, freeze, send, look, settle. The laws of the contract in code.

Everything here runs in a push thread, outside any transaction; what it decides is a
Settlement, which the drain writes under the fencing token.
"""

from typing import Any

from kable_hub.clock import from_ms
from kable_hub.domain import LinkedCustomer, Receipt, Unfinished
from kable_hub.errors import NeedsOperator, ProviderError
from kable_hub.store.loading import FrozenGeneration
from kable_hub.store.queue import Settlement
from kable_hub.sync import endings
from kable_hub.sync.keys import CLOCKS_DIFFER, push_key
from kable_hub.sync.planning import blank, plan, ready
from kable_hub.sync.run import Run
from kable_hub.sync.steps import Steps, frozen
from kable_hub.sync.transitions import says_no


class Worker:
    """Works single deliveries of one connection. Used by many threads."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def work(self, run: Run) -> Settlement:
        """Take a claimed delivery as far as it goes now."""
        flows = {
            "push": self._push,
            "void": self._void,
            "collect": self._collect,
            "create_customer": self._create_customer,
        }
        try:
            return flows[run.subject.delivery.kind](run)
        except ProviderError as error:
            return endings.failed(run, error, self._steps.now())

    def _push(self, run: Run) -> Settlement:
        if run.may_exist and run.generation is None:
            return self._look_unrecorded(run)
        if run.may_exist:
            return self._send(run) if self._may_replay(frozen(run)) else self._look(run)
        if run.generation is None:
            ready(run, plan(self._steps, run))
        return self._send(run)

    def _send(self, run: Run) -> Settlement:
        push = self._steps.push_of(run)
        try:
            receipt = self._steps.call([run], "push", "push_invoice", push=push)
        except ProviderError as error:
            return self.refused(run, error)
        # A plugin that found the document and wrote nothing has not frozen anything yet.
        self._steps.freeze(run)
        return endings.delivered(run, self._steps.provider, receipt, self._steps.now())

    def refused(self, run: Run, error: ProviderError) -> Settlement:
        """A push ended with an error: a clear no is checked at once by looking."""
        if run.may_exist and says_no(error):
            return self._look(run, error)
        raise error

    def _look_unrecorded(self, run: Run) -> Settlement:
        """What was sent is not on record (a backup was put back): look with a plan of today, or
        where none can be made with an empty document, for the marker alone."""
        refusal: ProviderError | None = None
        try:
            ready(run, plan(self._steps, run))
        except ProviderError as error:
            link = run.subject.link
            if not says_no(error) or link is None or not link.reference:
                raise
            refusal = error
            ready(run, blank(self._steps, run, link))
        return self._look(run, refusal)

    def _look(self, run: Run, refusal: ProviderError | None = None) -> Settlement:
        push = self._steps.push_of(run)
        try:
            found = self._steps.call([run], "find", "find_invoice", push=push)
        except NeedsOperator as error:
            return self.unclear(run, error)
        return self.found(run, found, refusal)

    def unclear(self, run: Run, error: NeedsOperator) -> Settlement:
        """A look needs a person: a conflict of this delivery, or the whole connection."""
        if error.scope == "connection":
            raise error
        return endings.conflict(run, error, self._steps.now())

    def found(
        self,
        run: Run,
        found: Receipt | Unfinished | None,
        refusal: ProviderError | None = None,
    ) -> Settlement:
        """What a look saw decides: adopt, finish, wait, or a new generation (law 3)."""
        now, provider = self._steps.now(), self._steps.provider
        if isinstance(found, Receipt):
            self._steps.freeze(run)
            return endings.delivered(run, provider, found, now)
        if isinstance(found, Unfinished) and refusal is not None:
            raise refusal
        if not endings.conclusive(run, provider.settle_after, now):
            # A draft, too: a step that still comes through would come on top of the same step
            # taken again from what the look saw.
            return endings.not_yet_known(run, found, provider.settle_after, now)
        if isinstance(found, Unfinished):
            run.generation = frozen(run).with_progress(found.progress)
            return self._send(run)
        run.may_exist = False
        if refusal is not None and not run.subject.delivery.was_held:
            raise refusal
        return endings.absent(run, now)

    def _void(self, run: Run) -> Settlement:
        if run.subject.pushed is None:
            raise NeedsOperator("there is no document to void", code="not_delivered")
        push = self._steps.push_of(run)
        self._repeatable(run, "void", "cancel_invoice", receipt=run.subject.pushed, push=push)
        return endings.done(run, self._steps.now())

    def _collect(self, run: Run) -> Settlement:
        """Each asking has a key of its own, so that a person may ask again."""
        receipt, delivery, steps = run.subject.pushed, run.subject.delivery, self._steps
        if receipt is None:
            raise NeedsOperator("there is no document to collect", code="not_delivered")
        subject = f"collect {delivery.subject_id}"
        key = push_key(steps.rooms.instance_id, steps.lane.id, subject, delivery.generation)
        asked = steps.now()
        standing: Receipt = self._repeatable(
            run, "collect", "collect_invoice", receipt=receipt, key=key
        )
        return endings.collected(run, standing, asked, steps.now())

    def _create_customer(self, run: Run) -> Settlement:
        delivery, steps = run.subject.delivery, self._steps
        linked: LinkedCustomer = self._repeatable(
            run,
            "create_customer",
            "link_customer",
            customer=run.subject.customer,
            reference=None,
            key=push_key(steps.rooms.instance_id, steps.lane.id, delivery.subject_id, 0),
            since=from_ms(delivery.created_at) - CLOCKS_DIFFER,
        )
        run.linked = linked
        return endings.done(run, steps.now())

    def _repeatable(self, run: Run, step: str, hook: str, **arguments: Any) -> Any:
        """A call that may be repeated: a clear refusal proves that nothing is left behind."""
        try:
            return self._steps.call([run], step, hook, **arguments)
        except ProviderError as error:
            if says_no(error) and not run.unsettled:
                run.may_exist = False
            raise

    def _may_replay(self, generation: FrozenGeneration) -> bool:
        """A key that travelled in a batch means nothing by itself."""
        return not generation.batch_key and self._steps.may_replay(generation)
