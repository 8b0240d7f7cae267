"""The shapes: of the plugin for the hub, and of its requests for Stripe."""

import importlib.util
import json
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlencode

import kable_stripe_payments as plugin
import pytest
import stripe
from kable_stripe_payments import client
from kable_stripe_payments.simulator import StripeSimulator

from kable_hub import Capability, Environment
from kable_hub.testing import builders

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "stripe"


@pytest.fixture(scope="module")
def shapes():
    """An independent check of request shapes, where it is at hand."""
    script = DATA / "stripe_contract.py"
    if not script.exists():
        pytest.skip(f"needs the conformance data in {DATA}")
    spec = importlib.util.spec_from_file_location("stripe_contract", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    contract = json.loads((DATA / "contract-16.1.0.json").read_text())
    return lambda seen: module.check(
        contract, seen.method, seen.path, urlencode(seen.query), seen.body.decode()
    )


@pytest.fixture(scope="module")
def objects():
    """The fields of Stripe's objects, where they are at hand."""
    data = DATA / "contract-16.1.0.json"
    if not data.exists():
        pytest.skip(f"needs the conformance data in {DATA}")
    return json.loads(data.read_text())["objects"]


def test_the_simulator_answers_no_field_that_stripe_does_not_have(desk, objects):
    every_hook(desk)
    ledger = desk.stripe.accounts[desk.account].test
    desk.stripe.accounts[desk.account].granted.add(True)
    stripe = client.of(desk.connection())
    paths = {"invoice": "invoices", "customer": "customers", "setup_intent": "setup_intents"}
    paths["checkout.session"] = "checkout/sessions"
    answers = [stripe.get("account.get", "/v1/account"), *desk.stripe.events]
    for kind, path in paths.items():
        answers += [stripe.get("any", f"/v1/{path}/{id}") for id in ledger.of(kind)]
    answers += [row for one in answers for row in one.get("lines", {}).get("data", ())]
    seen = {one["object"] for one in answers}
    assert seen == {"account", "event", "line_item", *paths}
    for one in answers:
        assert set(one) - {"object"} <= set(objects[one["object"]]), one["object"]


def every_hook(desk):
    """Call every hook once, so that every request of the plugin is made."""
    line = builders.line(tax=100)
    bill = builders.invoice(line, memo="Thanks", due_date=builders.NOW.date().replace(year=2027))
    push = desk.push(bill, collection_method="send_invoice", footer="F", custom_fields="PO: 1")
    receipt = desk.send(push)
    plugin.find_invoice(desk.connection(), push)
    plugin.cancel_invoice(desk.connection(), receipt, push)
    other = desk.push(builders.invoice(id="inv_2"), generation=2, tax="line")
    plugin.collect_invoice(desk.connection(), desk.send(other), "key-9")
    wrong = desk.push(builders.invoice(id="inv_3"), generation=3)
    wrong.document["total"] += 1
    with pytest.raises(Exception, match="total"):
        desk.send(wrong)
    late = desk.push(builders.invoice(id="inv_4"), generation=4)
    desk.guard.before = lambda name, _writes: name == "invoices.finalize" and 1 / 0
    with pytest.raises(ZeroDivisionError):
        desk.send(late)
    desk.guard.before = None
    plugin.find_invoice(desk.connection(), late)
    connection, customer = desk.connection(), builders.customer()
    plugin.link_customer(connection, customer, desk.customer, "k", connection.now())
    made = plugin.link_customer(connection, customer, None, "k2", connection.now())
    plugin.search_customers(connection, "north")
    page = plugin.collect_payment_method(
        connection, builders.link(made.reference), "http://127.0.0.1/ok", "http://127.0.0.1/no"
    )
    desk.stripe.complete_session(page.url.rsplit("/", 1)[1])
    for event in list(desk.stripe.events):
        work(desk, event)
    plugin.check_connection(connection)
    live = desk.connection(Environment.LIVE)
    plugin.disconnect(live, {Environment.LIVE: live.app})


def work(desk, event):
    about = event["data"]["object"]["id"]
    kind = event["type"]
    if kind in plugin.webhooks._WORK:
        plugin.webhooks.work(
            desk.connection(),
            plugin.Event("e", kind, desk.account, Environment.TEST, {"object": about}),
        )


def test_every_request_has_the_shape_stripe_documents(desk, shapes):
    every_hook(desk)
    operations = set()
    for seen in desk.stripe.requests:
        hit, errors = shapes(seen)
        assert errors == [], (seen.method, seen.path, seen.body)
        operations.add(f"{seen.method} {hit[0]}")
    assert operations == {
        "GET /v1/account",
        "GET /v1/checkout/sessions/{session}",
        "GET /v1/customers",
        "GET /v1/customers/search",
        "GET /v1/customers/{customer}",
        "GET /v1/invoices",
        "GET /v1/invoices/{invoice}",
        "GET /v1/invoices/{invoice}/lines",
        "GET /v1/setup_intents/{intent}",
        "DELETE /v1/invoices/{invoice}",
        "POST /oauth/deauthorize",
        "POST /v1/checkout/sessions",
        "POST /v1/customers",
        "POST /v1/customers/{customer}",
        "POST /v1/invoices",
        "POST /v1/invoices/{invoice}/add_lines",
        "POST /v1/invoices/{invoice}/finalize",
        "POST /v1/invoices/{invoice}/pay",
        "POST /v1/invoices/{invoice}/void",
    }


def test_every_request_stands_in_the_gate_and_its_name_is_limited(desk):
    every_hook(desk)
    calls = [call for call in desk.guard.calls if call.http_status]
    seen = [(one.method != "GET", one.status) for one in desk.stripe.requests]
    assert [(call.writes, call.http_status) for call in calls] == seen
    limited = {limit.name for limit in plugin.provider().limits}
    unlimited = {call.name for call in calls} - limited - {"customers.search"}
    assert unlimited == {"oauth.deauthorize"}


def test_the_hooks_are_the_required_ones_and_those_of_the_declared_capabilities():
    hooks = {name for name in dir(plugin) if hasattr(getattr(plugin, name), "kable_hub_impl")}
    optional = {one.value for one in plugin.provider().capabilities} - {Capability.CREATE_CUSTOMER}
    required = {
        "provider",
        "connect",
        "link_customer",
        "plan_invoice",
        "push_invoice",
        "find_invoice",
    }
    assert hooks == required | optional | {"work_event"}


def test_the_hub_finds_plugin_and_simulator_by_name():
    (found,) = entry_points(group="kable_hub.providers", name="stripe")
    assert found.load() is plugin
    (simulator,) = entry_points(group="kable_hub.simulators", name="stripe")
    assert simulator.load() is StripeSimulator


def test_the_version_of_the_api_is_the_one_everything_was_written_for():
    assert stripe.api_version == "2026-10-28.endive"


def test_secrets_of_the_operator_are_marked_and_asked_for_by_oauth_only():
    fields = plugin.provider().app_settings().fields
    secret = {name for name, field in fields.items() if field.metadata.get("secret")}
    assert secret == {"secret_key", "webhook_secret", "connect_webhook_secret"}
    assert all(field.metadata["methods"] == ["oauth"] for field in fields.values())
    assert {name for name, field in fields.items() if field.required} == {"client_id", "secret_key"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"collection_method": "later"}, "collection_method"),
        ({"days_until_due": -1}, "days_until_due"),
        ({"statement_descriptor": "12345"}, "statement_descriptor"),
        ({"statement_descriptor": "x" * 23}, "statement_descriptor"),
        ({"custom_fields": "a: 1; b: 2; c: 3; d: 4"}, "custom_fields"),
        ({"custom_fields": "a: " + "x" * 141}, "custom_fields"),
        ({"custom_fields": "no colon"}, "custom_fields"),
        ({"custom_fields": ": no caption"}, "custom_fields"),
        ({"number_field": "x" * 41}, "number_field"),
        ({"tax": "stripe"}, "tax"),
    ],
)
def test_settings_stripe_would_refuse_are_refused_when_saved(wrong, field):
    assert field in plugin.provider().settings().validate(wrong)


def test_good_settings_pass():
    good = {"statement_descriptor": "ACME 12", "custom_fields": "PO: 7; VAT id: GB1", "tax": "line"}
    assert plugin.provider().settings().validate(good) == {}
