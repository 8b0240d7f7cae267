"""People who sign in, the links that let them in, and tries that failed: portable SQL."""

STATEMENTS = (
    """
    CREATE TABLE "user" (
        id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL, account_id TEXT, password TEXT NOT NULL,
        generation INTEGER NOT NULL, created_at BIGINT NOT NULL, disabled_at BIGINT,
        signed_in_at BIGINT
    )
    """,
    'CREATE UNIQUE INDEX user_email ON "user" (email)',
    'CREATE INDEX user_account_id ON "user" (account_id)',
    """
    CREATE TABLE sign_in_ticket (
        digest TEXT NOT NULL PRIMARY KEY, user_id TEXT, enters BOOLEAN NOT NULL,
        lead_to TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE sign_in_try (
        id TEXT NOT NULL PRIMARY KEY, subject TEXT NOT NULL, at BIGINT NOT NULL
    )
    """,
    "CREATE INDEX sign_in_try_subject_at ON sign_in_try (subject, at)",
)


def up(migrator, db):  # noqa: ARG001
    """Nobody could sign in so far."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
