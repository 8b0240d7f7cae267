"""A link keeps the settings of its customer: portable SQL."""


def up(migrator, db):  # noqa: ARG001
    """No customer has settings of its own yet."""
    db.execute_sql("ALTER TABLE link ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'")
