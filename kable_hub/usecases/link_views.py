"""Links as they are shown: with who else has the counterpart, and why one does not get on."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from kable_hub.store import connections, customers, deliveries, links
from kable_hub.store.deliveries import DeliveryRow
from kable_hub.store.links import LinkRow
from kable_hub.store.scope import Scope


@dataclass(frozen=True)
class LinkView:
    """A link. `state` is linked, pending (being created there) or broken (gone there).

    `reference`, `title` and `email` are the counterpart's; `error_code` and `error_message`
    say why a pending link does not get on, and `choices` (value and label) whom to link
    instead. `settings` are the customer's own values, over the connection's. `shared_with` are
    the clientIds of others with the same counterpart; `confirmed_by` (a key's or a
    person's id) let this link share it, at `confirmed_at`. Moments are epoch milliseconds.
    """

    id: str
    provider: str
    connection_id: str
    customer_id: str
    state: str
    reference: str
    title: str
    email: str
    currency: str
    warnings: tuple[str, ...]
    created_at: int
    updated_at: int
    error_code: str = ""
    error_message: str = ""
    choices: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    shared_with: tuple[str, ...] = ()
    confirmed_at: int | None = None
    confirmed_by: str = ""


def link_views(scope: Scope, customer_ids: Collection[str]) -> Mapping[str, tuple[LinkView, ...]]:
    """The links of customers by their id; joins the caller's read."""
    slugs = {one.id: one.provider for one in connections.listed(scope)}
    creations = {
        (one.connection_id, one.subject_id): one
        for one in deliveries.creations(scope, customer_ids)
    }
    rows = links.of_customers(scope, customer_ids)
    shared = _shared(scope, rows)
    found: dict[str, list[LinkView]] = defaultdict(list)
    for row in rows:
        creation = creations.get((row.connection_id, row.customer_id))
        view = _view(row, slugs[row.connection_id], creation, shared[row.id])
        found[row.customer_id].append(view)
    return {one: tuple(sorted(found[one], key=lambda link: link.provider)) for one in customer_ids}


def _shared(scope: Scope, rows: Collection[LinkRow]) -> dict[str, tuple[str, ...]]:
    others = links.sharing(scope, rows)
    named = customers.find_many(scope, {one for ids in others.values() for one in ids})
    return {
        link: tuple(sorted(named[one].client_id for one in ids)) for link, ids in others.items()
    }


def _view(
    row: LinkRow, slug: str, creation: DeliveryRow | None, shared_with: tuple[str, ...]
) -> LinkView:
    waits = creation if row.state == "pending" else None
    return LinkView(
        id=row.id,
        provider=slug,
        connection_id=row.connection_id,
        customer_id=row.customer_id,
        state=row.state,
        reference=row.reference,
        title=row.title,
        email=row.email,
        currency=row.currency,
        warnings=row.warnings,
        created_at=row.created_at,
        updated_at=row.updated_at,
        error_code=waits.error_code if waits else "",
        error_message=waits.error_message if waits else "",
        choices=tuple(one for one in waits.error_details if "label" in one) if waits else (),
        settings=row.settings,
        shared_with=shared_with,
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
    )
