"""What the store that was put back last does not know of begins here: portable SQL."""


def up(migrator, db):  # noqa: ARG001
    """Unknown, for a store that was put back before."""
    db.execute_sql("ALTER TABLE instance ADD COLUMN restored_from BIGINT")
