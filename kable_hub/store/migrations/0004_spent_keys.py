"""A generation remembers that its key is spent at the provider: portable SQL."""


def up(migrator, db):  # noqa: ARG001
    """No key was called spent so far."""
    db.execute_sql("ALTER TABLE generation ADD COLUMN key_spent BOOLEAN NOT NULL DEFAULT FALSE")
