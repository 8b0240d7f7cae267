"""What is known of a provider for a while, and could be read again."""

import peewee as pw

from kable_hub.store.fields import CanonicalField, MomentField
from kable_hub.store.table_base import Scoped


class Remembered(Scoped):
    """A fact of a connection that its plugin read, good until `known_until`.

    While `token` is set somebody reads it anew, and only the holder of the token may write it.
    """

    connection_id = pw.TextField()
    name = pw.TextField()
    value = CanonicalField(null=True)
    token = pw.TextField(default="")
    known_until = MomentField()

    class Meta:
        primary_key = pw.CompositeKey("connection_id", "name")
