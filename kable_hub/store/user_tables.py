"""The tables of who gets in, by key or by sign-in; see `tables`, which has them all."""

import peewee as pw

from kable_hub.store.fields import MomentField
from kable_hub.store.table_base import Table


class ApiKey(Table):
    """A key: `prefix` finds it, `digest` (SHA-256 of the secret) proves it.

    Without an account it is an operator key.
    """

    id = pw.TextField(primary_key=True)
    account_id = pw.TextField(null=True)
    environment = pw.TextField(null=True)
    label = pw.TextField(default="")
    prefix = pw.TextField(unique=True)
    digest = pw.TextField()
    created_at = MomentField()
    used_at = MomentField(null=True)
    revoked_at = MomentField(null=True)

    class Meta:
        indexes = ((("account_id", "environment"), False),)


class User(Table):
    """A person. Without an account an operator; `generation` ends sessions when it moves on."""

    id = pw.TextField(primary_key=True)
    email = pw.TextField(unique=True)
    account_id = pw.TextField(null=True)
    password = pw.TextField(default="")
    generation = pw.IntegerField(default=0)
    created_at = MomentField()
    disabled_at = MomentField(null=True)
    signed_in_at = MomentField(null=True)

    class Meta:
        indexes = ((("account_id",), False),)


class SignInTicket(Table):
    """A link that lets somebody in once, kept as SHA-256. Without a user it makes the first."""

    digest = pw.TextField(primary_key=True)
    user_id = pw.TextField(null=True)
    enters = pw.BooleanField(default=False)
    lead_to = pw.TextField(default="")
    created_at = MomentField()
    expires_at = MomentField()


class SignInTry(Table):
    """A sign-in that did not succeed (yet), under the SHA-256 of what it is counted by."""

    id = pw.TextField(primary_key=True)
    subject = pw.TextField()
    at = MomentField()

    class Meta:
        indexes = ((("subject", "at"), False),)
