"""A plugin in one file: listed, simulated, connected, delivering, and traced without a secret."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from kable_hub.demo.stage import free_port
from kable_hub.domain import Environment
from kable_hub.plugins import in_folder
from kable_hub.settings import Settings
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import open_hub
from tests.cli.conftest import PROGRAM
from tests.docs.stage import Stage
from tests.web.site import app_of

COOKBOOK = Path(__file__).resolve().parents[1] / "docs" / "cookbook"
AGED = """
from datetime import date
from kable_hub import tryout
ends = tryout.Deprecation(date(2026, 12, 1), date(2027, 12, 1), "the mark")
tryout.DEPRECATED = {"push_invoice.push": ends}
"""
CANARIES = ("canary-of-the-key", "CANARY-NO-7", "Canary & Sons", "canary feed")


@pytest.fixture
def meadow():
    """Meadow, whose only key of test is a canary."""
    (found,) = [one.load() for one in in_folder(COOKBOOK) if one.name == "meadow"]
    with found.SIMULATOR() as simulator:
        simulator.seed_demo()
        simulator.keys = {CANARIES[0]: Environment.TEST}
        yield simulator


@pytest.fixture
def api(cli, meadow, tmp_path):
    """The API of a hub over the folder, with a broken file beside, and the lines of its log."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "meadow.py").write_text((COOKBOOK / "meadow.py").read_text())
    (folder / "broken.py").write_text("raise RuntimeError('half a plugin')")
    key = cli.ok("accounts", "keys", "create", cli.account(), "--env", "test")["secret"]
    port, log = free_port(0), tmp_path / "log"
    words = ["serve", "--port", str(port), "--plugins-dir", str(folder), "--trace-hooks"]
    with log.open("w") as file, requests.Session() as session:
        process = subprocess.Popen(
            [sys.executable, "-c", AGED + PROGRAM, *words],
            env=cli.environ(**meadow.configuration()),
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {key}"

        def call(method, path, body=None):
            url = f"http://127.0.0.1:{port}/api/v1{path}"
            answer = session.request(method, url, json=body, timeout=10)
            assert answer.ok, answer.text
            return answer.json()

        try:
            until(lambda: "working" in log.read_text() and listens(session, port))
            yield call, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def listens(session, port):
    try:
        return session.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def until(said):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come true")


def test_a_file_is_served_and_delivers_traced_without_content_and_the_start_tells_of_plugins(
    api, meadow
):
    call, log = api
    form = {"key": CANARIES[0]}
    call("POST", "/connections", {"provider": "meadow", "method": "key", "form": form})
    reference = meadow.demo_customers(Environment.TEST)[0].reference
    customer = {"clientId": "c1", "companyName": CANARIES[2], "currency": "USD"}
    call("POST", "/customers", {**customer, "meadowCustomerId": reference})
    lines = [{"description": CANARIES[3], "unitPrice": "19.99"}]
    head = {"customer": "c1", "number": CANARIES[1], "currency": "USD", "issueDate": "2026-11-22"}
    made = call("POST", "/invoices", {**head, "lines": lines})

    def delivered():
        found = call("GET", f"/invoices/{made['id']}")["deliveries"]
        return [one["state"] for one in found] == ["delivered"]

    until(delivered)
    assert [(one["net"], one["tax"]) for one in meadow.documents()] == [(1999, 379)]
    text = log.read_text()
    traced = [line for line in text.splitlines() if "kable_hub.hooks" in line]
    for hook, outcome in {
        "connect": "Grant",
        "link_customer": "LinkedCustomer",
        "plan_invoice": "dict",
        "push_invoice": "Receipt",
    }.items():
        shape = re.compile(rf"meadow\.{hook}: {outcome} in \d+ ms")
        assert [line for line in traced if shape.search(line)], hook
    assert [one for one in CANARIES if one in text] == []
    told_at_the_start(text.splitlines())


def test_a_file_is_tried_in_its_sandbox_too(cli, meadow, monkeypatch):
    for name, value in {
        **meadow.configuration(),
        "KABLE_MEADOW_TEST_FORM_KEY": CANARIES[0],
    }.items():
        monkeypatch.setenv(name, value)
    reference = meadow.demo_customers(Environment.TEST)[0].reference
    words = ("--customer", reference, "--plugins-dir", str(COOKBOOK))
    done = cli("check-provider", "meadow", "--sandbox", *words)
    assert "ok       push the invoice: " in done.out, (done.out, done.err)
    assert CANARIES[0] not in done.out


def told_at_the_start(lines):
    """Who is out and what will go stands there, once each."""
    (out,) = [line for line in lines if "plugin left out" in line]
    assert "broken.py" in out
    assert "RuntimeError: half a plugin" in out
    (old,) = [line for line in lines if "plugin grows old" in line and "meadow.py" in line]
    assert "warning" in old
    assert "push_invoice.push is deprecated since 2026-12-01" in old


def test_the_simulator_of_a_file_runs_and_tells_where(cli):
    process = cli.start("simulate", "meadow", "--plugins-dir", str(COOKBOOK), PYTHONUNBUFFERED="1")
    try:
        url = process.stdout.readline().strip().removeprefix("# meadow listens at ")
        assert process.stdout.readline() == f"export KABLE_MEADOW_LIVE_API_URL={url}\n"
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"{url}/seller", timeout=5).status_code == 401
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_file_that_names_no_simulator_is_told_so(cli, tmp_path, monkeypatch):
    (tmp_path / "bare.py").write_text("")
    monkeypatch.setenv("KABLE_PLUGINS_DIR", str(tmp_path))
    done = cli("simulate", "bare")
    assert (done.code, done.err) == (
        1,
        "Error: bare.py offers no simulator: it names no class SIMULATOR.\n",
    )


PUSH = "def push_invoice(connection, push):\n"
HANG = "    open({mark!r}, 'w').close()\n    __import__('threading').Event().wait()\n"
IMPATIENT = "from kable_hub.cli import serving\nserving.GRACE = 0.5\n"


def test_a_worker_that_is_told_to_stop_leaves_a_plugin_behind_that_hangs(cli, meadow, tmp_path):
    folder, mark = tmp_path / "plugins", tmp_path / "entered"
    folder.mkdir()
    hang = HANG.format(mark=str(mark))
    source = (COOKBOOK / "meadow.py").read_text().replace(PUSH, PUSH + hang)
    (folder / "meadow.py").write_text(source)
    environ = cli.environ(**meadow.configuration(), KABLE_PLUGINS_DIR=str(folder))
    with an_invoice_due(environ, meadow) as state:
        process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT + PROGRAM, "worker"],
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            until(mark.exists)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 1
        assert "a plugin does not come back; left behind" in err
        assert state() == "pushing"  # until the lease ends; then it is looked for


@contextmanager
def an_invoice_due(environ, meadow):
    """A hub without a sync loop in which an invoice is due at Meadow; answers its state."""
    hub = open_hub(Settings.load(environ))
    account = accounts.create_account(hub, "Shop", "paid").id
    key = accounts.create_api_key(hub, account, Environment.TEST).secret
    stage = Stage(hub, app_of(hub), account, {"account": key})

    def post(path, body):
        status, made = stage.call("POST", f"/api/v1{path}", json.dumps(body))
        assert status == 201, made
        return made

    form = {"key": CANARIES[0]}
    post("/connections", {"provider": "meadow", "method": "key", "form": form})
    reference = meadow.demo_customers(Environment.TEST)[0].reference
    customer = {"clientId": "c1", "companyName": "Northwind", "currency": "USD"}
    post("/customers", {**customer, "meadowCustomerId": reference})
    head = {"customer": "c1", "number": "1", "currency": "USD", "issueDate": "2026-11-22"}
    made = post("/invoices", {**head, "lines": [{"description": "work", "unitPrice": "1.00"}]})

    def state():
        _, found = stage.call("GET", f"/api/v1/invoices/{made['id']}")
        return found["deliveries"][0]["state"]

    yield state
    hub.close()
