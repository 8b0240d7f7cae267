"""What has been uncertain for longer than a day: found, counted, and told of once a day."""

from dataclasses import dataclass

from kable_hub.domain import Environment
from kable_hub.store import notices
from kable_hub.store import tables as t
from kable_hub.store.database import Database
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import within

DAY_MS = 86_400_000
LONG_MS = DAY_MS
"""Uncertain for so long, a delivery is for a person to look at."""

# The state as a literal: it is the condition of the index.
_OVERDUE = """
    SELECT d.id, d.account_id, d.environment, c.provider, d.kind, d.uncertain_since, d.error_code
    FROM delivery d JOIN connection c ON c.id = d.connection_id
    WHERE d.state = 'uncertain' AND d.uncertain_since <= ?
        AND (d.alarmed_at IS NULL OR d.alarmed_at <= ?)
    ORDER BY d.uncertain_since LIMIT ?
"""
_TAKE = """
    UPDATE delivery SET alarmed_at = ?
    WHERE id = ? AND state = 'uncertain' AND (alarmed_at IS NULL OR alarmed_at <= ?)
"""
_COUNT = "SELECT COUNT(*) FROM delivery WHERE state = 'uncertain' AND uncertain_since <= ?"


@dataclass(frozen=True)
class Overdue:
    """A delivery of which nobody knows for long whether it exists. `since` is epoch ms."""

    id: str
    scope: Scope
    provider: str
    kind: str
    since: int
    code: str


def overdue(database: Database, now: int, limit: int) -> list[Overdue]:
    """The oldest of all tenants that nobody was told of within a day."""
    with database.read():
        rows = database.sql(_OVERDUE, now - LONG_MS, now - DAY_MS, limit).fetchall()
    return [Overdue(row[0], Scope(row[1], Environment(row[2])), *row[3:]) for row in rows]


def take(database: Database, one: Overdue, now: int) -> bool:
    """Have the account's own software told, in one commit with the mark that it was; False where
    another process was first, or it is known by now."""
    with database.write():
        if database.sql(_TAKE, now, one.id, now - DAY_MS).rowcount != 1:
            return False
        notices.tell_still_uncertain(one.scope, one.id, now)
    return True


def count(database: Database, now: int) -> int:
    """How many there are, over all tenants; an index holds what is uncertain alone."""
    with database.read():
        return int(database.sql(_COUNT, now - LONG_MS).fetchone()[0])


def count_of(scope: Scope, now: int) -> int:
    """How many of one account in one environment there are."""
    long = (t.Delivery.state == "uncertain") & (t.Delivery.uncertain_since <= now - LONG_MS)
    return int(t.Delivery.select().where(within(t.Delivery, scope), long).count())
