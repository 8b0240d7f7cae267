"""What an overview counts. Every query reads an index in order and stops at a bound."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from peewee import JOIN, fn
from ulid import ULID

from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import within

STATES = ("held", "due", "pushing", "uncertain", "delivered", "blocked", "rejected")
"""What the days count; what was cancelled is nobody's business any more."""


@dataclass(frozen=True)
class GroupRow:
    """Deliveries of one state that stopped for one cause, in one currency.

    `currency` is empty and `total` 0 where they are of no invoice. `oldest` is when the first of
    them was opened, `last_id` the delivery that was opened last.
    """

    connection_id: str
    code: str
    currency: str
    count: int
    total: int
    oldest: int
    last_id: str


def stopped(scope: Scope, state: str, most: int) -> list[GroupRow]:
    """The oldest `most` deliveries of a state (blocked, rejected), by connection and cause."""
    some = _oldest(scope, state, most).alias("some")
    mine = within(t.Invoice, scope) & (t.Invoice.id == some.c.subject_id)
    keys = (some.c.connection_id, some.c.error_code, t.Invoice.currency)
    sums = (fn.COUNT(some.c.id), fn.SUM(t.Invoice.total))
    ends = (fn.MIN(some.c.created_at), fn.MAX(some.c.id))
    query: Any = some.select_from(*keys, *sums, *ends)
    query = query.join(t.Invoice, JOIN.LEFT_OUTER, on=mine).group_by(*keys)
    return [_group(*row) for row in query.tuples()]


def waiting(scope: Scope, state: str, most: int) -> list[tuple[str, int, int]]:
    """(connection id, how many, when the first was opened) of the oldest `most` of a state."""
    some = _oldest(scope, state, most).alias("some")
    counted = (fn.COUNT(some.c.id), fn.MIN(some.c.created_at))
    query: Any = some.select_from(some.c.connection_id, *counted)
    return list(query.group_by(some.c.connection_id).tuples())


def reasons(scope: Scope, delivery_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """`message`, `state` and `blocked_on` of these deliveries by id."""
    theirs = within(t.Delivery, scope) & t.Delivery.id.in_(list(delivery_ids))
    return {
        row.id: {
            "message": row.error_message,
            "state": row.state,
            "blocked_on": row.blocked_on,
        }
        for row in t.Delivery.select().where(theirs)
    }


def by_day(scope: Scope, days: Sequence[date]) -> list[tuple[int, str, int]]:
    """(number of the day, state, how many) of the deliveries that were opened on each day (UTC).

    Ids sort by creation, so that each cell is one range of an index.
    """
    mark = t.database.param
    rows = ", ".join(f"({number}, {mark}, {mark})" for number in range(len(days)))
    states = ", ".join(f"('{state}')" for state in STATES)
    text = f"""
        WITH days(number, low, high) AS (VALUES {rows}), states(state) AS (VALUES {states})
        SELECT days.number, states.state, (SELECT COUNT(*) FROM delivery
            WHERE account_id = {mark} AND environment = {mark} AND delivery.state = states.state
            AND delivery.id >= days.low AND delivery.id < days.high)
        FROM days CROSS JOIN states
    """  # noqa: S608 (numbers and words of our own)
    ends = [end for day in days for end in (_first_id(day), _first_id(day + timedelta(days=1)))]
    values = (*ends, scope.account_id, scope.environment.value)
    return [row for row in t.database.execute_sql(text, values).fetchall() if row[2]]


def has_any(scope: Scope) -> tuple[bool, bool]:
    """Whether there is a customer, and an invoice."""
    kinds: tuple[type[t.Scoped], ...] = (t.Customer, t.Invoice)
    customers, invoices = (
        one.select().where(within(one, scope)).limit(1).exists() for one in kinds
    )
    return bool(customers), bool(invoices)


def _oldest(scope: Scope, state: str, most: int) -> Any:
    columns = (
        t.Delivery.id,
        t.Delivery.connection_id,
        t.Delivery.subject_id,
        t.Delivery.error_code,
        t.Delivery.created_at,
    )
    theirs = within(t.Delivery, scope) & (t.Delivery.state == state)
    return t.Delivery.select(*columns).where(theirs).order_by(t.Delivery.id).limit(most)


def _first_id(day: date) -> str:
    """The least id of a delivery that is opened on this day or later."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"dlv_{str(ULID.from_datetime(midnight))[:10]}"


def _group(place: str, code: str, currency: str | None, count: int, total: Any, *rest: Any) -> Any:
    """A row as it is told; PostgreSQL sums big integers to a Decimal."""
    return GroupRow(place, code, currency or "", count, int(total or 0), *rest)
