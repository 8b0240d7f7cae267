"""Connecting goes as the README says, step by step, with a browser and over real sockets."""

import re

import pytest
from kable_quickbooks_ledger.simulator import QuickBooksSimulator
from kable_stripe_payments.simulator import StripeSimulator

from kable_hub.demo.stage import free_port
from kable_hub.testing.browsing import Browser
from kable_hub.web.server import serve_in_thread
from tests.docs.reading import ROOT
from tests.docs.stage import stage

README = (ROOT / "README.md").read_text("utf-8")
HOST = "https://hub.example.com"


@pytest.fixture
def hub(tmp_path):
    """A served hub that is configured with the variables that the README names, and no others."""
    with StripeSimulator() as stripe, QuickBooksSimulator() as quickbooks:
        stripe.seed_demo()
        quickbooks.seed_demo()
        told = {**stripe.configuration(), **quickbooks.configuration()}
        named = {name.replace("_TEST_", "_LIVE_") for name in re.findall(r"KABLE_\w+", README)}
        given = {
            name: value
            for name, value in told.items()
            if name.replace("_TEST_", "_LIVE_") in named or name.endswith("_URL")
        }
        port = free_port(0)
        given["KABLE_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        with stage(tmp_path, given) as one, serve_in_thread(one.app, port):
            yield one


def begin(hub, provider, caller):
    body = f'{{"provider": "{provider}"}}'
    status, started = hub.call("POST", "/api/v1/connections", body, caller=caller)
    assert status == 200
    assert Browser().approve(started["connectUrl"]).ok


def connection(hub, provider, caller="account"):
    return hub.call("GET", f"/api/v1/connections/{provider}", caller=caller)[1]


def test_one_click_with_a_live_key_connects_stripe_live_and_test(hub):
    begin(hub, "stripe", "live")
    for caller in ("account", "live"):
        assert connection(hub, "stripe", caller)["state"] == "active"


def test_a_quickbooks_company_is_connected_and_its_default_item_chosen(hub):
    begin(hub, "quickbooks", "account")
    at = "/api/v1/connections/quickbooks/settings"
    status, choices = hub.call("GET", f"{at}/default_item/choices")
    assert status == 200
    item = choices["items"][0]["value"]
    assert '{"values": {"default_item": "7"}}' in README
    status, kept = hub.call("PUT", at, f'{{"values": {{"default_item": "{item}"}}}}')
    assert (status, kept["values"]["default_item"]) == (200, item)


@pytest.mark.parametrize("address", sorted(set(re.findall(rf"{HOST}(/[\w/]+)", README))))
def test_every_address_of_the_readme_is_served(hub, address):
    rules = hub.app.url_map.bind("hub.example.com")
    method = "POST" if address.startswith("/webhooks") else "GET"
    endpoint, values = rules.match(address, method)
    assert endpoint in ("connect.callback", "webhooks.receive")
    assert values["slug"] in ("stripe", "quickbooks")


def test_a_connection_has_the_address_for_webhooks_that_the_readme_promises(hub):
    begin(hub, "stripe", "live")
    assert "`webhookUrl`" in README
    assert connection(hub, "stripe")["webhookUrl"].startswith("http://127.0.0.1:")
