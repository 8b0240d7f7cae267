"""The table of what an account wants done where a request does not say; see `tables`."""

import peewee as pw

from kable_hub.store.fields import CanonicalField
from kable_hub.store.table_base import Scoped


class AccountDefault(Scoped):
    """How new invoices and customers of an account begin; no row: as the columns' defaults."""

    auto_push = pw.BooleanField(default=True)
    create_at = CanonicalField(default=list)

    class Meta:
        primary_key = pw.CompositeKey("account_id", "environment")
