"""The table of a store that moves; see `tables`, which has them all."""

import peewee as pw

from kable_hub.store.fields import CanonicalField, MomentField
from kable_hub.store.table_base import Table


class StoreMove(Table):
    """At most one row: this store is left, or filled. `id` is the move's, the same on both sides.

    `role` is leaving, left or arriving; `place` the other side, without a password. `progress`
    is of the side that is filled: whose store it is, and how far each table got.
    """

    id = pw.TextField(primary_key=True)
    role = pw.TextField()
    place = pw.TextField()
    progress = CanonicalField(default=dict)
    began_at = MomentField()
