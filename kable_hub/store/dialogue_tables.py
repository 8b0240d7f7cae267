"""The tables of what a browser takes part in; see `tables`, which has them all."""

import peewee as pw

from kable_hub.store.fields import MomentField
from kable_hub.store.table_base import Scoped


class HostedPage(Scoped):
    """A page at a provider on which a customer acts, for as long as it lives.

    `reference` is the customer's there, `external_id` the page's, by which it is told of; `url`
    is sealed by the vault: whoever has it may act.
    """

    id = pw.TextField(primary_key=True)
    connection_id = pw.TextField()
    customer_id = pw.TextField()
    reference = pw.TextField()
    external_id = pw.TextField(default="")
    url = pw.TextField()
    created_at = MomentField()
    expires_at = MomentField()
    completed_at = MomentField(null=True)

    class Meta:
        indexes = (
            (("customer_id", "connection_id"), False),
            (("connection_id", "external_id"), False),
        )


class ConnectAttempt(Scoped):
    """One connect dialogue under way; ticket, state and browser are kept as SHA-256 only."""

    id = pw.TextField(primary_key=True)
    provider = pw.TextField()
    method = pw.TextField()
    ticket_digest = pw.TextField(unique=True)
    state_digest = pw.TextField(unique=True, null=True)
    browser_digest = pw.TextField(default="")
    carry = pw.TextField(default="")
    return_to = pw.TextField(default="")
    outcome = pw.TextField(default="")
    message = pw.TextField(default="")
    created_at = MomentField()
    expires_at = MomentField()
    opened_at = MomentField(null=True)
    used_at = MomentField(null=True)
