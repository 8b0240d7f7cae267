"""Pages on which customers act, the hosts an account's people may return to, who can be charged."""

STATEMENTS = (
    "ALTER TABLE account ADD COLUMN return_hosts TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE link ADD COLUMN ready BOOLEAN",
    """
    CREATE TABLE hosted_page (
        id TEXT NOT NULL PRIMARY KEY, account_id TEXT NOT NULL, environment TEXT NOT NULL,
        connection_id TEXT NOT NULL, customer_id TEXT NOT NULL, reference TEXT NOT NULL,
        external_id TEXT NOT NULL, url TEXT NOT NULL, created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL, completed_at BIGINT
    )
    """,
    "CREATE INDEX hosted_page_customer_id_connection_id"
    " ON hosted_page (customer_id, connection_id)",
    "CREATE INDEX hosted_page_connection_id_external_id"
    " ON hosted_page (connection_id, external_id)",
)


def up(migrator, db):  # noqa: ARG001
    """Add them."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
