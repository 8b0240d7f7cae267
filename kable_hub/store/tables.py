"""The tables. Only the store knows them; SQL stands nowhere else.

Every table belongs to an account and an environment but those in UNSCOPED, and every query
in the repository modules filters by both. Moments are epoch milliseconds, money is integer
minor units.
"""

import peewee as pw

from kable_hub.store.default_tables import AccountDefault
from kable_hub.store.dialogue_tables import ConnectAttempt, HostedPage
from kable_hub.store.fields import CanonicalField, MomentField
from kable_hub.store.invoice_tables import Invoice, InvoiceLine
from kable_hub.store.memory_tables import Remembered
from kable_hub.store.move_tables import StoreMove
from kable_hub.store.notice_tables import (
    OutgoingAttempt,
    OutgoingEvent,
    OutgoingMessage,
    WebhookEndpoint,
    WebhookEvent,
)
from kable_hub.store.table_base import Scoped, Table, database
from kable_hub.store.user_tables import ApiKey, SignInTicket, SignInTry, User

__all__ = [
    "TABLES",
    "UNSCOPED",
    "Account",
    "AccountDefault",
    "ApiKey",
    "Attempt",
    "ConnectAttempt",
    "Connection",
    "Credential",
    "Customer",
    "Delivery",
    "Generation",
    "HostedPage",
    "IdempotentAnswer",
    "Instance",
    "Invoice",
    "InvoiceLine",
    "Link",
    "OutgoingAttempt",
    "OutgoingEvent",
    "OutgoingMessage",
    "Remembered",
    "Scoped",
    "SignInTicket",
    "SignInTry",
    "Signal",
    "StoreMove",
    "Table",
    "User",
    "WebhookEndpoint",
    "WebhookEvent",
    "WorkerProcess",
    "database",
]


class Instance(Table):
    """One row: the identity of this hub, part of every marker and key. `restored_at`: when an older
    state of its store was put back last; `restored_from`: the last moment that state knew of.
    """

    id = pw.TextField(primary_key=True)
    restored_at = MomentField(null=True)
    restored_from = MomentField(null=True)


class WorkerProcess(Table):
    """A process that drains, and when it was last alive."""

    id = pw.TextField(primary_key=True)
    started_at = MomentField()
    seen_at = MomentField()


class Account(Table):
    """A tenant. `plan` is `free` or `paid`; `return_hosts` empty means any."""

    id = pw.TextField(primary_key=True)
    name = pw.TextField()
    plan = pw.TextField(default="free")
    created_at = MomentField()
    return_hosts = CanonicalField(default=list)


class Customer(Scoped):
    """A customer of the account."""

    id = pw.TextField(primary_key=True)
    client_id = pw.TextField()
    company_name = pw.TextField()
    currency = pw.TextField()
    email = pw.TextField(default="")
    billing_address = CanonicalField(default=dict)
    status = pw.TextField(default="ACTIVE")
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        indexes = (
            (("account_id", "environment", "client_id"), True),
            (("account_id", "environment", "id"), False),
        )


class Connection(Scoped):
    """An account's access to a provider, with the lease of the drain that works it.

    `state` is active, paused or disconnected; `pauses` maps each reason (plan, reconnect,
    provider, operator) to its text. The row is kept for ever: keys depend on it.
    """

    id = pw.TextField(primary_key=True)
    provider = pw.TextField()
    kind = pw.TextField()
    state = pw.TextField(default="active")
    pauses = CanonicalField(default=dict)
    external_id = pw.TextField()
    title = pw.TextField(default="")
    app_id = pw.TextField(default="")
    method = pw.TextField(default="")
    shared = pw.BooleanField(default=False)
    settings = CanonicalField(default=dict)
    push_earlier = pw.TextField(default="all")
    push_since = pw.DateField(null=True)
    warnings = CanonicalField(default=list)
    poll_cursor = CanonicalField(default=dict)
    webhook_token = pw.TextField(null=True, unique=True)
    created_at = MomentField()
    connected_at = MomentField()
    checked_at = MomentField(null=True)
    next_due_at = MomentField(null=True)
    wake_sent_at = MomentField(null=True)
    lease_until = MomentField(default=0)
    lease_token = pw.BigIntegerField(default=0)

    class Meta:
        indexes = ((("account_id", "environment", "provider"), True),)


class Credential(Scoped):
    """The encrypted credentials of one connection, apart so that no list ever reads them.

    `version` makes every write a compare-and-swap.
    """

    connection_id = pw.TextField(primary_key=True)
    ciphertext = pw.TextField()
    version = pw.BigIntegerField(default=1)
    expires_at = MomentField(null=True)
    reconnect_by = MomentField(null=True)
    lease_until = MomentField(default=0)
    updated_at = MomentField()


class Link(Scoped):
    """A customer joined to its counterpart at one connection's provider.

    `state` is linked, pending (being created there) or broken (gone there). `settings` are the
    customer's own, over the connection's. `ready`: whether the customer can be charged there,
    as far as the provider told. `confirmed_*`: who let it share its counterpart, and when.
    """

    id = pw.TextField(primary_key=True)
    customer_id = pw.TextField()
    connection_id = pw.TextField()
    state = pw.TextField(default="linked")
    reference = pw.TextField(default="")
    parts = CanonicalField(default=dict)
    title = pw.TextField(default="")
    email = pw.TextField(default="")
    currency = pw.TextField(default="")
    warnings = CanonicalField(default=list)
    settings = CanonicalField(default=dict)
    created_at = MomentField()
    updated_at = MomentField()
    ready = pw.BooleanField(null=True)
    confirmed_at = MomentField(null=True)
    confirmed_by = pw.TextField(default="")

    class Meta:
        indexes = (
            (("connection_id", "customer_id"), True),
            (("connection_id", "reference"), False),
            (("customer_id",), False),
        )


class Delivery(Scoped):
    """One operation of the outbox: `kind` push, void, collect or create_customer on a subject.

    `subject_id` is the invoice, or the customer for create_customer. `may_exist` is law 2 of
    the contract; `was_held`: a look that finds nothing leads back to a person. `frozen` says that
    the current generation may be sent; whatever outdates a plan (edit, relink, settings) clears
    it and raises `plan_version`, on this row, so that a worker's next conditional UPDATE sees it.
    `error_*` keep the last reason, `blocked_on` and `blocked_scope` what wakes it.
    """

    id = pw.TextField(primary_key=True)
    connection_id = pw.TextField()
    kind = pw.TextField()
    subject_id = pw.TextField()
    customer_id = pw.TextField()
    state = pw.TextField()
    due_at = MomentField()
    lease_token = pw.BigIntegerField(default=0)
    attempts = pw.IntegerField(default=0)
    failures = pw.IntegerField(default=0)
    generation = pw.IntegerField(default=0)
    frozen = pw.BooleanField(default=False)
    plan_version = pw.IntegerField(default=0)
    may_exist = pw.BooleanField(default=False)
    was_held = pw.BooleanField(default=False)
    uncertain_since = MomentField(null=True)
    alarmed_at = MomentField(null=True)
    error_code = pw.TextField(default="")
    error_message = pw.TextField(default="")
    error_details = CanonicalField(default=list)
    blocked_on = pw.TextField(default="")
    blocked_scope = pw.TextField(default="")
    receipt = CanonicalField(null=True)
    external_id = pw.TextField(default="")
    variance = pw.BigIntegerField(default=0)
    payment_status = pw.TextField(default="")
    payment_as_of = MomentField(null=True)
    payment_details = CanonicalField(default=dict)
    delivered_at = MomentField(null=True)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        indexes = (
            (("connection_id", "kind", "subject_id"), True),
            (("subject_id",), False),
            (("connection_id", "external_id"), False),
            (("account_id", "environment", "state", "id"), False),
            (("connection_id", "state", "subject_id"), False),
            (("customer_id", "state", "connection_id"), False),
        )


class Generation(Scoped):
    """What law 1 freezes before the first send. `sends` counts calls of push with this key.

    `first_sent_at` and `unsettled_at` (the last write without a clear answer) date what may
    still commit. `key_spent`: the provider would answer the same under this key for ever.
    """

    delivery_id = pw.TextField()
    number = pw.IntegerField()
    key = pw.TextField(unique=True)
    batch_key = pw.TextField(default="", index=True)
    batch_position = pw.IntegerField(default=0)
    document = pw.TextField()
    link = CanonicalField()
    invoice_revision = pw.IntegerField()
    progress = CanonicalField(default=dict)
    sends = pw.IntegerField(default=0)
    frozen_at = MomentField()
    first_sent_at = MomentField(null=True)
    unsettled_at = MomentField(null=True)
    key_spent = pw.BooleanField(default=False)

    class Meta:
        primary_key = pw.CompositeKey("delivery_id", "number")


class Attempt(Scoped):
    """One try of a delivery: what was done (`step`), how it ended, and every call made."""

    id = pw.TextField(primary_key=True)
    delivery_id = pw.TextField(index=True)
    generation = pw.IntegerField(default=0)
    step = pw.TextField()
    outcome = pw.TextField()
    code = pw.TextField(default="")
    message = pw.TextField(default="")
    provider_code = pw.TextField(default="")
    http_status = pw.IntegerField(null=True)
    request_id = pw.TextField(default="")
    calls = CanonicalField(default=list)
    started_at = MomentField()
    duration_ms = pw.IntegerField()


class Signal(Scoped):
    """What happened at the provider by itself, for the timeline."""

    id = pw.TextField(primary_key=True)
    delivery_id = pw.TextField(index=True)
    kind = pw.TextField()
    message = pw.TextField(default="")
    as_of = MomentField()
    created_at = MomentField()


class IdempotentAnswer(Table):
    """The stored answer of a POST that carried an Idempotency-Key. `scope` is the caller."""

    scope = pw.TextField()
    key = pw.TextField()
    fingerprint = pw.TextField()
    status = pw.IntegerField()
    headers = CanonicalField(default=dict)
    body = pw.TextField()
    created_at = MomentField(index=True)

    class Meta:
        primary_key = pw.CompositeKey("scope", "key")


UNSCOPED = (
    Instance,
    Account,
    ApiKey,
    User,
    SignInTicket,
    SignInTry,
    IdempotentAnswer,
    WebhookEvent,
    WorkerProcess,
    StoreMove,
)
"""The only tables without account and environment: identity, people, keys, processes, what comes
before."""

TABLES: tuple[type[Table], ...] = (
    Instance,
    Account,
    AccountDefault,
    ApiKey,
    User,
    SignInTicket,
    SignInTry,
    Customer,
    Connection,
    Credential,
    Remembered,
    Link,
    HostedPage,
    Invoice,
    InvoiceLine,
    Delivery,
    Generation,
    Attempt,
    Signal,
    IdempotentAnswer,
    ConnectAttempt,
    WebhookEvent,
    WebhookEndpoint,
    OutgoingEvent,
    OutgoingMessage,
    OutgoingAttempt,
    WorkerProcess,
    StoreMove,
)
"""All tables, in an order in which they can be created."""
