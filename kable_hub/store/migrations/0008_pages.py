"""Indexes that pages over many invoices stand on: portable SQL.

SQLite plans without statistics as if every column of an index chose as well as the next, and so
would walk all of an account for what an id leads to. It is told here, once, how many rows an id,
a connection, or an account stands for. An ANALYZE of the operator's replaces these figures.
"""

LISTED = "invoice_account_id_environment_id_issue_date_customer_id_number"
STATEMENTS = (
    "DROP INDEX invoice_account_id_environment_id",
    f"CREATE INDEX {LISTED}"
    " ON invoice (account_id, environment, id, issue_date, customer_id, number)",
    "CREATE INDEX delivery_connection_id_state_subject_id"
    " ON delivery (connection_id, state, subject_id)",
    "CREATE INDEX delivery_customer_id_state_connection_id"
    " ON delivery (customer_id, state, connection_id)",
    "CREATE INDEX customer_account_id_environment_id ON customer (account_id, environment, id)",
)

FIGURES = (
    ("customer", "sqlite_autoindex_customer_1", "50000 1"),
    ("customer", "customer_account_id_environment_id", "50000 5000 2500 1"),
    ("customer", "customer_account_id_environment_client_id", "50000 5000 2500 1"),
    ("connection", "sqlite_autoindex_connection_1", "1000 1"),
    ("connection", "connection_account_id_environment_provider", "1000 4 2 1"),
    ("link", "sqlite_autoindex_link_1", "100000 1"),
    ("link", "link_connection_id_customer_id", "100000 2500 1"),
    ("link", "link_connection_id_reference", "100000 2500 1"),
    ("link", "link_customer_id", "100000 2"),
    ("invoice", "sqlite_autoindex_invoice_1", "500000 1"),
    ("invoice", "invoice_account_id_environment_number", "500000 50000 25000 1"),
    ("invoice", LISTED, "500000 50000 25000 1 1 1 1"),
    ("invoice", "invoice_customer_id_id", "500000 20 1"),
    ("invoice_line", "sqlite_autoindex_invoice_line_1", "1000000 2 1"),
    ("delivery", "sqlite_autoindex_delivery_1", "1000000 1"),
    ("delivery", "delivery_connection_id_kind_subject_id", "1000000 50000 40000 1"),
    ("delivery", "delivery_subject_id", "1000000 2"),
    ("delivery", "delivery_connection_id_external_id", "1000000 50000 10"),
    ("delivery", "delivery_account_id_environment_state_id", "1000000 100000 50000 10000 1"),
    ("delivery", "delivery_connection_id_state_subject_id", "1000000 50000 10000 1"),
    ("delivery", "delivery_customer_id_state_connection_id", "1000000 50 20 10"),
    ("delivery", "delivery_claim", "50000 5000 2 1"),
    ("delivery", "delivery_pushing", "1000 100 100"),
)
"""Rows in all, then rows for each value of the first column, of the first two, and so on."""


def up(migrator, db):  # noqa: ARG001
    """What is there is indexed at once; of 100,000 invoices in a second or two."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
    if db.param == "?":
        db.execute_sql("ANALYZE")
        db.execute_sql("DELETE FROM sqlite_stat1")
        for figure in FIGURES:
            db.execute_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", figure)
        db.execute_sql("ANALYZE sqlite_master")
