"""Which invoices: lists with filters, and those that never went to a connection."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_
from typing import Any

from peewee import fn

from kable_hub.store import tables as t
from kable_hub.store.invoices import InvoiceRow, to_row, to_rows_with_lines
from kable_hub.store.paging import page
from kable_hub.store.scope import Page, Scope
from kable_hub.store.scoping import within

CHUNK = 500
FEW = 500
"""So many ids are handed from one query to the next; of more the next is told by a condition."""


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
    """A page of invoices without their lines, newest first.

    Their ids are found first, each way in by an index of its own that is read in order.
    """
    found = _newest(scope, wanted, cursor, limit + 1)
    if not found:
        return Page(())
    query = t.Invoice.select().where(within(t.Invoice, scope), t.Invoice.id.in_(found))
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


def _newest(scope: Scope, wanted: Wanted, cursor: str, most: int) -> list[str]:
    """The ids of the newest invoices that fit and lie behind the cursor."""
    found: set[str] = set()
    for key, where in _ways(scope, wanted):
        query = key.model.select(key).where((where & (key < cursor)) if cursor else where)
        found |= {one for (one,) in query.order_by(key.desc()).limit(most).tuples()}
    return sorted(found, reverse=True)[:most]


def _ways(scope: Scope, wanted: Wanted) -> Iterator[tuple[Any, Any]]:
    """A column of invoice ids and a condition each; an invoice that fits is found by one."""
    plain = list(_plain(wanted))
    stands = bool(wanted.state or wanted.connection_id)
    if stands and not plain and not wanted.text:
        for connection in _connections(scope, wanted):
            here = t.Delivery.connection_id == connection
            yield t.Delivery.subject_id, _sent(scope, wanted) & here
        return
    where = reduce(and_, plain, within(t.Invoice, scope))
    if stands:
        where &= _standing(scope, wanted)
    if not wanted.text:
        yield t.Invoice.id, where
        return
    for text in _texts(scope, wanted.text):
        yield t.Invoice.id, where & text


def _plain(wanted: Wanted) -> Iterator[Any]:
    if wanted.customer_id:
        yield t.Invoice.customer_id == wanted.customer_id
    if wanted.number:
        yield t.Invoice.number.startswith(wanted.number)
    if wanted.issued_from:
        yield t.Invoice.issue_date >= wanted.issued_from
    if wanted.issued_to:
        yield t.Invoice.issue_date <= wanted.issued_to


def _texts(scope: Scope, text: str) -> Iterator[Any]:
    """The invoices of few customers are found by these; those of many are met on the way."""
    named = t.Customer.client_id.startswith(text) | t.Customer.company_name.startswith(text)
    query = t.Customer.select(t.Customer.id).where(within(t.Customer, scope), named)
    few = [row.id for row in query.limit(FEW + 1)]
    numbered = t.Invoice.number.startswith(text)
    if len(few) > FEW:
        yield numbered | t.Invoice.customer_id.in_(query)
        return
    yield numbered
    if few:
        yield t.Invoice.customer_id.in_(few)


def _standing(scope: Scope, wanted: Wanted) -> Any:
    """The invoices with such a delivery: by their ids where these are few."""
    sent = _sent(scope, wanted)
    if wanted.connection_id:
        sent &= t.Delivery.connection_id == wanted.connection_id
    found: Any = t.Delivery.select(t.Delivery.subject_id).where(sent).limit(FEW + 1)
    few = [str(row[0]) for row in found.tuples()]
    if len(few) > FEW:
        mine = t.Delivery.subject_id == t.Invoice.id
        return fn.EXISTS(t.Delivery.select(t.Delivery.id).where(sent, mine))
    return t.Invoice.id.in_(few)


def _sent(scope: Scope, wanted: Wanted) -> Any:
    pushes = within(t.Delivery, scope) & (t.Delivery.kind == "push")
    return pushes & (t.Delivery.state == wanted.state) if wanted.state else pushes


def _connections(scope: Scope, wanted: Wanted) -> list[str]:
    if wanted.connection_id:
        return [wanted.connection_id]
    query = t.Connection.select(t.Connection.id).where(within(t.Connection, scope))
    return [row.id for row in query]


def _unsent(scope: Scope, which: Unsent) -> Any:
    pushes, alive = _pushes(scope, which.customer_id), t.Delivery.state != "cancelled"
    here = t.Delivery.connection_id == which.connection_id
    rival = t.Delivery.connection_id.in_(list(which.rivals)) & alive
    # What a person cancelled everywhere stays cancelled.
    given_up = fn.EXISTS(pushes) & ~fn.EXISTS(pushes.where(alive))
    where = within(t.Invoice, scope) & (t.Invoice.customer_id == which.customer_id)
    where &= ~fn.EXISTS(pushes.where(here | rival)) & ~given_up
    return where & (t.Invoice.issue_date >= which.since) if which.since else where


def _pushes(scope: Scope, customer_id: str) -> Any:
    """Those of the invoice at hand. A planner that rather reads them all at once may read no
    more than the customer's."""
    return t.Delivery.select(t.Delivery.id).where(
        within(t.Delivery, scope),
        t.Delivery.customer_id == customer_id,
        t.Delivery.subject_id == t.Invoice.id,
        t.Delivery.kind == "push",
    )
