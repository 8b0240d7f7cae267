"""Plan a delivery and freeze the plan as a generation, before anything is sent (law 1)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kable_hub import canonical
from kable_hub.domain import CustomerLink
from kable_hub.errors import ContractViolation, NeedsOperator
from kable_hub.store.loading import FrozenGeneration, Subject
from kable_hub.sync.facts import refusal
from kable_hub.sync.keys import push_key
from kable_hub.sync.run import Run
from kable_hub.sync.steps import Steps


def plan(steps: Steps, run: Run) -> FrozenGeneration:
    """Ask the plugin for the exact document; nothing is kept yet. Raises ProviderError."""
    subject = run.subject
    link = _with_settings(steps, _usable_link(subject))
    if subject.invoice is None:
        raise ContractViolation("the invoice of this delivery is gone")
    refused = refusal(steps.provider.facts_for(link.settings), subject.invoice)
    if refused is not None:
        raise refused
    document = steps.call([run], "plan", "plan_invoice", invoice=subject.invoice, link=link)
    document = canonical.loads(canonical.dumps(document))
    return _generation(steps, run, link, document)


def blank(steps: Steps, run: Run, link: CustomerLink) -> FrozenGeneration:
    """A plan that says nothing of the document, to look for one that may exist."""
    return _generation(steps, run, _with_settings(steps, link), {})


def _with_settings(steps: Steps, link: CustomerLink) -> CustomerLink:
    """The link with the connection's settings under its own."""
    return replace(link, settings=steps.provider.settings_for(steps.lane.settings, link.settings))


def _generation(steps: Steps, run: Run, link: CustomerLink, document: Any) -> FrozenGeneration:
    subject = run.subject
    number = subject.delivery.generation + 1
    return FrozenGeneration(
        number=number,
        key=push_key(steps.rooms.instance_id, steps.lane.id, subject.delivery.subject_id, number),
        document=document,
        link=link,
        invoice_revision=subject.invoice.revision if subject.invoice else 0,
        progress={},
        sends=0,
        frozen_at=steps.now(),
        first_sent_at=None,
        unsettled_at=None,
    )


def ready(run: Run, generation: FrozenGeneration) -> None:
    """Hand the plan to the run. It is frozen in one commit with the mark, before the first
    writing call: until then nothing was sent, and another try may plan anew."""
    run.generation, run.unfrozen = generation, _row(run, generation)


def freeze_batch(steps: Steps, planned: Sequence[tuple[Run, FrozenGeneration]]) -> list[Run]:
    """Commit several plans in one transaction; answers the runs whose plan still held."""
    rows = [(run.subject.delivery, _row(run, generation)) for run, generation in planned]
    kept = steps.rooms.queue.freeze_many(rows, steps.token)
    for run, generation in planned:
        if run.subject.delivery.id in kept:
            run.generation = generation
    return [run for run, _ in planned if run.subject.delivery.id in kept]


def _row(run: Run, generation: FrozenGeneration) -> dict[str, Any]:
    delivery, link = run.subject.delivery, generation.link
    kept_link = {
        "reference": link.reference,
        "parts": dict(link.parts),
        "currency": link.currency,
        "settings": dict(link.settings),
    }
    return {
        "delivery_id": delivery.id,
        "number": generation.number,
        "account_id": delivery.account_id,
        "environment": delivery.environment,
        "key": generation.key,
        "batch_key": "",
        "batch_position": 0,
        "document": canonical.dumps(generation.document),
        "link": canonical.dumps(kept_link),
        "invoice_revision": generation.invoice_revision,
        "progress": "{}",
        "sends": 0,
        "frozen_at": generation.frozen_at,
    }


def _usable_link(subject: Subject) -> CustomerLink:
    match subject.link_state:
        case "linked" if subject.link is not None:
            return subject.link
        case "pending":
            said = "the customer is still being created at the provider"
            raise NeedsOperator(said, code="link_pending", on="link")
        case "broken":
            said = "the linked customer is gone at the provider"
            raise NeedsOperator(said, code="customer_gone", on="link")
    said = "the customer is not linked at this provider"
    raise NeedsOperator(said, code="not_linked", on="link")
