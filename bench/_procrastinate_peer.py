"""Procrastinate on PostgreSQL and the typed SDK: the usual recipe, a task for each invoice.

`loop` starts a worker, makes as many invoices as each line of its input says, and answers as the
other loops do. The CPU is that of the worker's process; PostgreSQL and whoever enqueues are left
out.
"""

import logging
import subprocess
import sys
import time
from typing import Any

import procrastinate
from _celery_peer import running
from _said import cpu_of, say
from _stripe_parts import client_of, one_invoice

CONCURRENCY = 4
ATTEMPTS = 4
FINAL = ("succeeded", "failed", "cancelled", "aborted")

logging.getLogger("procrastinate").setLevel(logging.ERROR)
role, database, url, key, customer = sys.argv[1:]
connector = procrastinate.SyncPsycopgConnector if role == "loop" else procrastinate.PsycopgConnector
app = procrastinate.App(connector=connector(conninfo=database))
client = client_of(url, key)


@app.task(name="push", retry=procrastinate.RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2))
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
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with running(words, **quiet) as worker:
            settled([push.defer(number="procrastinate-first")])
            made = 0
            for line in sys.stdin:
                numbers = [f"procrastinate-{made + place}" for place in range(int(line))]
                made += len(numbers)
                say(pushed(worker.pid, numbers))


def pushed(pid: int, numbers: list[str]) -> dict[str, Any]:
    """A round."""
    began, used = time.perf_counter(), cpu_of(pid)
    ids = push.batch_defer(*({"number": one} for one in numbers))
    found = settled(ids)
    spent = {"seconds": time.perf_counter() - began, "cpu": cpu_of(pid) - used}
    failed = [one for one, id in zip(numbers, ids, strict=True) if found[id] != "succeeded"]
    return {**spent, "numbers": numbers, "failed": failed}


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
