"""What a campaign is judged by: the providers' ledgers and the hub's public API, nothing else.

    found = faults(shop.get, accepted, {"stripe": simulator})
    assert not found

It reads the API by pages, so that ten thousand invoices are judged in seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from kable_hub import money

PAGE = 200
Row = Mapping[str, Any]
Ask = Callable[[str], Any]
"""The body that the API answers to a GET of a path, with its query: `ask("/invoices?limit=1")`."""


class Ledger(Protocol):
    """A provider's simulator."""

    def documents(self) -> Sequence[Row]:
        """Every final document: external_id, customer, currency, total (minor units), marker,
        environment."""
        ...

    def drafts(self) -> Sequence[Row]:
        """Every unfinished one, in the same shape."""
        ...


@dataclass(frozen=True)
class Accepted:
    """An invoice to which the API said 2xx: its id, and what was sent.

    `total` in minor units. `goes`: the slug of each provider at which it has to stand, with the
    reference of its customer there; empty for an invoice that no provider may have.
    """

    id: str
    number: str
    currency: str
    total: int
    goes: Mapping[str, str]

    @classmethod
    def of(cls, answer: Row, goes: Mapping[str, str]) -> "Accepted":
        """From the body of the 201 (or of a bulk's result)."""
        total = money.to_minor(Decimal(answer["total"]), answer["currency"])
        return cls(answer["id"], answer["number"], answer["currency"], total, goes)


def faults(
    ask: Ask,
    accepted: Sequence[Accepted],
    ledgers: Mapping[str, Ledger],
    *,
    environment: str = "live",
) -> list[str]:
    """Everything that is not once and right, a sentence for each; empty when all is well.

    `accepted` is all that the account of `ask` was ever told is accepted; the ledgers'
    `environment` holds nothing but what came from it.
    """
    shown = _pages(ask, "/invoices")
    return [
        *_not_kept(accepted, shown),
        *(
            sentence
            for slug, ledger in ledgers.items()
            for sentence in _at(slug, ledger, environment, accepted, shown)
        ),
    ]


def _pages(ask: Ask, path: str) -> dict[str, Row]:
    """All items of a list of the API by their ids."""
    found: dict[str, Row] = {}
    cursor = ""
    while cursor is not None:
        page = ask(f"{path}?limit={PAGE}&cursor={cursor}")
        found |= {one["id"]: one for one in page["items"]}
        cursor = page["nextCursor"]
    return found


def _not_kept(accepted: Sequence[Accepted], shown: Mapping[str, Row]) -> Iterator[str]:
    """A 2xx that the hub does not stand by, and an invoice to which nobody was told yes."""
    for id_, times in Counter(one.id for one in accepted).items():
        if times > 1:
            yield f"{id_} was answered to {times} invoices"
    for one in accepted:
        row = shown.get(one.id)
        if row is None:
            yield f"{one.number} was accepted and is gone"
            continue
        now = Accepted.of(row, one.goes)
        if now != one:
            yield f"{one.number} was accepted as {_said(one)} and is now {_said(now)}"
    known = {one.id for one in accepted}
    for id_, row in shown.items():
        if id_ not in known:
            yield f"{row['number']} stands in the hub and was never answered"


def _at(
    slug: str,
    ledger: Ledger,
    environment: str,
    accepted: Sequence[Accepted],
    shown: Mapping[str, Row],
) -> Iterator[str]:
    there = _by_invoice(ledger.documents(), environment)
    for one in accepted:
        found = there.pop(one.id, [])
        yield from _ledger_of(slug, one, found)
        yield from _hub_of(slug, one, found, shown.get(one.id, {}))
    for strays in there.values():
        named = ", ".join(str(one["external_id"]) for one in strays)
        yield f"{named} at {slug} belongs to no accepted invoice"
    for draft in ledger.drafts():
        yield f"{draft['external_id']} at {slug} was left half made"


def _by_invoice(documents: Sequence[Row], environment: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for one in documents:
        if one["environment"] == environment:
            found[str(one["marker"]).rpartition("/")[2]].append(one)
    return found


def _ledger_of(slug: str, one: Accepted, found: Sequence[Row]) -> Iterator[str]:
    """Exactly one document, and the same as was accepted."""
    wanted = int(slug in one.goes)
    if len(found) != wanted:
        yield f"{one.number} stands {len(found)} times at {slug} and not {wanted}"
        return
    for document in found:
        there = (document["total"], document["currency"], document["customer"])
        if there != (one.total, one.currency, one.goes[slug]):
            yield f"{one.number} stands at {slug} as {there}, accepted as {_said(one)}"


def _hub_of(slug: str, one: Accepted, found: Sequence[Row], shown: Row) -> Iterator[str]:
    """The hub says of the provider what the provider says of itself."""
    rows = [
        row
        for row in shown.get("deliveries", [])
        if (row["provider"], row["kind"]) == (slug, "push")
    ]
    told = [row["externalId"] for row in rows if row["state"] == "delivered"]
    stands = [str(document["external_id"]) for document in found]
    if sorted(told) != sorted(stands):
        yield f"{one.number}: the hub knows {told} at {slug}, where there is {stands}"
    for row in rows:
        if row["state"] != "delivered" and slug in one.goes:
            state = f"{row['state']} {row['errorCode']}".strip()
            yield f"{one.number} is {state} at {slug}: {row['errorMessage']}"
        if row["state"] == "delivered" and Decimal(row["variance"] or 0):
            yield f"{one.number} differs by {row['variance']} at {slug}, says the hub"


def _said(one: Accepted) -> str:
    return f"{one.total} {one.currency} ({one.number})"
