"""Endpoints of accounts, what they are told, and how that went: portable SQL."""

STATEMENTS = (
    """
    CREATE TABLE webhook_endpoint (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        url TEXT NOT NULL, description TEXT NOT NULL, event_types TEXT NOT NULL,
        enabled BOOLEAN NOT NULL, disabled_reason TEXT NOT NULL, secret TEXT NOT NULL,
        old_secret TEXT NOT NULL, old_secret_until BIGINT, failures INTEGER NOT NULL,
        failing_since BIGINT, paused_until BIGINT NOT NULL, lease_until BIGINT NOT NULL,
        lease_token BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL
    )
    """,
    """
    CREATE INDEX webhook_endpoint_account_id_environment
        ON webhook_endpoint (account_id, environment)
    """,
    """
    CREATE TABLE outgoing_event (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        type TEXT NOT NULL, body TEXT NOT NULL, created_at BIGINT NOT NULL
    )
    """,
    "CREATE INDEX outgoing_event_created_at ON outgoing_event (created_at)",
    """
    CREATE TABLE outgoing_message (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        endpoint_id TEXT NOT NULL, event_id TEXT NOT NULL, type TEXT NOT NULL,
        state TEXT NOT NULL, due_at BIGINT, tries INTEGER NOT NULL, created_at BIGINT NOT NULL,
        finished_at BIGINT
    )
    """,
    """
    CREATE INDEX outgoing_message_endpoint_id_due_at ON outgoing_message (endpoint_id, due_at)
        WHERE due_at IS NOT NULL
    """,
    "CREATE INDEX outgoing_message_endpoint_id_id ON outgoing_message (endpoint_id, id)",
    "CREATE INDEX outgoing_message_event_id ON outgoing_message (event_id)",
    "CREATE INDEX outgoing_message_created_at ON outgoing_message (created_at)",
    """
    CREATE TABLE outgoing_attempt (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        message_id TEXT NOT NULL, status INTEGER, error TEXT NOT NULL, started_at BIGINT NOT NULL,
        duration_ms INTEGER NOT NULL
    )
    """,
    "CREATE INDEX outgoing_attempt_message_id ON outgoing_attempt (message_id)",
    "CREATE INDEX outgoing_attempt_started_at ON outgoing_attempt (started_at)",
)


def up(migrator, db):  # noqa: ARG001
    """Nobody was told anything so far."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
