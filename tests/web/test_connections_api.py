"""Connections and plugins, as their callers see them."""

from datetime import date
from types import SimpleNamespace

import pytest

from kable_hub import tryout
from kable_hub.usecases import accounts
from tests.acme import Acme
from tests.web.site import customer, invoice, site


def test_a_form_is_asked_for_and_answered_by_a_second_call(web_on_both):
    web = web_on_both
    asked = web.post("/connections", {"provider": "acme", "method": "key"})
    assert asked.status_code == 200
    assert asked.json["connectUrl"].startswith("http://127.0.0.1:8080/connect/start/")
    assert [one["name"] for one in asked.json["form"]["fields"]] == ["api_key"]
    assert asked.json["form"]["fields"][0]["type"] == "secret"
    form = {"api_key": "token-1"}
    body = {"provider": "acme", "method": "key", "form": form}
    done = web.post("/connections", body, headers={"Idempotency-Key": "c"})
    assert done.status_code == 201, done.json
    connection = done.json["connections"][0]
    assert done.headers["Location"] == f"/api/v1/connections/{connection['id']}"
    assert (connection["environment"], connection["state"]) == ("test", "active")
    assert "token-1" not in done.text
    assert web.post("/connections", body, headers={"Idempotency-Key": "c"}).data == done.data


def test_a_link_for_the_browser_is_not_kept_under_the_key(web):
    body, key = {"provider": "acme", "method": "key"}, {"Idempotency-Key": "c"}
    assert web.post("/connections", body, headers=key).status_code == 200
    again = web.post("/connections", body, headers=key)
    assert (again.status_code, again.json["code"]) == (409, "already_created")


def test_connecting_needs_the_paid_plan(web):
    free = accounts.create_account(web.hub, "Free shop").id
    key = web.made(f"/accounts/{free}/keys", {"environment": "test"}, key=web.operator)["secret"]
    answer = web.post("/connections", {"provider": "acme"}, key=key)
    assert (answer.status_code, answer.json["code"]) == (402, "paid_plan_required")


def test_an_unknown_provider_is_not_found(web):
    assert web.post("/connections", {"provider": "nobody"}).status_code == 404


def test_a_downgrade_pauses_and_an_upgrade_resumes(web_on_both):
    web = web_on_both
    web.connect()
    path = f"/accounts/{web.account}"
    assert web.call("PATCH", path, {"plan": "free"}, key=web.operator).json["plan"] == "free"
    paused = web.get("/connections/acme").json
    assert (paused["state"], list(paused["pauses"])) == ("paused", ["plan"])
    web.call("PATCH", path, {"plan": "paid"}, key=web.operator)
    assert web.get("/connections/acme").json["state"] == "active"


def test_a_connection_shows_how_it_stands(web_on_both):
    web = web_on_both
    connection = web.connect()
    web.made("/customers", customer(acmeCustomerId="A-1"))
    web.made("/invoices", invoice())
    shown = web.get("/connections/acme").json
    assert shown["counts"]["due"] == 1
    assert shown["oldestDue"].endswith("Z")
    assert web.get(f"/connections/{connection['id']}").json == shown
    assert web.get("/connections/acme", key=web.live_key).status_code == 404


def test_settings_are_shown_replaced_and_refused_by_name(web_on_both):
    web = web_on_both
    web.connect()
    shown = web.get("/connections/acme/settings").json
    assert shown["values"] == {"drafts": False, "need_method": False, "item": ""}
    assert {one["name"]: one["type"] for one in shown["fields"]}["drafts"] == "boolean"
    body = {"values": {"item": "7"}, "pushEarlier": "since", "pushSince": "2026-01-01"}
    put = web.call("PUT", "/connections/acme/settings", body)
    assert (put.status_code, put.json["values"]["item"]) == (200, "7")
    assert (put.json["pushEarlier"], put.json["pushSince"]) == ("since", "2026-01-01")
    wrong = web.call("PUT", "/connections/acme/settings", {"values": {"colour": "red"}})
    assert wrong.status_code == 422
    assert wrong.json["errors"][0]["field"].endswith("colour")


def test_what_a_provider_does_not_offer_is_said(web):
    web.connect()
    for path in ("/connections/acme/settings/item/choices", "/connections/acme/customers?search=x"):
        answer = web.get(path)
        assert (answer.status_code, answer.json["code"]) == (409, "not_offered")


def test_a_person_pauses_and_resumes(web_on_both):
    web = web_on_both
    web.connect()
    paused = web.made("/connections/acme/pause", {"reason": "stocktaking"})
    assert paused["pauses"] == {"operator": "stocktaking"}
    assert web.made("/connections/acme/resume")["state"] == "active"


def test_a_connection_is_checked_and_ended(web_on_both):
    web = web_on_both
    web.connect()
    checked = web.made("/connections/acme/check", headers={"Idempotency-Key": "k"})
    assert checked["checkedAt"]
    web.acme.revoked = True
    revoked = web.post("/connections/acme/check")
    assert (revoked.status_code, revoked.json["code"]) == (409, "reconnect_required")
    web.acme.revoked = False
    ended = web.made("/connections/acme/disconnect")
    assert ended["state"] == "disconnected"
    assert web.post("/connections/acme/check").json["code"] == "not_connected"


def test_operators_see_plugins_and_what_is_still_to_be_set(tmp_path, sqlite_url):
    with site(sqlite_url, tmp_path, KABLE_ACME_LIVE_WEBHOOK_SECRET="") as web:
        plugin = web.get("/plugins", key=web.operator).json["items"][0]
    assert (plugin["name"], plugin["state"], plugin["kind"]) == ("acme", "admitted", "payments")
    assert "create_customer" in plugin["capabilities"]
    missing = {(one["environment"], one["name"]): one["missing"] for one in plugin["methods"]}
    assert missing["live", "key"] == ["KABLE_ACME_LIVE_WEBHOOK_SECRET"]
    assert missing["test", "key"] == []


def test_operators_see_why_a_plugin_is_quarantined(tmp_path, sqlite_url):
    with site(sqlite_url, tmp_path, Acme(), SimpleNamespace(__name__="broken")) as web:
        plugins = web.get("/plugins", key=web.operator).json["items"]
    broken = next(one for one in plugins if one["state"] == "quarantined")
    assert broken["reason"]
    assert "methods" not in broken


def test_operators_see_what_of_a_plugin_will_go(tmp_path, sqlite_url, monkeypatch):
    ends = tryout.Deprecation(date(2026, 12, 1), date(2027, 12, 1), "push.key")
    monkeypatch.setattr(tryout, "DEPRECATED", {"link_customer.key": ends})
    with site(sqlite_url, tmp_path, Acme()) as web:
        (plugin,) = web.get("/plugins", key=web.operator).json["items"]
    assert plugin["remarks"] == [
        "link_customer.key is deprecated since 2026-12-01 and goes on 2027-12-01: use push.key"
    ]
    assert (plugin["distribution"], plugin["version"]) == ("Acme", "")


@pytest.mark.parametrize("path", ["", "/settings"])
def test_a_connection_that_is_not_there_is_not_found(web, path):
    assert web.get(f"/connections/acme{path}").status_code == 404
