"""The identity of this hub: part of every marker and key, made once with the store."""

import uuid

from kable_hub.store import tables as t
from kable_hub.store.database import Database


def instance_id(database: Database) -> str:
    """The hub's id, made on first use; a hub starts over a store that somebody else locks."""
    with database.read():
        row = t.Instance.select().first()
    if row is not None:
        return str(row.id)
    with database.write():
        row = t.Instance.select().first()
        if row is None:
            row = t.Instance.create(id=uuid.uuid4().hex[:12])
        return str(row.id)
