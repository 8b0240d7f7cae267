"""What an older state of the store does not know: what was sent after it (law 2).

Every unfinished push may stand at its provider by now. What can be looked for at once becomes
`uncertain`; what waits for a link or a connection stays `blocked` and is looked for when that
wakes it. The same holds for pushes that are opened later for invoices from before. Nothing is sent
before it was looked for, and never under a key that may be used up: what was frozen counts no more,
and generations go on at the number of the second, which was never reached by counting.

Invoices that were accepted in the lost time are forgotten, and sent again they get other ids. So
new invoices are looked for as well, for as long as that is likely; plugins find by the number what
carries another marker of this hub, and leave it to a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ulid import ULID

from kable_hub.clock import from_ms
from kable_hub.store import tables as t
from kable_hub.store.database import Database

_EPOCH = 1_700_000_000
SENT_AGAIN = timedelta(days=30)
"""So long after a store was put back what was lost is sent again, and looked for first."""

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
    UPDATE delivery SET may_exist = TRUE,
        generation = CASE WHEN generation < ? THEN ? ELSE generation + 1000 END,
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


_LAST_KNOWN = """
    SELECT MAX(at) FROM (SELECT MAX(created_at) AS at FROM invoice
        UNION ALL SELECT MAX(created_at) FROM delivery UNION ALL SELECT MAX(started_at) FROM attempt
    ) known
"""


@dataclass(frozen=True)
class LostTime:
    """What a store that was put back knows nothing of, as epoch milliseconds."""

    began: int
    ended: int


def lost_time() -> LostTime | None:
    """What was lost last; None where nothing ever was. Joins the caller's connection."""
    row = t.Instance.select(t.Instance.restored_from, t.Instance.restored_at).first()
    if row is None or row.restored_at is None:
        return None
    return LostTime(row.restored_from or row.restored_at, row.restored_at)


def counts(database: Database) -> list[tuple[str, str, str, int]]:
    """(provider, environment, state, how many) of what `mark` would mark."""
    with database.read():
        return [tuple(row) for row in database.sql(_COUNT).fetchall()]


def mark(database: Database, now: int) -> int:
    """Mark every unfinished push, in one commit; answers how many."""
    leap = _leap(now)
    with database.write():
        known = database.sql(_LAST_KNOWN).fetchone()[0] or now
        database.sql("UPDATE instance SET restored_at = ?, restored_from = ?", now, known)
        return int(database.sql(_DELIVERIES, leap, leap, now, now, now, _SAID).rowcount)


def doubt(rows: Sequence[dict[str, Any]], now: int) -> None:
    """New operations, as they are about to be written: pushes of invoices from before an older
    state was put back may have been opened and sent in the time that was lost, and those of new
    invoices under other ids. A new one that is held or rejected is none, until it is let go."""
    pushes = [one for one in rows if one["kind"] == "push"]
    lost = lost_time() if pushes else None
    if lost is None:
        return
    since = f"inv_{str(ULID.from_datetime(from_ms(lost.ended)))[:10]}"
    for one in pushes:
        again = _is_likely(lost, now) and one["state"] in ("due", "blocked")
        if one["subject_id"] < since or again:
            one |= {"may_exist": True, "generation": _leap(now), "was_held": one["state"] == "held"}
            if one["state"] == "due":
                one.update(_uncertain(now))


def doubts(now: int) -> tuple[int, dict[str, Any]] | None:
    """As `doubt`, for pushes that were held and are let go now: from when on they count as new, and
    what the row of a new one gets. None where nothing is looked for."""
    lost = lost_time()
    if lost is None or not _is_likely(lost, now):
        return None
    return lost.ended, {"may_exist": True, "generation": _leap(now), **_uncertain(now)}


def _uncertain(now: int) -> dict[str, Any]:
    said = {"error_code": "restored", "error_message": _SAID}
    return {"state": "uncertain", "uncertain_since": now, **said}


def _is_likely(lost: LostTime, now: int) -> bool:
    return now < lost.ended + SENT_AGAIN / timedelta(milliseconds=1)


def _leap(now: int) -> int:
    """A generation beyond all that were reached by counting, and beyond those of the last time."""
    return now // 1000 - _EPOCH
