"""The first schema: portable SQL, the same text for SQLite and PostgreSQL."""

TABLES = (
    """
    CREATE TABLE instance (
        id TEXT NOT NULL PRIMARY KEY
    )
    """,
    """
    CREATE TABLE account (
        id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL,
        created_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE api_key (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT, environment TEXT, label TEXT NOT NULL,
        prefix TEXT NOT NULL, digest TEXT NOT NULL, created_at BIGINT NOT NULL, used_at BIGINT,
        revoked_at BIGINT
    )
    """,
    """
    CREATE TABLE customer (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        client_id TEXT NOT NULL, company_name TEXT NOT NULL, currency TEXT NOT NULL,
        email TEXT NOT NULL, billing_address TEXT NOT NULL, status TEXT NOT NULL,
        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE connection (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        provider TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, pauses TEXT NOT NULL,
        external_id TEXT NOT NULL, title TEXT NOT NULL, app_id TEXT NOT NULL,
        method TEXT NOT NULL, shared BOOLEAN NOT NULL, settings TEXT NOT NULL,
        push_earlier TEXT NOT NULL, push_since DATE, warnings TEXT NOT NULL,
        poll_cursor TEXT NOT NULL, webhook_token TEXT, created_at BIGINT NOT NULL,
        connected_at BIGINT NOT NULL, checked_at BIGINT, next_due_at BIGINT, wake_sent_at BIGINT,
        lease_until BIGINT NOT NULL, lease_token BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE credential (
        connection_id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL,
        environment TEXT NOT NULL, ciphertext TEXT NOT NULL, version BIGINT NOT NULL,
        expires_at BIGINT, reconnect_by BIGINT, lease_until BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE link (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        customer_id TEXT NOT NULL, connection_id TEXT NOT NULL, state TEXT NOT NULL,
        reference TEXT NOT NULL, parts TEXT NOT NULL, title TEXT NOT NULL, email TEXT NOT NULL,
        currency TEXT NOT NULL, warnings TEXT NOT NULL, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE invoice (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        customer_id TEXT NOT NULL, number TEXT NOT NULL, currency TEXT NOT NULL,
        issue_date DATE NOT NULL, due_date DATE, subtotal BIGINT NOT NULL, tax BIGINT NOT NULL,
        total BIGINT NOT NULL, memo TEXT NOT NULL, metadata TEXT NOT NULL,
        payment_provider TEXT NOT NULL, auto_push BOOLEAN NOT NULL, revision INTEGER NOT NULL,
        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE invoice_line (
        account_id TEXT NOT NULL, environment TEXT NOT NULL, invoice_id TEXT NOT NULL,
        position INTEGER NOT NULL, description TEXT NOT NULL, quantity TEXT NOT NULL,
        unit_price TEXT NOT NULL, amount BIGINT NOT NULL, tax BIGINT NOT NULL,
        tax_rate TEXT NOT NULL, tax_code TEXT NOT NULL, product_code TEXT NOT NULL,
        service_date DATE, PRIMARY KEY (invoice_id, position)
    )
    """,
    """
    CREATE TABLE delivery (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        connection_id TEXT NOT NULL, kind TEXT NOT NULL, subject_id TEXT NOT NULL,
        customer_id TEXT NOT NULL, state TEXT NOT NULL, due_at BIGINT NOT NULL,
        lease_token BIGINT NOT NULL, attempts INTEGER NOT NULL, failures INTEGER NOT NULL,
        generation INTEGER NOT NULL, frozen BOOLEAN NOT NULL, plan_version INTEGER NOT NULL,
        may_exist BOOLEAN NOT NULL, uncertain_since BIGINT, error_code TEXT NOT NULL,
        error_message TEXT NOT NULL, error_details TEXT NOT NULL, blocked_on TEXT NOT NULL,
        blocked_scope TEXT NOT NULL, receipt TEXT, external_id TEXT NOT NULL,
        variance BIGINT NOT NULL, payment_status TEXT NOT NULL, payment_as_of BIGINT,
        payment_details TEXT NOT NULL, delivered_at BIGINT, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE generation (
        account_id TEXT NOT NULL, environment TEXT NOT NULL, delivery_id TEXT NOT NULL,
        number INTEGER NOT NULL, key TEXT NOT NULL, batch_key TEXT NOT NULL,
        batch_position INTEGER NOT NULL, document TEXT NOT NULL, link TEXT NOT NULL,
        invoice_revision INTEGER NOT NULL, progress TEXT NOT NULL, sends INTEGER NOT NULL,
        frozen_at BIGINT NOT NULL, first_sent_at BIGINT, unsettled_at BIGINT,
        PRIMARY KEY (delivery_id, number)
    )
    """,
    """
    CREATE TABLE attempt (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        delivery_id TEXT NOT NULL, generation INTEGER NOT NULL, step TEXT NOT NULL,
        outcome TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
        provider_code TEXT NOT NULL, http_status INTEGER, request_id TEXT NOT NULL,
        calls TEXT NOT NULL, started_at BIGINT NOT NULL, duration_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE signal (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        delivery_id TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL,
        as_of BIGINT NOT NULL, created_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE idempotent_answer (
        scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
        status INTEGER NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL,
        created_at BIGINT NOT NULL, PRIMARY KEY (scope, key)
    )
    """,
    """
    CREATE TABLE connect_attempt (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        provider TEXT NOT NULL, method TEXT NOT NULL, ticket_digest TEXT NOT NULL,
        state_digest TEXT, browser_digest TEXT NOT NULL, carry TEXT NOT NULL,
        return_to TEXT NOT NULL, outcome TEXT NOT NULL, message TEXT NOT NULL,
        created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, opened_at BIGINT, used_at BIGINT
    )
    """,
    """
    CREATE TABLE webhook_event (
        id TEXT NOT NULL PRIMARY KEY, provider TEXT NOT NULL, environment TEXT NOT NULL,
        external_id TEXT NOT NULL, event_id TEXT NOT NULL, type TEXT NOT NULL,
        payload TEXT NOT NULL, received_at BIGINT NOT NULL, due_at BIGINT,
        failures INTEGER NOT NULL, worked_at BIGINT, outcome TEXT NOT NULL
    )
    """,
)
INDEXES = (
    "CREATE UNIQUE INDEX api_key_prefix ON api_key (prefix)",
    "CREATE INDEX api_key_account_id_environment ON api_key (account_id, environment)",
    "CREATE UNIQUE INDEX customer_account_id_environment_client_id"
    " ON customer (account_id, environment, client_id)",
    "CREATE UNIQUE INDEX connection_webhook_token ON connection (webhook_token)",
    "CREATE UNIQUE INDEX connection_account_id_environment_provider"
    " ON connection (account_id, environment, provider)",
    "CREATE UNIQUE INDEX link_connection_id_customer_id ON link (connection_id, customer_id)",
    "CREATE INDEX link_connection_id_reference ON link (connection_id, reference)",
    "CREATE INDEX link_customer_id ON link (customer_id)",
    "CREATE UNIQUE INDEX invoice_account_id_environment_number"
    " ON invoice (account_id, environment, number)",
    "CREATE INDEX invoice_account_id_environment_id ON invoice (account_id, environment, id)",
    "CREATE INDEX invoice_customer_id_id ON invoice (customer_id, id)",
    "CREATE UNIQUE INDEX delivery_connection_id_kind_subject_id"
    " ON delivery (connection_id, kind, subject_id)",
    "CREATE INDEX delivery_subject_id ON delivery (subject_id)",
    "CREATE INDEX delivery_connection_id_external_id ON delivery (connection_id, external_id)",
    "CREATE INDEX delivery_account_id_environment_state_id"
    " ON delivery (account_id, environment, state, id)",
    "CREATE UNIQUE INDEX generation_key ON generation (key)",
    "CREATE INDEX generation_batch_key ON generation (batch_key)",
    "CREATE INDEX attempt_delivery_id ON attempt (delivery_id)",
    "CREATE INDEX signal_delivery_id ON signal (delivery_id)",
    "CREATE INDEX idempotent_answer_created_at ON idempotent_answer (created_at)",
    "CREATE UNIQUE INDEX connect_attempt_ticket_digest ON connect_attempt (ticket_digest)",
    "CREATE UNIQUE INDEX connect_attempt_state_digest ON connect_attempt (state_digest)",
    "CREATE UNIQUE INDEX webhook_event_provider_external_id_environment_event_id"
    " ON webhook_event (provider, external_id, environment, event_id)",
    "CREATE INDEX connection_due ON connection (next_due_at) WHERE next_due_at IS NOT NULL",
    "CREATE UNIQUE INDEX connection_held"
    " ON connection (provider, environment, external_id) WHERE state <> 'disconnected'",
    "CREATE INDEX delivery_claim"
    " ON delivery (connection_id, due_at, id) WHERE state IN ('due', 'uncertain')",
    "CREATE INDEX delivery_pushing"
    " ON delivery (connection_id, lease_token) WHERE state = 'pushing'",
    "CREATE INDEX webhook_event_due ON webhook_event (due_at) WHERE due_at IS NOT NULL",
)


def up(migrator, db):  # noqa: ARG001
    """Create everything."""
    for statement in TABLES + INDEXES:
        db.execute_sql(statement)
