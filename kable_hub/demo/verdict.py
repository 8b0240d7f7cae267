"""What has to become of each invoice at each provider, and whether it did."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kable_hub import money
from kable_hub.demo.newcomer import ENVIRONMENT, Posted
from kable_hub.demo.samples import Part
from kable_hub.demo.stage import Stage
from kable_hub.domain import Kind
from kable_hub.provider import Provider

NOT_LINKED = "not linked"
SETTLED = ("delivered", "blocked", "rejected", "cancelled", NOT_LINKED)


@dataclass(frozen=True)
class Fate:
    """Where an invoice stands at a provider: the delivery's state, or `not linked`."""

    state: str
    code: str = ""
    message: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in SETTLED and self.code != "link_pending"


Fates = Mapping[str, Mapping[str, Fate]]
"""Invoice id to provider to fate."""


ARRIVED = ("delivered", "")
NOBODY_PAYS = ("blocked", "requires_payment_method")


def expected(provider: Provider, posted: Posted) -> tuple[tuple[str, str], ...]:
    """The states, each with its code, that an invoice may come to."""
    part = posted.parts[provider.slug]
    pays = provider.kind == Kind.PAYMENTS
    if part == Part.UNLINKED or (pays and posted.payer != provider.slug):
        return ((NOT_LINKED, ""),)
    if Decimal(posted.body["total"]) < 0 and not provider.facts.negative_total:
        return (("rejected", "unsupported"),)
    if pays and part == Part.WITHOUT_CARD:
        return (NOBODY_PAYS,)
    # Not every provider wants to know how a new customer will pay.
    return (NOBODY_PAYS, ARRIVED) if pays and part == Part.CREATED else (ARRIVED,)


def fates(providers: Sequence[Provider], answered: Sequence[Mapping[str, Any]]) -> Fates:
    """The fates that the API's list of invoices tells of."""
    found: dict[str, dict[str, Fate]] = {}
    for invoice in answered:
        mine = {one.slug: Fate(NOT_LINKED) for one in providers}
        for one in invoice["deliveries"]:
            mine[one["provider"]] = Fate(one["state"], one["errorCode"], one["errorMessage"])
        found[invoice["id"]] = mine
    return found


def failures(stage: Stage, posted: Sequence[Posted], seen: Fates) -> Iterator[str]:
    """Everything that is not as expected, for people."""
    yield from stage.broken
    for provider in stage.providers:
        if any(provider.slug not in one.parts for one in posted):
            yield f"{provider.title} is not connected"
            continue
        for one in posted:
            yield from _unexpected(provider, one, seen)
        yield from _documents(stage, provider, posted, seen)


def _unexpected(provider: Provider, posted: Posted, seen: Fates) -> Iterator[str]:
    number, id_ = posted.body["number"], posted.body["id"]
    wanted, fate = expected(provider, posted), seen[id_][provider.slug]
    if (fate.state, fate.code) not in wanted:
        hoped = " or ".join(" ".join(one).strip() for one in wanted)
        found = f"{fate.state} {fate.code} {fate.message}".strip()
        yield f"{number} at {provider.title}: expected {hoped}, found {found}"


def _documents(
    stage: Stage, provider: Provider, posted: Sequence[Posted], seen: Fates
) -> Iterator[str]:
    """Each delivered invoice stands there exactly once with its total, and nothing else does."""
    simulator = stage.simulators[provider.slug]
    there: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for document in simulator.documents():
        if document["environment"] == ENVIRONMENT.value:
            there[str(document["marker"]).rpartition("/")[2]].append(document)
    for one in posted:
        found = there.pop(one.body["id"], [])
        wanted = seen[one.body["id"]][provider.slug].state == ARRIVED[0]
        number, currency = one.body["number"], one.body["currency"]
        total = money.to_minor(Decimal(one.body["total"]), currency)
        if len(found) != int(wanted):
            yield f"{number} stands {len(found)} times at {provider.title}"
        elif wanted and (found[0]["total"], found[0]["currency"]) != (total, currency):
            yield f"{number} has another total at {provider.title}: {found[0]['total']}"
    for strays in there.values():
        yield f"{len(strays)} documents at {provider.title} belong to no invoice"
    if drafts := simulator.drafts():
        yield f"{len(drafts)} drafts were left at {provider.title}"
