"""Which invoices: lists with filters, and those that never went to a connection."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import fn

from kable_hub.store import tables as t
from kable_hub.store.invoices import InvoiceRow, to_row, to_rows_with_lines
from kable_hub.store.paging import page
from kable_hub.store.scope import Page, Scope
from kable_hub.store.scoping import within

CHUNK = 500
_FEW = ("held", "due", "pushing", "uncertain", "blocked", "rejected")
"""States that few deliveries stay in: their index finds them sooner than a walk over invoices."""


@dataclass(frozen=True)
class Wanted:
    """A filter in the store's words: ids instead of names; empty means any.

    `text` is how the number, the customer's client id or its name begins.
    """

    customer_id: str = ""
    number: str = ""
    text: str = ""
    state: str = ""
    connection_id: str = ""
    issued_from: date | None = None
    issued_to: date | None = None


@dataclass(frozen=True)
class Unsent:
    """Invoices of a customer that never went to a connection.

    `rivals` are further connections to which they must not have gone either: for a payments
    provider all others of its kind. `since` is the first issue date that counts.
    """

    customer_id: str
    connection_id: str
    rivals: Collection[str] = ()
    since: date | None = None


def listed(scope: Scope, wanted: Wanted, cursor: str, limit: int) -> Page[InvoiceRow]:
    """A page of invoices without their lines, newest first."""
    query = t.Invoice.select().where(within(t.Invoice, scope))
    for part in _parts(scope, wanted):
        query = query.where(part)
    return page(query, t.Invoice.id, cursor, limit, to_row)


def unsent(scope: Scope, which: Unsent) -> Iterator[list[InvoiceRow]]:
    """Such invoices with their lines, oldest first, a chunk at a time."""
    last = ""
    while True:
        query = t.Invoice.select().where(_unsent(scope, which), t.Invoice.id > last)
        found = list(query.order_by(t.Invoice.id).limit(CHUNK))
        if not found:
            return
        last = found[-1].id
        yield to_rows_with_lines(scope, found)


def _parts(scope: Scope, wanted: Wanted) -> Iterator[Any]:
    if wanted.customer_id:
        yield t.Invoice.customer_id == wanted.customer_id
    if wanted.number:
        yield t.Invoice.number.startswith(wanted.number)
    if wanted.text:
        yield t.Invoice.number.startswith(wanted.text) | _of_customers(scope, wanted.text)
    if wanted.issued_from:
        yield t.Invoice.issue_date >= wanted.issued_from
    if wanted.issued_to:
        yield t.Invoice.issue_date <= wanted.issued_to
    if wanted.state or wanted.connection_id:
        like = _deliveries_like(scope, wanted)
        yield t.Invoice.id.in_(like) if wanted.state in _FEW else fn.EXISTS(like)


def _of_customers(scope: Scope, text: str) -> Any:
    named = t.Customer.client_id.startswith(text) | t.Customer.company_name.startswith(text)
    query = t.Customer.select(t.Customer.id).where(within(t.Customer, scope), named)
    return t.Invoice.customer_id.in_([row.id for row in query.limit(CHUNK)])


def _deliveries_like(scope: Scope, wanted: Wanted) -> Any:
    query = _pushes(scope)
    if wanted.state in _FEW:
        mine = within(t.Delivery, scope) & (t.Delivery.kind == "push")
        query = t.Delivery.select(t.Delivery.subject_id).where(mine)
    if wanted.state:
        query = query.where(t.Delivery.state == wanted.state)
    if wanted.connection_id:
        query = query.where(t.Delivery.connection_id == wanted.connection_id)
    return query


def _unsent(scope: Scope, which: Unsent) -> Any:
    alive = t.Delivery.state != "cancelled"
    here = t.Delivery.connection_id == which.connection_id
    rival = t.Delivery.connection_id.in_(list(which.rivals)) & alive
    # What a person cancelled everywhere stays cancelled.
    given_up = fn.EXISTS(_pushes(scope)) & ~fn.EXISTS(_pushes(scope).where(alive))
    where = within(t.Invoice, scope) & (t.Invoice.customer_id == which.customer_id)
    where &= ~fn.EXISTS(_pushes(scope).where(here | rival)) & ~given_up
    return where & (t.Invoice.issue_date >= which.since) if which.since else where


def _pushes(scope: Scope) -> Any:
    # SQLite keeps no statistics and would walk all of the account's deliveries for each invoice:
    # a column in an expression leaves it the index of the subject.
    mine = t.Delivery.account_id.concat("") == scope.account_id
    return t.Delivery.select(t.Delivery.id).where(
        mine,
        t.Delivery.environment == scope.environment.value,
        t.Delivery.subject_id == t.Invoice.id,
        t.Delivery.kind == "push",
    )
