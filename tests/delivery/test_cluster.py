"""What only the engine of many processes has: two of them over one PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import ConnectionPool, PoolTimeout

from kable_hub.store import processes
from kable_hub.store import tables as t
from kable_hub.store.engine_schema import conninfo, migrate, pending
from kable_hub.store.offers import Offers
from kable_hub.sync import calling, census, cluster
from kable_hub.sync.calling import Caller
from kable_hub.usecases import hub as hubs
from kable_hub.usecases.running import beside_web, engine_of, start_engine
from tests.delivery.engines import engaged
from tests.delivery.stage import Stage
from tests.delivery.test_engine import until


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Stage]:
    with engaged("cluster", tmp_path) as one:
        yield one


def queue(stage: Stage, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run SQL over the engine's own tables."""
    with psycopg.connect(conninfo(stage.hub.settings.database_url), autocommit=True) as store:
        cursor = store.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def test_each_tick_is_done_once_over_all_workers_and_never_twice_at_a_time(at_work: Stage) -> None:
    ticks: list[int] = []
    alone: list[bool] = []
    one = threading.Lock()

    def slowly() -> None:
        alone.append(one.acquire(blocking=False))
        time.sleep(1.5)
        if alone[-1]:
            one.release()

    engines = [engine_of(at_work.hub) for _ in range(2)]
    for engine in engines:
        engine.every(1.0, "quick", lambda: ticks.append(int(time.time())))
        engine.every(1.0, "slow", slowly)
        engine.start()
    until(lambda: len(ticks) >= 4 and len(alone) >= 2)
    for engine in engines:
        assert engine.stop()
    assert len(ticks) <= ticks[-1] - ticks[0] + 2
    assert alone
    assert all(alone)


def test_the_jobs_of_a_worker_that_died_are_deleted_and_not_done_again(at_work: Stage) -> None:
    queue(
        at_work,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')",
    )
    queue(
        at_work,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, status, worker_id,"
        " args) SELECT 'acme', 'drain', 'con_1', 'doing', id,"
        """ '{"provider": "acme", "connection_id": "con_1"}' FROM procrastinate_workers""",
    )
    engine = start_engine(at_work.hub)
    try:
        until(
            lambda: (
                not queue(
                    at_work,
                    "SELECT 1 FROM procrastinate_jobs WHERE status = 'doing'"
                    " AND queueing_lock = 'con_1'",
                )
            )
        )
        invoice = at_work.invoice()
        until(lambda: at_work.delivery(invoice).state == "delivered")
    finally:
        engine.stop()
    assert queue(at_work, "SELECT id FROM procrastinate_workers") == []
    assert queue(at_work, "SELECT id FROM procrastinate_jobs WHERE queue_name = 'acme'") == []


def test_what_serves_drains_nothing_and_calls_a_worker(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = beside_web(at_work.hub.settings, sync=False)
    assert make is not None
    caller = make(at_work.hub)
    caller.start()
    invoice = at_work.invoice()
    waiting = "SELECT queue_name, queueing_lock, lock, scheduled_at FROM procrastinate_jobs"
    until(lambda: bool(queue(at_work, waiting)))
    at_work.hub.wake("con_1")
    assert queue(at_work, waiting) == [("acme", "con_1", None, None)]
    assert at_work.delivery(invoice).state == "due"
    monkeypatch.setattr(cluster, "SWEEP_SECONDS", 3600.0)
    engine = engine_of(at_work.hub)
    engine.start()
    until(lambda: at_work.delivery(invoice).state == "delivered")
    assert engine.stop()
    assert caller.stop()


def test_what_nobody_was_called_for_is_found_by_the_sweep(at_work: Stage) -> None:
    invoice = at_work.invoice()
    engine = start_engine(at_work.hub)
    until(lambda: at_work.delivery(invoice).state == "delivered")
    assert engine.stop()


def test_a_caller_outlives_a_queue_that_is_not_there(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(calling, "AFTER_FAILURE", 0.05)
    queue(at_work, "ALTER TABLE procrastinate_jobs RENAME TO gone")
    make = beside_web(at_work.hub.settings, sync=True)
    assert make is not None
    caller = make(at_work.hub)
    caller.start()
    at_work.invoice()
    until(lambda: "workers could not be called" in caplog.text)
    assert "does not exist" in caplog.text, "it says why"
    queue(at_work, "ALTER TABLE gone RENAME TO procrastinate_jobs")
    with at_work.hub.database.write():
        t.Connection.update(wake_sent_at=None).execute()
    at_work.hub.wake("con_1")
    until(lambda: bool(queue(at_work, "SELECT 1 FROM procrastinate_jobs")))
    assert caller.stop()


def test_a_caller_that_could_not_connect_at_first_connects_later(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConnectionPool.open, "__defaults__", (False, 0.2))
    url = at_work.hub.settings.database_url
    caller = Caller(Offers(at_work.hub.database), at_work.hub.clock, url)
    caller.start()
    at_work.invoice()
    name = url.rpartition("/")[2]
    with psycopg.connect(url.removesuffix(name) + "postgres", autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        try:
            with pytest.raises(PoolTimeout):
                caller.sweep("acme", 100)
        finally:
            other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    with at_work.hub.database.write():
        t.Connection.update(wake_sent_at=None).execute()
    caller.sweep("acme", 100)
    waiting = "SELECT queue_name, queueing_lock FROM procrastinate_jobs"
    assert queue(at_work, waiting) == [("acme", "con_1")]
    assert caller.stop()


def test_the_queue_has_a_schema_of_its_own_and_a_history(at_work: Stage) -> None:
    database, settings = at_work.hub.database, at_work.hub.settings
    assert pending(database) == hubs.pending(settings, database) == []
    queue(at_work, "DELETE FROM kable_engine.applied WHERE name > '03.04'")
    due = pending(database)
    assert due
    assert all(name.startswith("03.04") for name in due)
    queue(at_work, "DROP SCHEMA kable_engine CASCADE")
    assert len(migrate(database)) > len(due)
    assert migrate(database) == []
    with psycopg.connect(settings.database_url) as store:
        found = store.execute(
            "SELECT DISTINCT table_schema FROM information_schema.tables"
            " WHERE table_name LIKE 'procrastinate%'"
        ).fetchall()
    assert found == [("kable_engine",)]


def test_processes_count_until_they_leave_or_are_stale(
    at_work: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "BEAT", 0.05)
    hub = at_work.hub
    told: dict[str, list[tuple[int, float]]] = {"a": [], "b": []}
    first, second = (
        census.Census(hub.database, hub.clock, lambda *said, name=name: told[name].append(said))
        for name in "ab"
    )
    first.start()
    second.start()
    assert (told["a"][0], told["b"][0]) == ((1, 0.0), (2, census.NOTICED))
    until(lambda: told["a"][-1] == (2, 0.0))
    second.stop()
    until(lambda: told["a"][-1] == (1, 0.0))
    with hub.database.write():
        assert processes.see("wrk_dead", hub.now()) == 2
        t.WorkerProcess.update(seen_at=hub.now() - processes.STALE_MS - 1).where(
            t.WorkerProcess.id == "wrk_dead"
        ).execute()
    until(lambda: len(rows(at_work)) == 1)
    first.stop()
    assert rows(at_work) == []


def rows(stage: Stage) -> list[t.WorkerProcess]:
    with stage.hub.database.read():
        return list(t.WorkerProcess.select())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1.0, "* * * * * */1"),
        (30.0, "* * * * * */30"),
        (300.0, "*/5 * * * *"),
        (3600.0, "0 * * * *"),
    ],
)
def test_a_tick_is_said_as_cron_says_it(seconds: float, said: str) -> None:
    assert cluster.cron(seconds) == said


@pytest.mark.parametrize("seconds", [0.0, 0.5, 7.0, 90.0, 420.0, 7200.0])
def test_a_tick_that_cron_cannot_say_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="no part"):
        cluster.cron(seconds)
