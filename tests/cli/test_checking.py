"""`check-provider`: what an operator is told, and the main flow against a simulated Stripe."""

import json
import os
import pty
import subprocess
import sys

import pytest
from kable_stripe_payments.simulator import StripeSimulator

from kable_hub.cli.opening import load_settings
from kable_hub.domain import Environment
from kable_hub.store.scope import Scope
from kable_hub.testing import Fault
from kable_hub.usecases import connecting
from kable_hub.usecases.hub import open_hub
from tests.cli.conftest import PROGRAM

TEST = Environment.TEST
TAKE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
MAILED = ("--set", "collection_method=send_invoice", "--set", "days_until_due=7")


@pytest.fixture
def stripe(monkeypatch):
    with StripeSimulator() as simulator:
        for name in ("API", "CONNECT"):
            monkeypatch.setenv(f"KABLE_STRIPE_TEST_{name}_URL", simulator.url)
        yield simulator


@pytest.fixture
def key(stripe, monkeypatch):
    """A restricted key of a merchant, set for the sandbox."""
    key = stripe.add_key(stripe.add_account("Lighthouse").id, TEST)
    monkeypatch.setenv("KABLE_STRIPE_TEST_FORM_KEY", key)
    return key


def outcomes(done):
    return {one["name"]: one["outcome"] for one in done.json}


def said(done):
    return {one["name"]: one["said"] for one in done.json}


def test_what_is_missing_is_named_for_each_way_in(cli):
    done = cli("check-provider", "stripe", "--settings", "--method", "oauth", "--json")
    assert (done.code, done.json["connectable"]) == (1, False)
    ways = {one["environment"]: one for one in done.json["ways"]}
    for environment in ("live", "test"):
        prefix = f"KABLE_STRIPE_{environment.upper()}"
        assert ways[environment]["missing"] == [f"{prefix}_CLIENT_ID", f"{prefix}_SECRET_KEY"]
        assert f"{prefix}_CONNECT_WEBHOOK_SECRET" in ways[environment]["optional"]
    assert done.json["redirectUri"].endswith("/connect/stripe/callback")
    assert done.json["webhooks"]["live"].endswith("/webhooks/stripe/live")
    assert "account.application.deauthorized" in done.json["events"]
    shown = cli("check-provider", "stripe", "--settings", "--method", "oauth")
    assert (shown.code, "set KABLE_STRIPE_LIVE_CLIENT_ID" in shown.out) == (1, True)
    assert "It cannot be connected" in shown.out


def test_a_way_that_needs_nothing_of_the_operator_is_ready(cli):
    found = cli.ok("check-provider", "stripe", "--settings", "--env", "test")
    ready = {one["method"]: one["ready"] for one in found["ways"]}
    assert ready == {"oauth": False, "key": True}
    needs = {one["method"]: one["needs"] for one in found["ways"]}
    assert "Invoices: write" in needs["key"]
    assert "It can be connected." in cli("check-provider", "stripe", "--settings").out


@pytest.mark.parametrize(
    ("name", "value"),
    [("CLIENT_ID", "sk_test_1234567"), ("SECRET_KEY", "sk_live_1234567"), ("SECRET_KEY", "x")],
)
def test_what_is_malformed_is_named_and_not_shown(cli, monkeypatch, name, value):
    monkeypatch.setenv(f"KABLE_STRIPE_TEST_{name}", value)
    done = cli("check-provider", "stripe", "--settings", "--json")
    assert done.code == 1
    faults = [fault for one in done.json["ways"] for fault in one["faults"]]
    assert {fault.partition(":")[0] for fault in faults} == {f"KABLE_STRIPE_TEST_{name}"}
    assert f"{value!r}" not in done.out
    assert f"KABLE_STRIPE_TEST_{name}" in cli("check-provider", "stripe", "--settings").out


def test_connections_are_listed_without_a_secret(cli, stripe, key):
    account = cli.account()
    hub = open_hub(load_settings())
    form = {"key": key}
    scope = Scope(account, TEST)
    connecting.start_connecting(hub, scope, "stripe", method="key", form=form)
    hub.close()
    done = cli("check-provider", "stripe", "--settings", "--json")
    (row,) = done.json["connections"]
    assert (row["accountId"], row["environment"], row["state"]) == (account, "test", "active")
    shown = cli("check-provider", "stripe", "--settings").out
    assert f"of {account} in test: active" in shown
    assert key not in done.out + shown


def set_up_quickbooks(monkeypatch, **client_ids):
    for environment in ("LIVE", "TEST"):
        prefix = f"KABLE_QUICKBOOKS_{environment}"
        monkeypatch.setenv(f"{prefix}_CLIENT_ID", client_ids.get(environment, "client-1234567"))
        monkeypatch.setenv(f"{prefix}_CLIENT_SECRET", "secret-1234567")


def test_a_provider_by_consent_alone_says_what_to_register_there(cli, monkeypatch):
    set_up_quickbooks(monkeypatch, LIVE="client-of-live")
    found = cli.ok("check-provider", "quickbooks", "--settings")
    needs = {one["method"]: one["needs"] for one in found["ways"]}
    assert needs == {"oauth": ["com.intuit.quickbooks.accounting"]}
    assert found["redirectUri"].endswith("/connect/quickbooks/callback")
    assert found["reconnectUrl"].endswith("/connect/quickbooks/reconnect")
    assert found["webhooks"]["live"].endswith("/webhooks/quickbooks/live")
    assert "Invoice: Void" in found["events"]
    shown = cli("check-provider", "quickbooks", "--settings").out
    assert f"reconnect address: {found['reconnectUrl']}" in shown
    assert "secret-1234567" not in shown


def test_the_keys_of_one_environment_are_no_keys_for_the_other(cli, monkeypatch):
    set_up_quickbooks(monkeypatch)
    done = cli("check-provider", "quickbooks", "--settings", "--json")
    assert (done.code, done.json["connectable"]) == (1, False)
    live, test = (one["faults"] for one in done.json["ways"])
    names = ("KABLE_QUICKBOOKS_LIVE_CLIENT_ID", "KABLE_QUICKBOOKS_TEST_CLIENT_ID")
    assert live == [f"{names[0]}: {names[1]} is the same; live needs its own."]
    assert test == [f"{names[1]}: {names[0]} is the same; test needs its own."]
    assert "client-1234567" not in done.out


def test_an_unknown_provider_or_way_is_told(cli):
    done = cli("check-provider", "nobody")
    assert (done.code, "nobody" in done.err) == (1, True)
    assert cli("check-provider", "stripe", "--settings", "--method", "magic").code == 2
    assert cli("check-provider", "stripe", "--settings", "--set", "a=b").code == 2
    assert cli("check-provider", "stripe", "--settings", "--sandbox", "--set", "a").code == 2
    assert cli("check-provider", "stripe", "--settings", "--sandbox", "--env", "live").code == 2


def test_the_sandbox_plays_the_main_flow_and_leaves_nothing_behind(cli, stripe, key):
    done = cli("check-provider", "stripe", "--settings", "--sandbox", "--json", *MAILED)
    assert outcomes(done) == {
        "connect": "ok",
        "check": "ok",
        "settings": "ok",
        "customer": "ok",
        "find the customer": "ok",
        "card page": "ok",
        "plan the invoice": "ok",
        "push the invoice": "ok",
        "find the invoice": "ok",
        "void the invoice": "ok",
        "disconnect": "ok",
    }
    assert done.code == 0
    (document,) = stripe.documents()
    assert (document["status"], document["total"]) == ("void", 1000)
    assert document["external_id"] in said(done)["disconnect"]
    assert "take the access back at Stripe yourself" in said(done)["disconnect"]
    assert not (cli.folder / "hub.db").exists()
    assert key not in done.out


def test_the_sandbox_waits_where_only_an_end_customer_could_go_on(cli, stripe, key):
    done = cli("check-provider", "stripe", "--settings", "--sandbox", "--json")
    assert done.code == 0
    found = outcomes(done)
    assert found["plan the invoice"] == found["push the invoice"] == "waits"
    assert found["find the invoice"] == found["void the invoice"] == "skipped"
    assert said(done)["card page"].startswith(stripe.url)
    assert stripe.documents() == stripe.drafts() == []


def test_the_sandbox_takes_a_customer_that_stands_there(cli, stripe, key):
    (account,) = stripe.accounts
    there = stripe.add_customer(account, TEST)
    done = cli("check-provider", "stripe", "--settings", "--sandbox", "--customer", there)
    assert done.code == 0
    assert f"ok       customer: {there}" in done.out
    assert [one["status"] for one in stripe.documents()] == ["void"]
    assert stripe.seen("POST", "/v1/customers$") == []


@pytest.mark.parametrize("live", ["sk_live_0123456789", "rk_live_0123456789"])
def test_the_sandbox_takes_no_live_key(cli, stripe, monkeypatch, live):
    monkeypatch.setenv("KABLE_STRIPE_TEST_FORM_KEY", live)
    done = cli("check-provider", "stripe", "--settings", "--sandbox")
    assert done.code == 1
    assert done.out.startswith("failed   connect: key: this belongs to live")
    assert live not in done.out
    assert stripe.requests == []


def test_the_sandbox_names_what_it_lacks(cli, stripe):
    done = cli("check-provider", "stripe", "--settings", "--sandbox")
    assert (done.code, "KABLE_STRIPE_TEST_FORM_KEY" in done.out) == (1, True)
    other = cli("check-provider", "quickbooks", "--settings", "--sandbox")
    assert other.code == 1
    assert other.out.startswith("failed   connect: ")
    assert cli("check-provider", "nobody", "--sandbox").code == 1


def test_the_sandbox_tells_which_step_failed_and_tries_the_others(cli, stripe, monkeypatch):
    (account,) = [stripe.add_account().id]
    poor = stripe.add_key(account, TEST, "rak_checkout_session_write")
    monkeypatch.setenv("KABLE_STRIPE_TEST_FORM_KEY", poor)
    stripe.fault(Fault(r"/v1/invoices/\w+/void", "POST", status=400, body=VOIDLESS))
    done = cli("check-provider", "stripe", "--settings", "--sandbox", "--json", *MAILED)
    assert done.code == 1
    found = outcomes(done)
    assert found["card page"] == found["void the invoice"] == "failed"
    assert "rak_checkout_session_write" in said(done)["card page"]
    assert found["push the invoice"] == found["disconnect"] == "ok"


def test_the_sandbox_asks_a_person_for_what_is_not_set_and_shows_no_key(cli, stripe):
    key = stripe.add_key(stripe.add_account().id, TEST)
    person, terminal = pty.openpty()
    words = ["check-provider", "stripe", "--sandbox", "--json", *MAILED]
    with subprocess.Popen(
        [sys.executable, "-c", f"{TAKE_TERMINAL}\n{PROGRAM}", *words],
        env=cli.environ(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        asked = b""
        while b"KABLE_STRIPE_TEST_FORM_KEY" not in asked:
            asked += os.read(person, 1000)
        os.write(person, f"{key}\n".encode())
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert key.encode() not in asked + os.read(person, 1000) + out
    os.close(person)
    assert {one["name"]: one["outcome"] for one in json.loads(out)}["connect"] == "ok"
    assert process.returncode == 0


VOIDLESS = '{"error": {"message": "It cannot be voided.", "type": "invalid_request_error"}}'
