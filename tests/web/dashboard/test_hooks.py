"""Settings, webhooks: endpoints added, tried, disabled, given new secrets, removed."""

import re
from dataclasses import replace

import pytest

from kable_hub.store import tables as t
from kable_hub.usecases import endpoints
from kable_hub.usecases.accounts import authenticate
from kable_hub.usecases.running import teller_of
from tests.receiver import receiver

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
HOOKS = "settings/webhooks/"
SENT = {"url": "https://shop.example/hooks", "description": "web shop"}


@pytest.fixture
def hub(people):
    return people.site.hub


def added(member, **changes):
    """The path of a new endpoint, and its secret."""
    answer = member.post(HOOKS, {**SENT, **changes})
    assert answer.status_code == 200, answer.text
    path = re.search(r'action="([^"]+)/test"', answer.text)[1]
    return f"{path}/", SECRET.search(answer.text)[0]


def test_an_endpoint_is_added_and_its_secret_shown_once(member):
    assert "No test webhooks yet" in member.page(HOOKS)
    path, secret = added(member, which="some", events=["invoice.blocked", "invoice.voided"])
    listed = member.page(HOOKS)
    assert "web shop" in listed
    assert "2 of 11 events" in listed
    shown = member.page(path)
    assert 'value="invoice.blocked" checked' in shown
    assert 'value="invoice.delivered" checked' not in shown
    assert secret not in listed + shown
    assert "No live webhooks yet" in member.page(member.at(HOOKS).replace("/test/", "/live/"))


def test_what_cannot_be_added_is_told_at_its_field_and_the_rest_is_kept(member, hub):
    answer = member.post(HOOKS, {**SENT, "url": "https://10.0.0.1/", "events": ["invoice.voided"]})
    assert answer.status_code == 422
    assert "not on the public internet" in answer.text
    assert "web shop" in answer.text
    assert 'value="invoice.voided" checked' in answer.text
    for _ in range(16):
        added(member)
    assert "Add an endpoint" not in member.page(HOOKS)
    assert member.post(HOOKS, SENT).status_code == 409


def test_an_endpoint_is_changed_disabled_enabled_and_removed(member):
    path, _ = added(member)
    changed = {"url": "https://b.example/", "description": "books", "which": "all"}
    assert "The endpoint is changed." in member.done(path, changed)
    refused = member.post(path, {**changed, "url": "nonsense"})
    assert refused.status_code == 422
    assert "nonsense" in refused.text
    assert "https://b.example/" in member.page(path)
    assert "Disabled" in member.done(f"{path}disable")
    assert member.post(f"{path}test").status_code == 409
    assert "is enabled" in member.done(f"{path}enable")
    assert "cannot be taken back" in member.page(f"{path}remove")
    assert "The endpoint is removed." in member.done(f"{path}remove")
    assert member.get(path).status_code == 404


def test_a_test_shows_what_was_answered_and_when_it_is_tried_again(member, hub):
    hub.settings = replace(hub.settings, private_webhooks=True)
    with receiver() as there:
        path, secret = added(member, url=there.url)
        endpoint = path.rstrip("/").rpartition("/")[2]
        teller = teller_of(hub)
        there.statuses = [500]
        page = member.done(f"{path}test")
        assert "A test is on its way" in page
        assert 'hx-trigger="every 2s"' in page
        teller.serve(endpoint)
        part = member.get(path, htmx=True).text
        assert part.lstrip().startswith('<div id="sent"')
        assert ">500</span>" in part
        assert "next try" in part
        assert "every try since" in member.page(path)
        message = re.search(r'action="([^"]+/resend)"', part)[1]
        assert "It is sent again now." in member.done(message)
        with hub.database.write():
            t.WebhookEndpoint.update(paused_until=0).execute()
        teller.serve(endpoint)
        teller.stop()
        assert there.verified(secret)["type"] == "webhook.test"
        assert there.heard[0].id == there.heard[1].id
    shown = member.page(path)
    assert "Arrived" in shown
    assert "hx-trigger" not in shown


def test_a_new_secret_is_shown_once_and_the_old_one_stays_good_for_a_day(member):
    path, secret = added(member)
    shown = member.post(f"{path}rotate").text
    assert SECRET.search(shown)[0] != secret
    assert "good for 24 hours more" in shown
    assert not SECRET.search(member.page(path))
    assert "good until" in member.page(path)


def test_an_endpoint_that_the_hub_disabled_says_why(member, hub):
    path, _ = added(member)
    with hub.database.write():
        t.WebhookEndpoint.update(enabled=False, disabled_reason="it answered 410").execute()
    shown = member.page(path)
    assert "Disabled by the hub:" in shown
    assert "it answered 410" in shown


def test_many_messages_take_as_many_queries_as_one(people, member, hub, queries):
    path, _ = added(member)
    endpoint = path.rstrip("/").rpartition("/")[2]
    scope = authenticate(hub, people.site.key).scope

    def asked() -> int:
        with queries() as said:
            member.page(path)
        return len(said)

    endpoints.send_test(hub, scope, endpoint)
    few = asked()
    for _ in range(30):
        endpoints.send_test(hub, scope, endpoint)
    assert "Older" in member.page(path)
    assert asked() == few <= 8


def test_the_overview_names_an_endpoint_at_which_nothing_arrives(member, hub):
    path, _ = added(member)
    assert "told nothing" not in member.page("overview/")
    for values in (
        {"failing_since": hub.now() - 2 * 3_600_000},
        {"enabled": False, "disabled_reason": "it answered 410"},
    ):
        with hub.database.write():
            t.WebhookEndpoint.update(values).execute()
        shown = member.page("overview/")
        assert "Your software is told nothing" in shown
        assert f'href="{path}"' in shown
    assert "it answered 410." in shown
