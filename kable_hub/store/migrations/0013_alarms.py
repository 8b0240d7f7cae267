"""What stays uncertain is told of once a day, and found by an index of its own: portable SQL."""

STATEMENTS = (
    "ALTER TABLE delivery ADD COLUMN alarmed_at BIGINT",
    "CREATE INDEX delivery_uncertain ON delivery (uncertain_since) WHERE state = 'uncertain'",
)
FIGURE = ("delivery", "delivery_uncertain", "1000 1")


def up(migrator, db):  # noqa: ARG001
    """Nobody was alarmed so far."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
    if db.param == "?":
        db.execute_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", FIGURE)
        db.execute_sql("ANALYZE sqlite_master")
