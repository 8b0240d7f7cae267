"""What is counted over all tenants for those who watch a hub; no row of a tenant is read out.

Each number is a range of an index or a row of the small table of connections, so that a million
deliveries cost what their index entries cost. `Tally` counts attempts as they come.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from ulid import ULID

from kable_hub import canonical
from kable_hub.clock import SystemClock
from kable_hub.store.alarms import LONG_MS
from kable_hub.store.database import Database
from kable_hub.store.deliveries import STATES

_STATES = ", ".join(f"('{state}')" for state in STATES)
_DELIVERIES = f"""
    WITH states(state) AS (VALUES {_STATES})
    SELECT connection.provider, connection.environment, states.state, SUM(
        (SELECT COUNT(*) FROM delivery
        WHERE delivery.connection_id = connection.id AND delivery.state = states.state))
    FROM connection CROSS JOIN states GROUP BY 1, 2, 3
"""  # noqa: S608 - words of our own
_DELIVERIES_AT_ONCE = """
    SELECT connection.provider, connection.environment, counted.state, SUM(counted.many)
    FROM connection JOIN
        (SELECT connection_id, state, COUNT(*) AS many FROM delivery GROUP BY connection_id, state)
        counted ON counted.connection_id = connection.id
    GROUP BY 1, 2, 3
"""
_OLDEST = """
    SELECT provider, MIN((SELECT MIN(due_at) FROM delivery
        WHERE delivery.connection_id = connection.id AND delivery.state = 'due'
        AND delivery.state IN ('due', 'uncertain')))
    FROM connection WHERE state = 'active' GROUP BY provider
"""
_LONG = """
    SELECT connection.provider, COUNT(*)
    FROM delivery JOIN connection ON connection.id = delivery.connection_id
    WHERE delivery.state = 'uncertain' AND delivery.uncertain_since <= ?
    GROUP BY connection.provider
"""
_CONNECTIONS = "SELECT provider, environment, state, pauses FROM connection"
_ATTEMPTS = """
    SELECT connection.provider, attempt.step, attempt.outcome, COUNT(*) FROM attempt
    JOIN delivery ON delivery.id = attempt.delivery_id
    JOIN connection ON connection.id = delivery.connection_id
    WHERE attempt.id > ? AND attempt.id <= ? GROUP BY 1, 2, 3
"""
_SETTLED = timedelta(seconds=30)
"""An attempt gets its id this much before its commit at the most."""

Counts = dict[tuple[str, ...], int]


def deliveries(database: Database) -> Counts:
    """How many, by provider, environment and state.

    SQLite counts range by range of an index in half the time of a GROUP BY; for PostgreSQL, which
    looks each row up that was not vacuumed yet, one pass is quicker by far.
    """
    return _counted(database, _DELIVERIES if database.is_sqlite else _DELIVERIES_AT_ONCE)


def oldest_due(database: Database) -> Counts:
    """When the oldest due delivery of an active connection came due (epoch ms), by provider."""
    return _counted(database, _OLDEST)


def long_uncertain(database: Database, now: int) -> Counts:
    """How many deliveries are uncertain for longer than a day, by provider."""
    return _counted(database, _LONG, now - LONG_MS)


def connections(database: Database) -> tuple[Counts, Counts]:
    """How many, by provider, environment and state; and by provider, environment and what pauses
    them."""
    states, pauses = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    with database.read():
        for provider, environment, state, reasons in database.sql(_CONNECTIONS).fetchall():
            states[provider, environment, state] += 1
            pauses.update((provider, environment, one) for one in canonical.loads(reasons))
    return dict(states), dict(pauses)


class Tally:
    """Attempts since this was made, by provider, step and outcome.

    Ids sort by the moment they were made at, so only what came since the last count is read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted = Counter[tuple[str, ...]]()
        # From the next millisecond on: ids tell no less apart.
        self._until = _id(SystemClock().now() + timedelta(milliseconds=1))

    def count(self) -> Counts:
        """All of them until now; called by one thread at a time."""
        settled = max(self._until, _id(SystemClock().now() - _SETTLED))
        self._counted.update(_counted(self._database, _ATTEMPTS, self._until, settled))
        self._until = settled
        fresh = _counted(self._database, _ATTEMPTS, settled, "att_~")
        return dict(self._counted + Counter(fresh))


def _counted(database: Database, text: str, *values: Any) -> Counts:
    with database.read():
        rows = database.sql(text, *values).fetchall()
    return {tuple(map(str, row[:-1])): int(row[-1]) for row in rows if row[-1]}


def _id(moment: datetime) -> str:
    """The least id of an attempt that is made at this moment."""
    return f"att_{str(ULID.from_datetime(moment.astimezone(UTC)))[:10]}"
