"""The tables of webhooks, those that come in and those that are sent; see `tables`."""

import peewee as pw

from kable_hub.store.fields import CanonicalField, MomentField
from kable_hub.store.table_base import Scoped, Table


class WebhookEndpoint(Scoped):
    """An address of the account's own software that is told what happens, and its lease.

    `event_types` empty means all. `secret` and `old_secret` are sealed by the vault; the old one
    signs too until `old_secret_until`. `failures` counts those since the last success, begun at
    `failing_since`; until `paused_until` nothing is sent there.
    """

    id = pw.TextField(primary_key=True)
    url = pw.TextField()
    description = pw.TextField(default="")
    event_types = CanonicalField(default=list)
    enabled = pw.BooleanField(default=True)
    disabled_reason = pw.TextField(default="")
    secret = pw.TextField()
    old_secret = pw.TextField(default="")
    old_secret_until = MomentField(null=True)
    failures = pw.IntegerField(default=0)
    failing_since = MomentField(null=True)
    paused_until = MomentField(default=0)
    lease_until = MomentField(default=0)
    lease_token = pw.BigIntegerField(default=0)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        indexes = ((("account_id", "environment"), False),)


class OutgoingEvent(Scoped):
    """What happened, as the exact text that is sent (`body`): frozen with what it tells of."""

    id = pw.TextField(primary_key=True)
    type = pw.TextField()
    body = pw.TextField()
    created_at = MomentField(index=True)


class OutgoingMessage(Scoped):
    """One event on its way to one endpoint. `state` is waiting, delivered or failed.

    `due_at` is set while it waits. `tries` counts those since it was sent (or resent) first.
    """

    id = pw.TextField(primary_key=True)
    endpoint_id = pw.TextField()
    event_id = pw.TextField(index=True)
    type = pw.TextField()
    state = pw.TextField(default="waiting")
    due_at = MomentField(null=True)
    tries = pw.IntegerField(default=0)
    created_at = MomentField(index=True)
    finished_at = MomentField(null=True)

    class Meta:
        indexes = (
            (("endpoint_id", "due_at"), False),
            (("endpoint_id", "id"), False),
        )


class OutgoingAttempt(Scoped):
    """One try of a message: the endpoint's status, or the `error` where there was no answer."""

    id = pw.TextField(primary_key=True)
    message_id = pw.TextField(index=True)
    status = pw.IntegerField(null=True)
    error = pw.TextField(default="")
    started_at = MomentField(index=True)
    duration_ms = pw.IntegerField()


class WebhookEvent(Table):
    """A verified event, stored before it is worked; one row for each event id."""

    id = pw.TextField(primary_key=True)
    provider = pw.TextField()
    environment = pw.TextField()
    external_id = pw.TextField()
    event_id = pw.TextField()
    type = pw.TextField()
    payload = CanonicalField(default=dict)
    received_at = MomentField()
    due_at = MomentField(null=True)
    failures = pw.IntegerField(default=0)
    worked_at = MomentField(null=True)
    outcome = pw.TextField(default="")
    document = pw.TextField(default="")
    customer = pw.TextField(default="")

    class Meta:
        indexes = ((("provider", "external_id", "environment", "event_id"), True),)
