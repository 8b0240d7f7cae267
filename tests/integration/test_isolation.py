"""A plugin that hangs or dies, wherever it does, harms neither the hub nor another provider."""

import json
import time

import pytest

from kable_hub import plugins
from kable_hub.domain import Environment
from kable_hub.plugins import in_folder
from tests.docs.reading import ROOT
from tests.docs.stage import stage

COOKBOOK = ROOT / "tests" / "docs" / "cookbook"
SOUND = (COOKBOOK / "meadow.py").read_text("utf-8")
PUSH = "def push_invoice(connection, push):\n"
STUCK = SOUND.replace('slug="meadow"', 'slug="stuck"').replace(
    PUSH, f"{PUSH}    ENTERED.set()\n    HELD.wait(600)\n"
)
BAD = {
    "dies": "import sys\nsys.exit(3)\n",
    "asleep": "from kable_hub import hookimpl\nimport time\n\n\n@hookimpl\ndef provider():\n"
    "    time.sleep(PATIENCE * 2)\n",
    "hidden": "def __dir__():\n    raise SystemExit(4)\n",
}
PATIENCE = 2.0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The operator's folder: two sound plugins, one of which hangs when it pushes, and the bad."""
    monkeypatch.setattr(plugins, "PATIENCE", PATIENCE)
    for name, text in BAD.items():
        (tmp_path / f"{name}.py").write_text(text.replace("PATIENCE", str(PATIENCE)))
    (tmp_path / "meadow.py").write_text(SOUND)
    head = "import threading\n\nENTERED, HELD = threading.Event(), threading.Event()\n"
    doc, _, rest = STUCK.partition("\n\n")
    (tmp_path / "stuck.py").write_text(f"{doc}\n\n{head}{rest}")
    return tmp_path


@pytest.fixture
def hub(folder, tmp_path):
    """A hub over the folder, and Meadow, which stands in for the hanging one's provider too."""
    (meadow,) = [one.load() for one in in_folder(COOKBOOK) if one.name == "meadow"]
    with meadow.SIMULATOR() as simulator:
        simulator.seed_demo()
        environ = {
            "KABLE_PLUGINS_DIR": str(folder),
            "KABLE_ALLOW_PLUGINS": ",".join(["meadow", "stuck", *BAD]),
            "KABLE_MEADOW_TEST_API_URL": simulator.url,
            "KABLE_STUCK_TEST_API_URL": simulator.url,
        }
        with stage(tmp_path / "data", environ) as one:
            held = one.hub.registry.plugin("stuck")
            try:
                yield one, simulator, held
            finally:
                held.HELD.set()


def post(hub, path, body):
    status, answer = hub.call("POST", f"/api/v1{path}", json.dumps(body))
    assert status == 201, answer
    return answer


def invoice(hub, simulator, provider):
    """Connect, link a customer and post an invoice; its id."""
    form = simulator.demo_form(Environment.TEST)
    post(hub, "/connections", {"provider": provider, "method": "key", "form": form})
    reference = simulator.demo_customers(Environment.TEST)[0].reference
    customer = {"clientId": provider, "companyName": "Northwind", "currency": "USD"}
    post(hub, "/customers", {**customer, f"{provider}CustomerId": reference})
    lines = [{"description": "work", "unitPrice": "19.99"}]
    body = {"customer": provider, "number": provider, "currency": "USD", "lines": lines}
    return post(hub, "/invoices", {**body, "issueDate": "2026-11-22"})["id"]


def state(hub, id):
    _, found = hub.call("GET", f"/api/v1/invoices/{id}")
    return [one["state"] for one in found["deliveries"]]


def until(said):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if said():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")


def test_the_others_deliver_while_one_hangs_in_a_call_and_three_were_left_out(hub):
    one, simulator, held = hub
    _, listed = one.call("GET", "/api/v1/plugins", caller="operator")
    reasons = {found["name"]: found["reason"] for found in listed["items"] if found["reason"]}
    assert reasons["dies"] == "loading it failed: SystemExit: 3"
    assert reasons["asleep"] == f"loading it did not end within {PATIENCE:g} s"
    assert reasons["hidden"] == "reading its hooks failed: SystemExit: 4"
    stuck = invoice(one, simulator, "stuck")
    assert held.ENTERED.wait(60)
    sound = invoice(one, simulator, "meadow")
    until(lambda: state(one, sound) == ["delivered"])
    assert state(one, stuck) == ["pushing"]
    held.HELD.set()
    until(lambda: state(one, stuck) == ["delivered"])
    assert sorted(found["number"] for found in simulator.documents()) == ["meadow", "stuck"]
