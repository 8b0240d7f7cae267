"""How a run ends: the Settlement for a receipt, an error, or something still unknown."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from kable_hub.domain import Receipt, Unfinished
from kable_hub.errors import (
    LeaseLost,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    Unsupported,
)
from kable_hub.provider import Provider
from kable_hub.store.loading import receipt_values
from kable_hub.store.queue import Settlement
from kable_hub.sync.backoff import wait_ms
from kable_hub.sync.budget import DEFAULT_PAUSE
from kable_hub.sync.run import Run
from kable_hub.sync.transitions import Fate, counts_as_failure, fate, known, pauses

_CHANCE = random.SystemRandom()


def delivered(run: Run, provider: Provider, receipt: Receipt, now: int) -> Settlement:
    """The document stands at the provider; totals are compared (law 12)."""
    invoice = run.subject.invoice
    adds_tax = provider.facts.adds_tax or receipt.adds_tax
    total = receipt.total - (receipt.tax if adds_tax else 0)
    code, said = _other_currency(run, receipt)
    return Settlement(
        delivery=run.subject.delivery,
        state="delivered",
        due_at=now,
        may_exist=True,
        receipt=receipt_values(receipt),
        external_id=receipt.external_id,
        variance=total - invoice.total if invoice else 0,
        error_code=code,
        error_message=said,
        delivered_at=now,
        attempts=tuple(run.attempts),
        **_payment(receipt, now),
    )


def _payment(receipt: Receipt, now: int) -> dict[str, Any]:
    """How the collection stands, as a settlement keeps it."""
    if receipt.payment_status is None:
        return {}
    told = {"code": receipt.payment_code, "message": receipt.payment_message, "url": receipt.url}
    return {
        "payment_status": receipt.payment_status.value,
        "payment_as_of": now,
        "payment_details": told,
    }


def _other_currency(run: Run, receipt: Receipt) -> tuple[str, str]:
    invoice = run.subject.invoice
    if invoice is None or receipt.currency in ("", invoice.currency):
        return "", ""
    said = f"the document stands in {receipt.currency}, the invoice in {invoice.currency}"
    return "currency_differs", said


def done(run: Run, now: int) -> Settlement:
    """An operation without a document of its own (a customer made, a void) is through."""
    return Settlement(
        delivery=run.subject.delivery,
        state="delivered",
        due_at=now,
        delivered_at=now,
        attempts=tuple(run.attempts),
    )


def collected(run: Run, receipt: Receipt, as_of: int, now: int) -> Settlement:
    """The provider was asked to collect; how that went is payment status, no older than
    `as_of`."""
    return replace(done(run, now), **_payment(receipt, as_of))


def failed(run: Run, error: ProviderError, now: int) -> Settlement:
    """The attempt ended with an error: law 4 says where that leads."""
    delivery = run.subject.delivery
    state = fate(known(error), may_exist=run.may_exist)
    failures = delivery.failures + (1 if counts_as_failure(error) else 0)
    uncertain = state is Fate.UNCERTAIN
    return Settlement(
        delivery=delivery,
        state=state.value,
        due_at=now + _wait(error, failures) if state in (Fate.DUE, Fate.UNCERTAIN) else now,
        failures=failures,
        may_exist=run.may_exist,
        frozen=state is Fate.DUE or run.may_exist,
        uncertain_since=(delivery.uncertain_since or now) if uncertain else None,
        error_code=error.code,
        error_message=error.message,
        error_details=details(error),
        blocked_on=blocked_on(error) if state is Fate.BLOCKED else "",
        blocked_scope=getattr(error, "scope", "delivery") if state is Fate.BLOCKED else "",
        unsettled_at=unsettled_at(run, now),
        key_spent=isinstance(error, OutcomeUnknown) and error.key_spent,
        attempts=tuple(run.attempts),
        pause_reason=pauses(error) or "",
        access=run.access,
        marked=run.marked,
    )


def conflict(run: Run, error: NeedsOperator, now: int) -> Settlement:
    """A look found something a person has to judge: blocked, and it still may exist."""
    return Settlement(
        delivery=run.subject.delivery,
        state="blocked",
        due_at=now,
        may_exist=True,
        error_code=error.code,
        error_message=error.message,
        error_details=details(error),
        blocked_on=error.on,
        blocked_scope=error.scope,
        unsettled_at=unsettled_at(run, now),
        attempts=tuple(run.attempts),
    )


def absent(run: Run, now: int) -> Settlement:
    """A look proved that nothing stands there: due at once, as a new generation.

    What a person kept back before it was looked for is theirs again.
    """
    return Settlement(
        delivery=run.subject.delivery,
        state="held" if run.subject.delivery.was_held else "due",
        due_at=now,
        frozen=False,
        attempts=tuple(run.attempts),
    )


def not_yet_known(
    run: Run, found: Unfinished | None, settle_after: timedelta, now: int
) -> Settlement:
    """A look found nothing final, and an unanswered write may still commit: look again then."""
    delivery, seen = run.subject.delivery, "nothing" if found is None else "a draft"
    since = unsettled_at(run, now) or now
    return Settlement(
        delivery=delivery,
        state="uncertain",
        due_at=max(now, since + _ms(settle_after)),
        failures=delivery.failures,
        may_exist=True,
        uncertain_since=delivery.uncertain_since or now,
        error_code="not_settled_yet",
        error_message=f"{seen} was found, but the last try may still come through",
        unsettled_at=unsettled_at(run, now),
        attempts=tuple(run.attempts),
    )


def unsettled_at(run: Run, now: int) -> int | None:
    """Since when an unanswered write may still commit; None where every write was answered.

    What is not on record was sent at the latest when the delivery became uncertain, or when the
    time ended of which the record is lost.
    """
    kept, delivery, lost = run.subject.generation, run.subject.delivery, run.subject.lost
    unknown = delivery.uncertain_since if delivery.may_exist else None
    if unknown is not None and lost is not None:
        unknown = min(unknown, lost.ended)
    earlier = kept.unsettled_at if kept else unknown
    return now if run.unsettled else earlier


def conclusive(run: Run, settle_after: timedelta, now: int) -> bool:
    """Whether finding nothing now proves that nothing will ever stand there (law 2)."""
    since = unsettled_at(run, now)
    return since is None or now >= since + _ms(settle_after)


def details(error: ProviderError) -> list[dict[str, Any]]:
    """What an error offers beyond its text: field reasons, or candidates to choose from."""
    match error:
        case Rejected():
            return [
                {"field": one.field, "code": one.code, "message": one.message}
                for one in error.reasons
            ]
        case NeedsCustomer() | NeedsOperator():
            return [{"value": one.value, "label": one.label} for one in error.choices]
        case Unsupported():
            return [{"fact": error.fact}] if error.fact else []
    return []


def blocked_on(error: ProviderError) -> str:
    """What wakes a blocked delivery; `provider` where the error does not say."""
    return error.on if isinstance(error, NeedsCustomer | NeedsOperator) else "provider"


def _wait(error: ProviderError, failures: int) -> int:
    if isinstance(error, LeaseLost):
        return 0
    if isinstance(error, RateLimited):
        return _ms(error.retry_after or DEFAULT_PAUSE)
    return wait_ms(max(1, failures), error.retry_after, _CHANCE)


def _ms(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
