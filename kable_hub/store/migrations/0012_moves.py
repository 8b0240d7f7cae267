"""Whether a store moves, and which deliveries were held when it was put back: portable SQL."""


def up(migrator, db):  # noqa: ARG001
    """No store moved so far, and none was put back."""
    db.execute_sql("""
        CREATE TABLE store_move (
            id TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL, place TEXT NOT NULL,
            progress TEXT NOT NULL, began_at BIGINT NOT NULL
        )
    """)
    db.execute_sql("ALTER TABLE delivery ADD COLUMN was_held BOOLEAN NOT NULL DEFAULT FALSE")
