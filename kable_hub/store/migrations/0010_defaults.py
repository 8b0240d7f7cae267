"""What an account wants done where a request does not say: portable SQL."""

STATEMENTS = (
    """
    CREATE TABLE account_default (
        account_id TEXT NOT NULL, environment TEXT NOT NULL, auto_push BOOLEAN NOT NULL,
        create_at TEXT NOT NULL, PRIMARY KEY (account_id, environment)
    )
    """,
)


def up(migrator, db):  # noqa: ARG001
    """Everything went out at once, and nothing was created unasked, so far."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
