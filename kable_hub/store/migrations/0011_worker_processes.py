"""The processes that drain, each a row that says when it was last alive: portable SQL."""

STATEMENTS = (
    """
    CREATE TABLE worker_process (
        id TEXT NOT NULL PRIMARY KEY, started_at BIGINT NOT NULL, seen_at BIGINT NOT NULL
    )
    """,
)


def up(migrator, db):  # noqa: ARG001
    """Nobody drains while a hub is brought to this version."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
