"""A link keeps who confirmed that it shares its counterpart, and when: portable SQL."""

STATEMENTS = (
    "ALTER TABLE link ADD COLUMN confirmed_at BIGINT",
    "ALTER TABLE link ADD COLUMN confirmed_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE webhook_event ADD COLUMN document TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE webhook_event ADD COLUMN customer TEXT NOT NULL DEFAULT ''",
)


def up(migrator, db):  # noqa: ARG001
    """Nobody was asked so far, and no event said what it is about."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
