"""One claimed delivery in the hands of a push thread: its steps, calls and what they left."""

from dataclasses import dataclass, field, replace
from typing import Any

from kable_hub.domain import LinkedCustomer
from kable_hub.errors import (
    LeaseLost,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Unsupported,
)
from kable_hub.store.loading import FrozenGeneration, Subject
from kable_hub.store.queue import AttemptRow
from kable_hub.sync.gate import Gate


@dataclass
class Run:
    """What has happened to one claimed delivery so far.

    `may_exist` and `unsettled` follow law 2: set by the first writing call, and by a writing
    call without a clear answer. `abandoned`: the drain gave up waiting for this thread.
    `linked`: the customer made at the provider. `marked`: the store knows that something may
    exist. `access`: the version of the credentials used last. `unfrozen`: the generation as the
    store will keep it, as long as it does not: it is frozen with the mark.
    """

    subject: Subject
    may_exist: bool
    generation: FrozenGeneration | None
    unsettled: bool = False
    abandoned: bool = False
    linked: LinkedCustomer | None = None
    marked: bool = False
    access: int = 0
    unfrozen: dict[str, Any] | None = None
    attempts: list[AttemptRow] = field(default_factory=list)
    earlier_calls: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, subject: Subject) -> "Run":
        """A fresh run of a claimed delivery."""
        may_exist = subject.delivery.may_exist
        return cls(subject, may_exist, subject.generation, marked=may_exist)

    def note(
        self,
        step: str,
        gate: Gate,
        started_at: int,
        ended_at: int,
        error: ProviderError | None = None,
    ) -> None:
        """Keep one step for the timeline. A plan that worked is told with the push it led to."""
        refused = isinstance(error, Rejected | Unsupported | NeedsCustomer | NeedsOperator)
        self.unsettled |= gate.unsettled(refused=refused)
        self.unsettled |= gate.wrote and isinstance(error, OutcomeUnknown)
        calls = self.earlier_calls + gate.record()
        self.earlier_calls = []
        if error is None and step == "plan":
            self.earlier_calls = calls
            return
        last = gate.calls[-1] if gate.calls else None
        status = (error and error.http_status) or (last.http_status if last else None)
        self.attempts.append(
            AttemptRow(
                generation=self.generation.number if self.generation else 0,
                step=step,
                outcome="ok" if error is None else type(error).__name__,
                started_at=started_at,
                duration_ms=max(0, ended_at - started_at),
                code=error.code if error else "",
                message=error.message if error else "",
                provider_code=error.provider_code if error else "",
                http_status=status,
                request_id=(error.request_id if error else "") or (last.request_id if last else ""),
                calls=calls,
            )
        )

    def blame(self, error: ProviderError) -> None:
        """A step that worked for others failed for this one: its last attempt says so."""
        last = self.attempts[-1]
        self.unsettled |= isinstance(error, OutcomeUnknown)
        self.attempts[-1] = replace(
            last,
            outcome=type(error).__name__,
            code=error.code,
            message=error.message,
            provider_code=error.provider_code,
        )

    def check(self) -> None:
        """Raise LeaseLost where the drain gave this run up."""
        if self.abandoned:
            raise LeaseLost("the drain gave this delivery up")
