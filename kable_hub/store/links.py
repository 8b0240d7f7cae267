"""Links: customers joined to their counterparts at a connection's provider."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from kable_hub.domain import LinkedCustomer
from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within


@dataclass(frozen=True)
class LinkRow:
    """A link. `state` is linked, pending or broken; moments are epoch milliseconds.

    `settings` are the customer's own values, over the connection's. `ready`: whether the
    customer can be charged there; None where nobody told. `confirmed_by` (a key's or a
    person's id) let it share its counterpart with other customers, at `confirmed_at`.
    """

    id: str
    customer_id: str
    connection_id: str
    state: str
    reference: str
    title: str
    email: str
    currency: str
    created_at: int
    updated_at: int
    warnings: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ready: bool | None = None
    confirmed_at: int | None = None
    confirmed_by: str = ""


def get(scope: Scope, connection_id: str, customer_id: str) -> LinkRow | None:
    """The customer's link at this connection, or None."""
    row = t.Link.select().where(_one(scope, connection_id, customer_id)).first()
    return _row(row) if row is not None else None


def of_customers(scope: Scope, customer_ids: Collection[str]) -> list[LinkRow]:
    """All links of these customers."""
    wanted = t.Link.customer_id.in_(list(customer_ids))
    return [_row(row) for row in t.Link.select().where(within(t.Link, scope), wanted)]


def by_reference(scope: Scope, connection_id: str, reference: str) -> list[LinkRow]:
    """The links of this connection to one counterpart, oldest first."""
    query = t.Link.select().where(
        within(t.Link, scope),
        t.Link.connection_id == connection_id,
        t.Link.reference == reference,
    )
    return [_row(row) for row in query.order_by(t.Link.id)]


def any_at(scope: Scope, connection_id: str) -> bool:
    """Whether the connection has links."""
    query = t.Link.select().where(within(t.Link, scope), t.Link.connection_id == connection_id)
    return bool(query.exists())


def sharing(scope: Scope, rows: Collection[LinkRow]) -> dict[str, list[str]]:
    """By the id of a link, which other customers have the same counterpart."""
    wanted = t.Link.reference.in_([row.reference for row in rows if row.reference])
    there = t.Link.connection_id.in_(list({row.connection_id for row in rows}))
    query = t.Link.select().where(within(t.Link, scope), there, wanted).order_by(t.Link.id)
    found = [_row(one) for one in query]
    return {
        row.id: [
            one.customer_id
            for one in found
            if (one.connection_id, one.reference) == (row.connection_id, row.reference)
            and one.id != row.id
        ]
        for row in rows
    }


def put(
    scope: Scope,
    connection_id: str,
    customer_id: str,
    found: LinkedCustomer,
    now: int,
    confirmed_by: str | None = None,
) -> None:
    """Write the customer's link at this connection, as linked to what was found.

    `confirmed_by` lets it share its counterpart; None where it shares none.
    """
    values = {**asdict(found), "warnings": list(found.warnings), "state": "linked"}
    shares = confirmed_by is not None
    values |= {"confirmed_at": now if shares else None, "confirmed_by": confirmed_by or ""}
    _put(scope, connection_id, customer_id, values, now)


def put_pending(scope: Scope, connection_id: str, customer_id: str, now: int) -> None:
    """Write the customer's link at this connection, as being created there."""
    values = {**asdict(LinkedCustomer("")), "warnings": [], "state": "pending"}
    values |= {"confirmed_at": None, "confirmed_by": ""}
    _put(scope, connection_id, customer_id, values, now)


def set_settings(
    scope: Scope, connection_id: str, customer_id: str, settings: Mapping[str, Any], now: int
) -> None:
    """Write the customer's own settings at this connection; they outlive another reference."""
    statement = t.Link.update(settings=dict(settings), updated_at=now)
    statement.where(_one(scope, connection_id, customer_id)).execute()


def remove(scope: Scope, connection_id: str, customer_id: str) -> bool:
    """Forget the link; False where there is none."""
    return bool(t.Link.delete().where(_one(scope, connection_id, customer_id)).execute())


def _put(
    scope: Scope, connection_id: str, customer_id: str, values: dict[str, Any], now: int
) -> None:
    values["updated_at"] = now
    if t.Link.update(values).where(_one(scope, connection_id, customer_id)).execute():
        return
    ids = {"id": new_id("lnk"), "customer_id": customer_id, "connection_id": connection_id}
    t.Link.create(**values, **ids, **owner(scope), created_at=now)


def _one(scope: Scope, connection_id: str, customer_id: str) -> Any:
    return (
        within(t.Link, scope)
        & (t.Link.connection_id == connection_id)
        & (t.Link.customer_id == customer_id)
    )


def _row(row: t.Link) -> LinkRow:
    return LinkRow(
        id=row.id,
        customer_id=row.customer_id,
        connection_id=row.connection_id,
        state=row.state,
        reference=row.reference,
        title=row.title,
        email=row.email,
        currency=row.currency,
        created_at=row.created_at,
        updated_at=row.updated_at,
        warnings=tuple(row.warnings),
        parts=row.parts,
        settings=row.settings,
        ready=row.ready,
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
    )
