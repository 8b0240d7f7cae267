"""Customers of an account."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from functools import reduce
from operator import or_
from typing import Any

from peewee import fn

from kable_hub.domain import Address
from kable_hub.heard import storable
from kable_hub.store import tables as t
from kable_hub.store.paging import page
from kable_hub.store.scope import Page, Scope
from kable_hub.store.scoping import locked, owner, within


@dataclass(frozen=True)
class CustomerRow:
    """A customer. `status` is ACTIVE or CANCELLED; moments are epoch milliseconds."""

    id: str
    client_id: str
    company_name: str
    currency: str
    email: str
    billing_address: Address
    status: str
    created_at: int
    updated_at: int


@dataclass(frozen=True)
class Wanted:
    """A filter in the store's words; empty means any.

    `standing` is linked (or on its way), not_linked or blocked: at `connection_id`, else at any.
    """

    client_id: str = ""
    status: str = ""
    search: str = ""
    standing: str = ""
    connection_id: str = ""


def add(scope: Scope, new: CustomerRow) -> bool:
    """Write a new customer; False where its client id is taken."""
    fixed = {"id": new.id, "client_id": new.client_id, "created_at": new.created_at}
    values = {**_values(new), **fixed, **owner(scope)}
    return bool(t.Customer.insert(values).on_conflict_ignore().as_rowcount().execute())


def save(scope: Scope, row: CustomerRow) -> None:
    """Write what may change of a customer."""
    where = within(t.Customer, scope) & (t.Customer.id == row.id)
    t.Customer.update(_values(row)).where(where).execute()


def find(scope: Scope, reference: str, *, lock: str = "") -> CustomerRow | None:
    """The customer with this hub id, else with this client id, or None.

    `lock` (FOR UPDATE, FOR SHARE) holds its row until the commit.
    """
    return find_many(scope, [reference], lock=lock).get(reference)


def find_many(
    scope: Scope, references: Collection[str], *, lock: str = ""
) -> dict[str, CustomerRow]:
    """The customers by the references that name them: a hub id goes before a client id."""
    wanted = [one for one in references if storable(one)]
    named = t.Customer.id.in_(wanted) | t.Customer.client_id.in_(wanted)
    query = t.Customer.select().where(within(t.Customer, scope), named).order_by(t.Customer.id)
    rows = [_row(row) for row in (locked(query, lock) if lock else query)]
    asked = set(wanted)
    found = {row.client_id: row for row in rows if row.client_id in asked}
    return found | {row.id: row for row in rows if row.id in asked}


def listed(scope: Scope, wanted: Wanted, cursor: str, limit: int) -> Page[CustomerRow]:
    """A page of customers, newest first."""
    query = t.Customer.select().where(within(t.Customer, scope))
    for part in _parts(scope, wanted):
        query = query.where(part)
    return page(query, t.Customer.id, cursor, limit, _row)


def _parts(scope: Scope, wanted: Wanted) -> Iterator[Any]:
    if wanted.client_id:
        yield t.Customer.client_id == wanted.client_id
    if wanted.status:
        yield t.Customer.status == wanted.status
    if wanted.search:
        places = (t.Customer.client_id, t.Customer.company_name, t.Customer.email)
        yield reduce(or_, [one.contains(wanted.search) for one in places])
    match wanted.standing:
        case "linked":
            yield fn.EXISTS(_linked(scope, wanted.connection_id))
        case "not_linked":
            yield ~fn.EXISTS(_linked(scope, wanted.connection_id))
        case "blocked":
            yield fn.EXISTS(_blocked(scope, wanted.connection_id))


def _linked(scope: Scope, connection_id: str) -> Any:
    query = t.Link.select(t.Link.id).where(within(t.Link, scope))
    query = query.where(t.Link.customer_id == t.Customer.id)
    query = query.where(t.Link.state.in_(("linked", "pending")))
    return query.where(t.Link.connection_id == connection_id) if connection_id else query


def _blocked(scope: Scope, connection_id: str) -> Any:
    query = t.Delivery.select(t.Delivery.id).where(within(t.Delivery, scope))
    query = query.where(t.Delivery.customer_id == t.Customer.id, t.Delivery.state == "blocked")
    return query.where(t.Delivery.connection_id == connection_id) if connection_id else query


def _values(row: CustomerRow) -> dict[str, Any]:
    return {
        "company_name": row.company_name,
        "currency": row.currency,
        "email": row.email,
        "billing_address": asdict(row.billing_address),
        "status": row.status,
        "updated_at": row.updated_at,
    }


def _row(row: t.Customer) -> CustomerRow:
    return CustomerRow(
        id=row.id,
        client_id=row.client_id,
        company_name=row.company_name,
        currency=row.currency,
        email=row.email,
        billing_address=Address(**row.billing_address),
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
