"""What an older state of the store does not know: what was sent after it (law 2).

Every unfinished push may stand at its provider by now. What can be looked for at once becomes
`uncertain`; what waits for a link or a connection stays `blocked` and is looked for when that
wakes it. Nothing is sent before it was looked for, and never under a key that may be used up: what
was frozen counts no more, and generations go on a thousand numbers further.
"""

from kable_hub.store.database import Database

LEAP = 1000
"""More generations than a delivery has ever had: keys beyond were never used."""

_UNFINISHED = """
    kind = 'push' AND (state IN ('held', 'due', 'pushing', 'uncertain', 'rejected')
        OR state = 'blocked' AND NOT may_exist)
"""
_COUNT = f"""
    SELECT c.provider, d.environment, d.state, COUNT(*)
    FROM (SELECT * FROM delivery WHERE {_UNFINISHED}) d JOIN connection c ON c.id = d.connection_id
    GROUP BY c.provider, d.environment, d.state ORDER BY 1, 2, 3
"""  # noqa: S608 - own words
_LOOKED_FOR = "(state <> 'blocked' OR blocked_on IN ('customer', 'settings'))"
_DELIVERIES = f"""
    UPDATE delivery SET may_exist = TRUE, generation = generation + {LEAP},
        frozen = FALSE, plan_version = plan_version + 1, failures = 0,
        was_held = (was_held OR state = 'held'), updated_at = ?, due_at = ?,
        uncertain_since = CASE WHEN {_LOOKED_FOR} THEN ? END,
        error_code = CASE WHEN {_LOOKED_FOR} THEN 'restored' ELSE error_code END,
        error_message = CASE WHEN {_LOOKED_FOR} THEN ? ELSE error_message END,
        blocked_on = CASE WHEN {_LOOKED_FOR} THEN '' ELSE blocked_on END,
        state = CASE WHEN {_LOOKED_FOR} THEN 'uncertain' ELSE state END
    WHERE {_UNFINISHED}
"""  # noqa: S608 - own words
_SAID = "an older state of the store was put back: what was sent since is looked for first"


def counts(database: Database) -> list[tuple[str, str, str, int]]:
    """(provider, environment, state, how many) of what `mark` would mark."""
    with database.read():
        return [tuple(row) for row in database.sql(_COUNT).fetchall()]


def mark(database: Database, now: int) -> int:
    """Mark every unfinished push, in one commit; answers how many."""
    with database.write():
        return int(database.sql(_DELIVERIES, now, now, now, _SAID).rowcount)
