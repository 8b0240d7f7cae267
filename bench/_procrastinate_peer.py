"""Procrastinate on PostgreSQL and the typed SDK: the usual recipe, a task for each invoice.

`loop` starts a worker, makes as many invoices as each line of its input says, and answers as the
other loops do. The CPU is that of the worker's process; PostgreSQL and whoever enqueues are left
out.
"""

import logging
import sys
import time

import procrastinate
from _stripe_parts import client_of, one_invoice
from _task_peer import CONCURRENCY, RETRIES, rounds

FINAL = ("succeeded", "failed", "cancelled", "aborted")
ATTEMPTS = procrastinate.RetryStrategy(max_attempts=RETRIES + 1, exponential_wait=2)

logging.getLogger("procrastinate").setLevel(logging.ERROR)
role, database, url, key, customer = sys.argv[1:]
connector = procrastinate.SyncPsycopgConnector if role == "loop" else procrastinate.PsycopgConnector
app = procrastinate.App(connector=connector(conninfo=database))
client = client_of(url, key)


@app.task(name="push", retry=ATTEMPTS)
def push(number: str) -> None:
    """One invoice; tried again with the same keys."""
    one_invoice(client, customer, number)


def work() -> None:
    """Be a worker."""
    app.run_worker(concurrency=CONCURRENCY, install_signal_handlers=True)


def loop() -> None:
    """Enqueue and wait, round by round."""
    with app.open():
        app.schema_manager.apply_schema()
        words = [sys.executable, __file__, "work", database, url, key, customer]
        rounds("procrastinate", words, pushed)


def pushed(numbers: list[str]) -> list[str]:
    """Make tasks of these and wait; which ones failed."""
    ids = push.batch_defer(*({"number": one} for one in numbers))
    found = settled(ids)
    return [one for one, id in zip(numbers, ids, strict=True) if found[id] != "succeeded"]


def settled(ids: list[int]) -> dict[int, str]:
    """Wait until the jobs are through; how each ended."""
    while True:
        query = "SELECT id, status FROM procrastinate_jobs WHERE id = ANY(%(ids)s)"
        rows = list(app.connector.get_sync_connector().execute_query_all(query, ids=ids))
        found = {int(row["id"]): str(row["status"]) for row in rows}
        if all(one in FINAL for one in found.values()):
            return found
        time.sleep(0.05)


{"work": work, "loop": loop}[role]()
