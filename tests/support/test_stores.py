"""The tests' own databases: fresh, real, and gone when the run is."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import postgres, stores
from tests.postgres import PostgresServer

ROOT = Path(__file__).parents[2]


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def prepare(url: str) -> None:
    run(url, "create table prepared (at integer)")
    run(url, f"insert into prepared values ({time.monotonic_ns() % 10**9})")


def test_a_database_is_empty_and_writable_on_both_stores(database_url):
    run(database_url, "create table note (words text)")
    run(database_url, "insert into note values ('paid')")

    assert run(database_url, "select words from note") == [("paid",)]


@pytest.mark.parametrize("kind", stores.KINDS)
def test_two_databases_know_nothing_of_each_other(kind, tmp_path):
    one, two = (stores.fresh_database_url(kind, tmp_path) for _ in range(2))

    run(one, "create table note (words text)")
    run(two, "create table note (words text)")

    assert one != two


@pytest.mark.parametrize("kind", stores.KINDS)
def test_a_prepared_database_is_prepared_once_and_copied(kind, tmp_path):
    urls = [stores.fresh_database_url(kind, tmp_path, prepare=prepare) for _ in range(3)]
    rows = [run(url, "select at from prepared") for url in urls]
    run(urls[0], "delete from prepared")

    assert rows[0] == rows[1] == rows[2]
    assert len(rows[0]) == 1
    assert run(urls[1], "select at from prepared") == rows[0]


def test_a_dropped_database_is_gone_even_when_somebody_is_connected(tmp_path):
    url = stores.fresh_database_url("postgres", tmp_path)
    with psycopg.connect(url):
        stores.drop_database(url)

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_only_the_durable_server_waits_for_the_disk(tmp_path):
    settings = [
        run(stores.fresh_database_url("postgres", tmp_path, durable=durable), "show fsync")
        for durable in (False, True)
    ]

    assert settings == [[("off",)], [("on",)]]


def test_a_server_of_ones_own_loses_no_commit_by_a_crash(own_postgres: PostgresServer):
    run(own_postgres.url(), "create table note as select 'paid' as words")
    own_postgres.crash()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(own_postgres.url())
    own_postgres.start()

    assert run(own_postgres.url(), "select words from note") == [("paid",)]
    assert "database system was not properly shut down" in own_postgres.log()


def test_a_server_that_cannot_start_says_why(own_postgres: PostgresServer):
    own_postgres.stop()
    (own_postgres.folder / "data" / "PG_VERSION").write_text("9.0\n")

    with pytest.raises(RuntimeError, match="incompatible with server"):
        own_postgres.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_starts_a_server_from_a_folder_that_nobody_else_may_enter(tmp_path, monkeypatch):
    place = Path(postgres.binaries(tmp_path)).parents[2]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in (postgres.PACKAGE, f"{postgres.PACKAGE}.libs"):
        (closed / name).symlink_to(place / name)
    monkeypatch.syspath_prepend(closed)
    server = stores.private_server("closed")
    server.start()
    try:
        assert run(server.url(), "select 1") == [(1,)]
        assert (stores.run_folder() / "postgres").is_dir()
    finally:
        server.stop()
        shutil.rmtree(stores.run_folder() / "postgres")


OTHER_RUN = """
import sys, time
sys.path.insert(0, {root!r})
from tests import stores
run = stores.Run()
print(run.folder, stores.shared_server().port(), flush=True)
{then}
"""


def other_run(then: str) -> "tuple[subprocess.Popen[str], Path, int]":
    program = OTHER_RUN.format(root=str(ROOT), then=then)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=without_run()
    )
    assert process.stdout
    folder, port = process.stdout.readline().split()
    return process, Path(folder), int(port)


def without_run() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != stores.FOLDER}


def is_served(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://hub@127.0.0.1:{port}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_end_of_a_run_leaves_neither_server_nor_folder():
    process, folder, port = other_run("run.end()")
    process.communicate(timeout=60)

    assert not is_served(port)
    assert not folder.exists()


def test_a_killed_run_takes_its_server_along():
    process, folder, port = other_run("time.sleep(60)")
    assert is_served(port)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)

    patience = time.monotonic() + 60
    while (is_served(port) or folder.exists()) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not is_served(port)
    assert not folder.exists()


def test_urls_carry_a_plain_host_and_port(postgres_url):
    parts = urlsplit(postgres_url)

    assert (parts.scheme, parts.username, parts.hostname) == ("postgresql", "hub", "127.0.0.1")
    assert parts.port
