import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from kable_hub.cli import serving
from kable_hub.cli.opening import load_settings
from kable_hub.demo.stage import free_port
from kable_hub.usecases.hub import open_hub
from tests.cli.conftest import PROGRAM


def until(said, seconds=60):
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come true")


def answers(url):
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=60)
        except requests.ConnectionError:
            return None


@pytest.fixture
def start(cli):
    """Start processes; what still runs is killed in the end."""
    started = []

    def start_one(*words, begin=cli.start, **changes):
        started.append(begin(*words, **changes))
        return started[-1]

    yield start_one
    for one in started:
        # Not killed: a server's worker would outlive it for a while.
        one.terminate()
    for one in started:
        one.communicate(timeout=60)


def ended(process, sent=signal.SIGTERM):
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_serve_answers_until_it_is_told_to_stop(cli, start):
    port = free_port(0)
    process = start("serve", "--port", str(port), begin=cli.program)
    url = f"http://127.0.0.1:{port}"
    reads(process, "one-time link:", process.stdout)
    link = process.stdout.readline().strip()
    assert link.startswith("http://127.0.0.1:8080/first/")
    assert answers(f"{url}/first/{link.rpartition('/')[2]}").status_code == 200
    assert answers(f"{url}/docs").status_code == 200
    assert answers(f"{url}/api/v1/accounts").status_code == 401
    code, _, err = ended(process)
    assert code == 0
    assert link not in err
    assert "Traceback" not in err
    assert "apscheduler" not in err
    assert answers(f"{url}/healthz") is None


def reads(process, word, stream=None):
    """Read the log, or `stream`, until a line with this word."""
    for line in stream or process.stderr:
        if word in line:
            return line
    raise AssertionError(f"it ended without a word of {word!r}")


def test_others_over_the_same_store_stand_by_until_one_takes_over(start):
    first = start("worker")
    reads(first, "working")
    port = free_port(0)
    second = start("serve", "--port", str(port))
    assert "another process works this store already" in reads(second, "standing by")
    assert until(lambda: answers(f"http://127.0.0.1:{port}/healthz")).ok
    third = start("worker")
    reads(third, "standing by")
    assert ended(third)[0] == 0
    assert ended(first)[0] == 0
    assert reads(second, "working")


def test_a_killed_one_is_replaced_at_once_on_the_port_that_no_other_gets(start):
    port = free_port(0)
    url = f"http://127.0.0.1:{port}/healthz"
    first = start("serve", "--port", str(port))
    reads(first, "working")
    other = start("serve", "--no-sync", "--port", str(port))
    assert other.wait(60) == 1
    assert "Traceback" not in other.stderr.read()
    first.kill()
    first.wait(60)
    second = start("serve", "--port", str(port))
    assert reads(second, "working")
    assert until(lambda: answers(url)).ok
    assert ended(second)[0] == 0


def test_a_server_without_the_loop_stands_beside_a_worker(start):
    working = start("worker")
    reads(working, "working")
    port = free_port(0)
    server = start("serve", "--no-sync", "--port", str(port))
    assert until(lambda: answers(f"http://127.0.0.1:{port}/healthz")).ok
    assert ended(server)[0] == 0
    assert ended(working, signal.SIGINT)[0] == 0


LOCK = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def locked(cli):
    """The store as another program holds it: nobody else writes.

    A process of its own: what is started in these tests begins as a copy of this one, and SQLite
    in it would believe for ever that this one still holds the lock.
    """
    words = [sys.executable, "-c", LOCK, str(cli.folder / "hub.db")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            yield
        finally:
            other.kill()


def test_it_starts_over_a_store_that_another_program_locks(cli, start):
    cli.ok("users", "add", "ann@hub.example")
    port = free_port(0)
    with locked(cli):
        process = start("serve", "--port", str(port), begin=cli.program)
        assert until(lambda: answers(f"http://127.0.0.1:{port}/healthz")).ok
    assert reads(process, "working")
    assert ended(process)[0] == 0


def test_a_first_link_that_cannot_be_made_keeps_it_from_nothing(cli, capfd):
    cli("doctor")
    hub = open_hub(load_settings())
    with hub.database.read():
        hub.database.peewee.pragma("busy_timeout", 50, permanent=True)
    begin, end = serving._beginning_and_end(hub, None)
    with locked(cli):
        begin()
    assert "no link to sign in could be made" in "".join(capfd.readouterr())
    begin()
    assert "one-time link" in capfd.readouterr().out
    end()
    hub.close()


def test_settings_that_are_not_usable_stop_it_at_once(cli):
    done = cli.alone("serve", KABLE_PORT="none")
    assert done.code == 1
    assert done.err.startswith("Error: the configuration is not usable:\nKABLE_PORT")


def test_a_supervisor_starts_what_was_killed_again_and_ends_all_at_its_own_end(start):
    supervisor = start("worker", "--processes", "2", KABLE_LOG_FORMAT="json")
    pids = [json.loads(reads(supervisor, "a process began"))["pid"] for _ in range(2)]
    reads(supervisor, '"working"')
    os.kill(pids[0], signal.SIGKILL)
    assert json.loads(reads(supervisor, "started again"))["status"] == -signal.SIGKILL
    pids.append(json.loads(reads(supervisor, "a process began"))["pid"])
    code, _, err = ended(supervisor)
    assert (code, "Traceback" in err) == (0, False), err
    assert [pid for pid in pids if alive(pid)] == []


def test_a_process_that_cannot_begin_is_tried_again(cli):
    lost = f"import sys; sys.executable = '/nowhere/python'\n{PROGRAM}"
    with subprocess.Popen(
        [sys.executable, "-c", lost, "worker", "--processes", "1"],
        env=cli.environ(KABLE_LOG_FORMAT="json"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        try:
            assert "/nowhere/python" in reads(supervisor, "does not begin")
            reads(supervisor, "does not begin")
            reads(supervisor, "started again")
            code, _, err = ended(supervisor)
        finally:
            supervisor.kill()
    assert (code, "Traceback" in err) == (0, False), err


def test_workers_end_when_their_supervisor_is_killed(start):
    supervisor = start("worker", "--processes", "1", KABLE_LOG_FORMAT="json")
    pid = json.loads(reads(supervisor, "a process began"))["pid"]
    reads(supervisor, '"working"')
    supervisor.kill()
    until(lambda: not alive(pid))


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
