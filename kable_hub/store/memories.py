"""Facts of a connection that its plugin read: kept, told again, forgotten.

Whoever reads a fact first takes its row with a token and can write only while the row still
carries it: what was read before the hub forgot is never kept after.
"""

from typing import Any

from kable_hub import canonical
from kable_hub.store import tables as t
from kable_hub.store.database import Database
from kable_hub.store.pauses import Lane
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within

# Fixed text: it is read for every plan of an invoice.
_RECALL = """
    SELECT value FROM remembered
    WHERE connection_id = ? AND name = ? AND token = '' AND known_until > ?
    AND account_id = ? AND environment = ?
"""


def recall(database: Database, lane: Lane, name: str, now: int) -> str | None:
    """The fact as canonical JSON; None where it is not known (any more)."""
    scope = lane.scope
    values = (lane.id, name, now, scope.account_id, scope.environment.value)
    row = database.sql(_RECALL, *values).fetchone()
    return None if row is None else str(row[0])


def last_known(lane: Lane, name: str) -> str | None:
    """The fact as canonical JSON though it may be old by now; None where nothing is kept."""
    mine = _of(lane.scope, lane.id) & (t.Remembered.name == name) & (t.Remembered.token == "")
    row = t.Remembered.select(t.Remembered.value).where(mine).first()
    return None if row is None else canonical.dumps(row.value)


def begin(lane: Lane, name: str, token: str, until: int) -> None:
    """Somebody reads the fact anew and will know it until then."""
    values = {"value": None, "token": token, "known_until": until}
    row = {"connection_id": lane.id, "name": name, **owner(lane.scope), **values}
    target = [t.Remembered.connection_id, t.Remembered.name]
    t.Remembered.insert(row).on_conflict(conflict_target=target, update=values).execute()


def keep(lane: Lane, name: str, token: str, text: str, until: int | None = None) -> bool:
    """Keep what was read (`until` then, where that was not said at the beginning); False where
    it was forgotten or begun anew meanwhile."""
    mine = _of(lane.scope, lane.id) & (t.Remembered.name == name) & (t.Remembered.token == token)
    values = {"value": canonical.loads(text), "token": ""}
    if until is not None:
        values["known_until"] = until
    return bool(t.Remembered.update(values).where(mine).execute())


def forget(scope: Scope, connection_id: str) -> None:
    """Forget all facts of a connection: a person may have changed what they rest on."""
    t.Remembered.delete().where(_of(scope, connection_id)).execute()


def forget_old(lane: Lane, before: int) -> None:
    """Delete what was good for the last time before that moment."""
    old = t.Remembered.known_until <= before
    t.Remembered.delete().where(_of(lane.scope, lane.id), old).execute()


def _of(scope: Scope, connection_id: str) -> Any:
    return within(t.Remembered, scope) & (t.Remembered.connection_id == connection_id)
