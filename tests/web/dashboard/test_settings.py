"""Settings: the account, its API keys, the people who sign in; and the plugins page."""

import re
from dataclasses import replace

import pytest

from kable_hub.plugins import PluginReport, Registry
from kable_hub.usecases import accounts, users

SECRET = re.compile(r"hub_test_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
SHOWN = re.compile(r"hub_test_[^<]+_…")
LINK = re.compile(r"http://127\.0\.0\.1:8080(/first/[A-Za-z0-9_-]{43})")


def test_a_key_is_shown_once_works_and_can_be_revoked(people, member):
    answer = member.post("settings/keys/", {"label": "web shop"})
    secret = SECRET.search(answer.text)[0]
    assert answer.headers["Cache-Control"] == "no-store"
    assert people.site.get("/invoices", key=secret).status_code == 200
    listed = member.page("settings/keys/")
    assert "web shop" in listed
    assert not SECRET.search(listed)

    path = re.search(r'href="([^"]+/revoke)"', listed)[1]
    asked = member.page(path)
    assert "refused at once" in asked
    assert f"<strong>web shop</strong> <code>{SHOWN.search(listed)[0]}" in asked
    assert member.get("settings/keys/key_unknown/revoke").status_code == 404
    assert people.site.get("/invoices", key=secret).status_code == 200
    assert "Revoked" in member.done(path)
    assert people.site.get("/invoices", key=secret).json["code"] == "key_revoked"


def test_keys_of_live_are_not_among_those_of_test(people, member):
    live = f"/a/{people.site.account}/live/settings/keys/"
    member.post(live, {"label": "live shop"})
    assert "live shop" in member.page(live)
    assert "live shop" not in member.page("settings/keys/")


def test_a_keys_label_that_is_too_long_is_told(member):
    answer = member.post("settings/keys/", {"label": "x" * 201})
    assert answer.status_code == 422
    assert "at most 200" in answer.text


def test_a_member_invites_another_who_chooses_a_password(people, member):
    answer = member.post("settings/people/", {"email": "New@Shop.example"})
    path = LINK.search(answer.text)[1]
    newcomer = people.nobody
    chosen = newcomer.post(path, {"password": "four plain words here"})
    assert chosen.status_code == 303
    assert "new@shop.example" in newcomer.page("settings/people/")
    assert newcomer.get(path).status_code == 400


@pytest.mark.parametrize(
    ("email", "status", "said"),
    [
        ("", 422, "must not be empty"),
        ("no address", 422, "is not an e-mail address"),
        ("member@shop.example", 409, "signs in as member@shop.example already"),
    ],
)
def test_an_address_that_cannot_be_added_is_told(member, email, status, said):
    answer = member.post("settings/people/", {"email": email})
    assert answer.status_code == status
    assert said in answer.text


def test_disabling_somebody_ends_their_session_and_links_and_is_undone(people):
    operator, member = people.operator, people.member
    path = f"settings/people/{member.user.id}"
    link = LINK.search(operator.post(f"{path}/link").text)[1]
    assert "is disabled" in operator.done(f"{path}/disable")
    assert member.get("overview/").status_code == 303
    assert people.nobody.get(link).status_code == 400
    assert operator.post(f"{path}/link").status_code == 409
    assert "may sign in again" in operator.done(f"{path}/enable")
    assert member.get("overview/").status_code == 303
    assert people.nobody.get(LINK.search(operator.post(f"{path}/link").text)[1]).status_code == 200


def test_nobody_disables_themselves(people):
    said = people.member.done(f"settings/people/{people.member.user.id}/disable")
    assert "You cannot disable yourself" in said
    assert people.member.get("overview/").status_code == 200


def test_members_neither_see_nor_touch_operators(people):
    path = f"settings/people/{people.operator.user.id}"
    assert "operator@hub.example" not in people.member.page("settings/people/")
    for act in ("link", "disable", "enable"):
        assert people.member.post(f"{path}/{act}").status_code == 404
    added = people.member.post("settings/people/", {"email": "x@y.example", "role": "operator"})
    assert added.status_code == 403
    assert "Operators" in people.operator.page("settings/people/")
    people.operator.post("settings/people/", {"email": "x@y.example", "role": "operator"})
    assert users.find_user(people.site.hub, "x@y.example").is_operator


def test_an_operator_changes_name_plan_and_hosts(people):
    sent = {"name": "Northwind", "plan": "free", "hosts": "shop.example\n*.shop.example"}
    assert "The account is changed." in people.operator.done("settings/", sent)
    row = accounts.get_account(people.site.hub, people.site.account)
    assert (row.name, row.plan) == ("Northwind", "free")
    assert row.return_hosts == ("shop.example", "*.shop.example")
    refused = people.operator.post("settings/", {**sent, "plan": "paid", "hosts": "http://x"})
    assert refused.status_code == 422
    assert "is no host" in refused.text
    refused = people.operator.post("settings/", {**sent, "plan": "paid", "name": " "})
    assert refused.status_code == 422
    assert "must not be empty" in refused.text
    assert "shop.example" in people.member.page("settings/")
    assert people.member.post("settings/", {"plan": "paid", "hosts": ""}).status_code == 403
    assert accounts.get_account(people.site.hub, people.site.account).plan == "free"


def test_the_plugins_page_tells_operators_why_a_plugin_is_out(people, monkeypatch):
    hub = people.site.hub
    broken = PluginReport("broken", "kable-broken", "0.2", "quarantined", "imports nothing")
    monkeypatch.setattr(hub.registry, "reports", (*hub.registry.reports, broken))
    shown = people.operator.page("plugins/")
    assert "Acme" in shown
    assert "Create customer" in shown
    assert "Quarantined" in shown
    assert "imports nothing" in shown
    assert "imports nothing" not in people.member.page("plugins/")


def test_the_plugins_page_tells_package_version_and_what_will_go(people, monkeypatch):
    hub = people.site.hub
    (sound,) = hub.registry.reports
    aged = replace(sound, distribution="kable-acme", version="3.1", remarks=("use <push.key>",))
    monkeypatch.setattr(hub.registry, "reports", (aged,))
    shown = people.operator.page("plugins/")
    assert "<code>kable-acme</code> 3.1" in shown
    assert "use &lt;push.key&gt;" in shown


def test_without_plugins_the_page_says_what_to_do(people, monkeypatch):
    monkeypatch.setattr(people.site.hub.registry, "reports", Registry.of().reports)
    assert "No provider plugin is installed" in people.member.page("plugins/")
