"""Facts of a connection that are dear to read each time are kept for a while: portable SQL."""


def up(migrator, db):  # noqa: ARG001
    """Nothing is remembered so far."""
    db.execute_sql("""
        CREATE TABLE remembered (
            account_id TEXT NOT NULL, environment TEXT NOT NULL, connection_id TEXT NOT NULL,
            name TEXT NOT NULL, value TEXT, token TEXT NOT NULL, known_until BIGINT NOT NULL,
            PRIMARY KEY (connection_id, name)
        )
    """)
