"""The server: one worker process, work begun after the fork, requests finished on SIGTERM."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from kable_hub.web.server import serve_in_thread

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys, threading, time
from kable_hub import logs
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.usecases.hub import open_hub
from kable_hub.web.app import create_app
from kable_hub.web.server import serve

folder, port = sys.argv[1:]
settings = Settings.load({"KABLE_DATA_DIR": folder, "KABLE_LOG_FORMAT": "json"})
logs.configure(settings)
app = create_app(open_hub(settings, registry=Registry.of()))
said = []

@app.get("/who")
def who():
    return {"pid": os.getpid(), "parent": os.getppid(), "started": said}

@app.get("/slow")
def slow():
    open(os.path.join(folder, "in-request"), "w").close()
    threading.Event().wait(1)
    return "done"

def stop():
    open(os.path.join(folder, "stopped"), "w").write(str(os.getpid()))

serve(app, "127.0.0.1", int(port), lambda: said.append(os.getpid()), stop)
"""


def wait_for(condition, seconds=60.0):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def answered(session, url):
    try:
        return session.get(url, timeout=60)
    except requests.ConnectionError:
        return None


@contextmanager
def process(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    log = (folder / "log").open("w")
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(port)], env=environ, cwd=ROOT, stderr=log
    )
    try:
        yield child, f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()
        log.close()


@pytest.fixture
def session():
    with requests.Session() as one:
        one.trust_env = False
        yield one


def test_work_starts_in_the_worker_and_a_request_under_way_is_finished(tmp_path, session):
    with process(tmp_path) as (child, url):
        who = wait_for(lambda: answered(session, f"{url}/who")).json()
        assert who["started"] == [who["pid"]]
        assert who["parent"] == child.pid
        assert session.get(f"{url}/readyz", timeout=60).json() == {
            "status": "ready",
            "reconnectSoon": 0,
            "longUncertain": 0,
        }
        results = []
        slow = threading.Thread(
            target=lambda: results.append(requests.get(f"{url}/slow", timeout=60).text)
        )
        slow.start()
        wait_for((tmp_path / "in-request").exists)
        child.send_signal(signal.SIGTERM)
        slow.join(60)
        assert results == ["done"]
        assert child.wait(60) == 0
    assert (tmp_path / "stopped").read_text() == str(who["pid"])
    assert {one.name for one in tmp_path.iterdir()}.isdisjoint({".gunicorn"})
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines
    assert all(line.startswith("{") for line in lines), lines


def test_the_server_of_tests_keeps_connections_alive(web, session):
    with serve_in_thread(web.app) as server:
        first = session.get(f"{server.url}/healthz", timeout=60)
        assert first.raw.version == 11
        assert session.post(f"{server.url}/webhooks/acme", data=b"x", timeout=60).status_code >= 400
        assert session.get(f"{server.url}/readyz", timeout=60).json() == {
            "status": "ready",
            "reconnectSoon": 0,
            "longUncertain": 0,
        }
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.url}/healthz", timeout=60)
