"""Customers of an account."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

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


def listed(
    scope: Scope, *, client_id: str, status: str, search: str, cursor: str, limit: int
) -> Page[CustomerRow]:
    """A page of customers, newest first; empty filters mean any."""
    query = t.Customer.select().where(within(t.Customer, scope))
    if client_id:
        query = query.where(t.Customer.client_id == client_id)
    if status:
        query = query.where(t.Customer.status == status)
    if search:
        starts = t.Customer.client_id.startswith(search)
        query = query.where(starts | t.Customer.company_name.startswith(search))
    return page(query, t.Customer.id, cursor, limit, _row)


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
