"""When an older state of the store was put back last: portable SQL."""


def up(migrator, db):  # noqa: ARG001
    """None was, so far."""
    db.execute_sql("ALTER TABLE instance ADD COLUMN restored_at BIGINT")
