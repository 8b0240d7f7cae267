"""Connecting Stripe through the HTTP API and the connect pages: each edge by its number."""

import logging

import pytest
import requests

from kable_hub.store import tables as t
from kable_hub.testing import Fault
from kable_hub.usecases import accounts
from kable_hub.usecases import connections as connection_use_cases
from tests.dialogue import every_text
from tests.stripe.dialogue import (
    Dialogue,
    begun,
    connections,
    states,
    stranger,
)
from tests.stripe.stage import LIVE, TEST, stage
from tests.web.site import customer

NOT_CONNECTED = ("blocked", "not_connected")
GONE = '{"error": {"code": "account_invalid", "message": "no access", "type": "x"}}'


def token_calls(shop):
    return shop.calls("POST", "/oauth/token")


def disconnect(shop, environment):
    answer = shop.post("/connections/stripe/disconnect", key=shop.of(environment))
    assert answer.status_code == 200, answer.text
    assert answer.json["state"] == "disconnected"
    return answer.json


def test_01_a_state_that_is_unknown_or_expired_or_used_asks_stripe_for_nothing(bare):
    dialogue = begun(bare).approve()
    for state in ("", "0" * 43, dialogue.query["state"] + "x"):
        refused = dialogue.come_back(state=state)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_state")
    foreign = dialogue.come_back(session=requests.Session())
    assert foreign.json()["code"] == "bad_state"
    bare.clock.advance(601)
    assert dialogue.come_back().json()["code"] == "bad_state"
    assert token_calls(bare) == []
    fresh = begun(bare).approve()
    assert fresh.come_back().status_code == 200
    assert fresh.come_back().json()["code"] == "bad_state"
    assert len(token_calls(bare)) == 1


def test_02_who_says_no_at_stripe_leaves_the_connection_as_it_was(shop):
    before = connections(shop)
    answer = begun(shop).deny().come_back()
    assert answer.status_code == 422
    assert "Access was denied at Stripe" in answer.text
    assert connections(shop) == before
    back = begun(shop, returnTo="https://shop.example/settings").deny().come_back()
    expected = "https://shop.example/settings?provider=stripe&connected=false&error=access_denied"
    assert back.headers["Location"] == expected


def test_03_a_code_that_was_used_or_is_too_old_means_start_again(bare):
    dialogue = begun(bare).approve()
    code = dialogue.query["code"]
    assert dialogue.come_back().status_code == 200
    replayed = begun(bare).approve()
    again = replayed.come_back(code=code)
    assert (again.status_code, "Start again" in again.text) == (422, True)
    late = begun(bare).approve()
    bare.clock.advance(301)
    assert "invalid_grant" in late.come_back().text
    assert states(bare) == {"live": "active", "test": "active"}


def test_03_a_refused_code_leaves_no_half_connection(bare):
    answer = begun(bare).approve().come_back(code="ac_nobody")
    assert (answer.status_code, "Start again" in answer.text) == (422, True)
    assert connections(bare) == {}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [({"granted_mode": False}, "test_grant"), ({"granted_scope": "read_only"}, "read_only_grant")],
)
def test_04_a_grant_for_test_or_for_reading_alone_is_refused_by_name(bare, spoil, code):
    for name, value in spoil.items():
        setattr(bare.stripe, name, value)
    answer = begun(bare).approve().come_back()
    assert (answer.status_code, code in answer.text) == (422, True)
    assert connections(bare) == {}


def test_05_a_live_grant_serves_test_with_the_test_key_and_the_same_account(shop):
    there = shop.stripe.add_customer(shop.merchant, TEST)
    shop.made("/customers", customer(stripeCustomerId=there))
    (seen,) = shop.stripe.seen("GET", f"/v1/customers/{there}")
    assert seen.header("authorization") == f"Bearer {shop.stripe.secret_keys[False]}"
    assert seen.header("stripe-account") == shop.merchant


def test_05_a_grant_of_the_test_client_alone_is_none_for_live(tmp_path):
    unset = {f"KABLE_STRIPE_LIVE_{name}": "" for name in ("CLIENT_ID", "SECRET_KEY")}
    with stage(tmp_path, **unset) as shop:
        refused = shop.post("/connections", {"provider": "stripe"}, key=shop.live_key)
        assert (refused.status_code, refused.json["code"]) == (409, "not_configured")
        assert refused.json["variables"] == list(unset)
        assert Dialogue(shop, shop.key).begin().approve().come_back().status_code == 200
        assert states(shop) == {"test": "active"}
        live = shop.post("/customers", customer(stripeCustomerId="cus_12345"), key=shop.live_key)
        assert live.json["errors"][0]["code"] == "not_connected"


def test_05_a_grant_that_reaches_live_takes_a_live_key(bare):
    refused = Dialogue(bare, bare.key).begin().approve().come_back()
    assert (refused.status_code, "live_key_required" in refused.text) == (422, True)
    assert connections(bare) == {}


def test_06_the_same_account_again_renews_and_another_one_is_refused_while_links_stand(shop):
    first = {name: one["id"] for name, one in connections(shop).items()}
    assert begun(shop).approve().come_back().status_code == 200
    assert {name: one["id"] for name, one in connections(shop).items()} == first
    other = shop.stripe.add_account("Other").id
    shop.customer()
    refused = begun(shop).approve(other).come_back()
    assert (refused.status_code, "different_account" in refused.text) == (422, True)
    assert {one["externalId"] for one in connections(shop).values()} == {shop.merchant}
    assert shop.call("DELETE", "/customers/c1/links/stripe").status_code == 204
    assert begun(shop).approve(other).come_back().status_code == 200
    assert {one["externalId"] for one in connections(shop).values()} == {other}


def test_06_a_second_tenant_cannot_connect_the_same_account(shop):
    answer = Dialogue(shop, stranger(shop)).begin().approve().come_back()
    assert (answer.status_code, "held_by_another_account" in answer.text) == (422, True)
    assert states(shop) == {"live": "active", "test": "active"}


def taken_back_by_webhook(shop):
    shop.stripe.revoke(shop.merchant)
    event = next(
        one
        for one in reversed(shop.stripe.events)
        if one["type"] == "account.application.deauthorized"
    )
    shop.heard = len(shop.stripe.events)
    assert shop.send({**event, "livemode": False}).status_code == 200


def taken_back_in_silence(shop):
    shop.stripe.accounts[shop.merchant].granted.clear()


@pytest.mark.parametrize("taken_back", [taken_back_by_webhook, taken_back_in_silence])
def test_07_access_that_was_taken_back_shows_on_all_that_waits_and_goes_on_by_reconnecting(
    shop, taken_back
):
    shop.customer()
    waiting = [shop.invoice() for _ in range(3)]
    taken_back(shop)
    shop.work()
    assert connections(shop)["test"]["pauses"].keys() == {"reconnect"}
    assert {shop.standing(one) for one in waiting} == {NOT_CONNECTED}
    assert shop.standing(shop.push()) == NOT_CONNECTED
    asked = len(shop.calls())
    shop.until_quiet()
    assert len(shop.calls()) == asked
    assert shop.invoices() == []
    shop.connect()
    shop.work()
    assert {shop.standing(one) for one in waiting} == {("delivered", "")}
    assert len(shop.invoices()) == 4


def test_07_a_check_that_is_refused_shows_on_all_that_waits_too(shop):
    shop.customer()
    waiting = shop.invoice()
    shop.stripe.fault(Fault("/v1/account", status=403, body=GONE))
    assert shop.post("/connections/stripe/check").json["code"] == "reconnect_required"
    assert shop.standing(waiting) == NOT_CONNECTED
    assert shop.post("/connections/stripe/check").status_code == 200
    shop.work()
    assert shop.standing(waiting) == ("delivered", "")


def test_07_an_old_event_about_access_that_was_given_anew_changes_nothing(shop):
    taken_back_by_webhook(shop)
    shop.connect()
    shop.work()
    assert states(shop) == {"live": "active", "test": "active"}


def test_08_a_shared_grant_is_taken_back_with_test_where_live_ended_first(shop):
    assert disconnect(shop, LIVE)["warnings"] == []
    assert shop.stripe.accounts[shop.merchant].granted == {True}
    assert shop.calls("POST", "deauthorize") == []
    assert shop.post("/connections/stripe/check").status_code == 200
    assert disconnect(shop, TEST)["warnings"] == []
    assert shop.stripe.accounts[shop.merchant].granted == set()


def test_08_a_shared_grant_is_taken_back_with_live_where_test_ended_first(shop):
    refused = shop.post("/connections/stripe/disconnect")
    assert (refused.status_code, refused.json["code"]) == (403, "live_key_required")
    scope = accounts.authenticate(shop.hub, shop.key).scope
    connection_use_cases.disconnect(shop.hub, scope, "stripe", by_person=True)
    assert states(shop) == {"live": "active", "test": "disconnected"}
    assert shop.stripe.accounts[shop.merchant].granted == {True}
    assert disconnect(shop, LIVE)["warnings"] == []
    assert shop.stripe.accounts[shop.merchant].granted == set()


def test_08_access_that_is_gone_at_stripe_ends_here_all_the_same(bare):
    bare.connect()
    disconnect(bare, LIVE)
    bare.stripe.accounts[bare.merchant].granted.clear()
    assert disconnect(bare, TEST)["warnings"] == []


def test_08_ending_works_while_stripe_is_away_and_says_what_is_left_to_do(shop):
    disconnect(shop, LIVE)
    shop.stripe.fault(Fault("/oauth/deauthorize", status=503))
    ended = disconnect(shop, TEST)
    assert "take the access back at Stripe yourself" in ended["warnings"][0]
    with shop.hub.database.read():
        assert t.Credential.select().count() == 0
    shop.connect()
    assert connections(shop)["test"]["warnings"] == []


def test_45_keys_and_codes_stand_in_no_log_no_answer_and_no_table(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG), stage(tmp_path, KABLE_LOG_LEVEL="DEBUG") as shop:
        dialogue = begun(shop).approve()
        code = dialogue.query["code"]
        answers = [dialogue.come_back().text, dialogue.come_back().text]
        answers.append(begun(shop).approve().come_back(code=code).text)
        disconnect(shop, LIVE)
        disconnect(shop, TEST)
        pasted = shop.connect_by_key(TEST, "rak_invoice_write", webhook="whsec_canary0mine")
        shop.customer()
        refused = shop.delivery(shop.push())
        answers += [str(pasted), str(refused), repr(shop.hub), repr(shop.hub.settings)]
        key = next(iter(shop.stripe.keys))
        body = {"provider": "stripe", "method": "key", "form": {"key": key[:-1]}}
        answers.append(shop.post("/connections", body).text)
        secrets = [code, key, "whsec_canary0mine", *shop.stripe.secret_keys.values()]
        secrets += shop.stripe.webhook_secrets.values()
        # The browser of this test and the simulator log their own requests.
        ours = [one for one in caplog.records if one.name.startswith(("kable_", "peewee"))]
        texts = [*answers, every_text(shop), *(one.getMessage() for one in ours)]
        assert refused["errorCode"] == "permission_missing"
    assert [one for one in secrets if any(one in text for text in texts)] == []
    assert len(ours) > 100


def test_46_a_missing_permission_is_named_and_a_better_key_goes_on(bare):
    bare.connect_by_key(TEST, "rak_invoice_write")
    bare.customer()
    waiting = bare.push()
    delivery = bare.delivery(waiting)
    assert (delivery["state"], delivery["errorCode"]) == ("uncertain", "permission_missing")
    assert "Invoices: write (rak_invoice_write)" in delivery["errorMessage"]
    assert "rak_invoice_write" in connections(bare)["test"]["pauses"]["provider"]
    assert bare.invoices() == []
    bare.connect_by_key(TEST)
    bare.until_quiet()
    assert bare.standing(waiting) == ("delivered", "")
    assert len(bare.invoices()) == 1


@pytest.mark.parametrize(
    ("environment", "key", "says"),
    [
        (TEST, "sk_live_0123456789", "live mode key"),
        (TEST, "rk_live_0123456789", "live mode key"),
        (LIVE, "rk_test_0123456789", "test mode key"),
    ],
)
def test_46_a_key_of_the_other_environment_is_refused_before_it_is_kept(
    bare, environment, key, says
):
    body = {"provider": "stripe", "method": "key", "form": {"key": key}}
    refused = bare.post("/connections", body, key=bare.of(environment))
    assert refused.status_code == 422
    assert says in refused.json["errors"][0]["message"]
    assert key not in refused.text
    assert bare.calls() == []
    assert connections(bare) == {}


def test_46_an_operators_live_key_in_the_test_slot_is_refused(tmp_path):
    key = "sk_live_0Platform0Secret"
    with stage(tmp_path, KABLE_STRIPE_TEST_SECRET_KEY=key) as shop:
        refused = shop.post("/connections", {"provider": "stripe"}, key=shop.key)
        assert (refused.status_code, refused.json["code"]) == (409, "not_configured")
        assert "KABLE_STRIPE_TEST_SECRET_KEY" in refused.json["detail"]
        assert key not in refused.text
