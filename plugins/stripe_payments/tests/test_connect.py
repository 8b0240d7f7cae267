"""The connect dialogue, both ways in, and the way out."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import kable_stripe_payments as plugin
import pytest
import requests

from kable_hub import (
    ConnectRequest,
    Environment,
    Form,
    Grant,
    NeedsOperator,
    ReconnectRequired,
    Redirect,
    Rejected,
    Transient,
)
from kable_hub.testing import Fault, RecordingGuard

TEST, LIVE = Environment.TEST, Environment.LIVE
CALLBACK = "http://127.0.0.1:1/connect/stripe/callback"


def request(desk, environment=LIVE, method="oauth", without=(), **parts):
    """The first step; `without` names environments the operator did not configure."""
    stripe = desk.stripe
    app = {
        one: {
            "client_id": stripe.client_ids[one is LIVE],
            "secret_key": stripe.secret_keys[one is LIVE],
        }
        for one in Environment
        if one not in without
    }
    values = {
        "environment": environment,
        "method": method,
        "callback_url": CALLBACK,
        "state": "state-1",
        "app": app,
        "urls": {one: {"api": stripe.url, "connect": stripe.url} for one in Environment},
        "now": desk.clock.now(),
        "guard": RecordingGuard(),
    }
    return ConnectRequest(**{**values, **parts})


def browse(url):
    """Follow Stripe's page to the callback; what it brings."""
    answer = requests.get(url, allow_redirects=False, timeout=60)
    assert answer.headers["Location"].startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def approve(desk, **parts):
    """Walk through the dialogue; the second step's request."""
    desk.stripe.auto_approve = desk.stripe.auto_approve or desk.account
    first = request(desk, **parts)
    away = plugin.connect(first)
    assert isinstance(away, Redirect)
    return replace(first, query=browse(away.url), carry=away.carry)


def test_the_browser_is_sent_to_stripe_with_the_live_client_id(desk):
    away = plugin.connect(request(desk, TEST))
    query = dict(parse_qsl(urlsplit(away.url).query))
    assert query == {
        "response_type": "code",
        "client_id": desk.stripe.client_ids[True],
        "scope": "read_write",
        "state": "state-1",
        "redirect_uri": CALLBACK,
    }


def test_one_click_connects_live_and_test(desk):
    grant = plugin.connect(approve(desk))
    assert isinstance(grant, Grant)
    assert set(grant.environments) == {LIVE, TEST}
    assert (grant.external_id, grant.title) == (desk.account, "Example Software")
    assert grant.shared
    assert grant.app_id == desk.stripe.client_ids[True]


def test_no_token_of_stripe_is_kept(desk):
    grant = plugin.connect(approve(desk))
    for credentials in grant.environments.values():
        assert dict(credentials.secrets) == {
            "mode": "platform",
            "account": desk.account,
            "granted": "live",
        }


def test_the_grant_works_in_both_environments(desk):
    desk.stripe.accounts[desk.account].granted.clear()
    grant = plugin.connect(approve(desk))
    for environment, credentials in grant.environments.items():
        connection = replace(desk.connection(environment), credentials=credentials.secrets)
        assert plugin.check_connection(connection) == []


def test_without_a_test_key_the_grant_serves_live_alone(desk):
    grant = plugin.connect(approve(desk, without=[TEST]))
    assert set(grant.environments) == {LIVE}


def test_a_test_client_gives_a_test_connection_only(desk):
    grant = plugin.connect(approve(desk, environment=TEST, without=[LIVE]))
    assert set(grant.environments) == {TEST}
    assert not grant.shared


def test_a_test_client_is_not_asked_for_live(desk):
    with pytest.raises(NeedsOperator, match="for live mode") as caught:
        plugin.connect(request(desk, LIVE, without=[LIVE]))
    assert caught.value.code == "not_configured"


def test_nothing_configured_says_so(desk):
    with pytest.raises(NeedsOperator) as caught:
        plugin.connect(request(desk, TEST, without=[LIVE, TEST]))
    assert caught.value.code == "not_configured"


def test_a_grant_for_test_only_is_refused_for_live(desk):
    desk.stripe.granted_mode = False
    with pytest.raises(Rejected) as caught:
        plugin.connect(approve(desk))
    assert caught.value.code == "test_grant"


def test_a_live_grant_for_a_test_client_is_refused(desk):
    desk.stripe.granted_mode = True
    with pytest.raises(Rejected) as caught:
        plugin.connect(approve(desk, environment=TEST, without=[LIVE]))
    assert caught.value.code == "wrong_mode"


def test_a_grant_for_reading_only_is_refused(desk):
    desk.stripe.granted_scope = "read_only"
    with pytest.raises(Rejected) as caught:
        plugin.connect(approve(desk))
    assert caught.value.code == "read_only_grant"


def test_the_person_may_deny_on_the_page(desk):
    away = plugin.connect(request(desk))
    page = requests.get(away.url, timeout=60)
    assert "Approve" in page.text
    form = dict(parse_qsl(urlsplit(away.url).query)) | {"decision": "deny"}
    answer = requests.post(
        f"{desk.stripe.url}/oauth/decision", data=form, allow_redirects=False, timeout=60
    )
    query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert query["state"] == "state-1"
    with pytest.raises(Rejected) as caught:
        plugin.connect(request(desk, query=query, carry=away.carry))
    assert caught.value.code == "access_denied"
    assert desk.stripe.seen("POST", "/oauth/token") == []


def test_the_person_may_approve_on_the_page(desk):
    away = plugin.connect(request(desk))
    form = dict(parse_qsl(urlsplit(away.url).query))
    form |= {"decision": "approve", "account": desk.account}
    answer = requests.post(
        f"{desk.stripe.url}/oauth/decision", data=form, allow_redirects=False, timeout=60
    )
    query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    grant = plugin.connect(request(desk, query=query, carry=away.carry))
    assert grant.external_id == desk.account


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"error": "invalid_scope"}, "invalid_scope"),
        ({"error": "<script>"}, "authorization_failed"),
        ({"state": "state-1"}, "no_code"),
    ],
)
def test_a_callback_without_a_code_asks_stripe_nothing(desk, query, code):
    with pytest.raises(Rejected) as caught:
        plugin.connect(request(desk, query=query, carry={"environment": "live"}))
    assert caught.value.code == code
    assert "<" not in caught.value.message
    assert desk.stripe.requests == []


def test_a_code_works_once(desk):
    second = approve(desk)
    plugin.connect(second)
    with pytest.raises(Rejected) as caught:
        plugin.connect(second)
    assert caught.value.code == "invalid_grant"


def test_a_code_dies_after_five_minutes(desk):
    second = approve(desk)
    desk.clock.advance(301)
    with pytest.raises(Rejected) as caught:
        plugin.connect(second)
    assert caught.value.code == "invalid_grant"


def test_a_code_of_one_mode_is_worth_nothing_with_the_other_modes_key(desk):
    second = approve(desk)
    with pytest.raises(Rejected) as caught:
        plugin.connect(replace(second, carry={"environment": "test"}))
    assert caught.value.code == "invalid_grant"


def test_a_wrong_platform_key_is_the_operators_business(desk):
    second = approve(desk)
    app = {LIVE: {**second.app[LIVE], "secret_key": "sk_live_wrong"}}
    with pytest.raises(NeedsOperator) as caught:
        plugin.connect(replace(second, app=app))
    assert caught.value.code == "platform_key_refused"


@pytest.mark.parametrize(
    "fault",
    [
        {"stage": "after", "reset": True},
        {"stage": "before", "status": 500, "body": "<html>"},
        {"stage": "before", "status": 503, "body": "{}"},
    ],
)
def test_stripe_away_during_the_exchange_means_start_again(desk, fault):
    second = approve(desk)
    desk.stripe.fault(Fault("/oauth/token", "POST", **fault))
    with pytest.raises(Transient, match="Start again"):
        plugin.connect(second)


def test_an_account_whose_name_cannot_be_read_is_connected_by_its_id(desk):
    second = approve(desk)
    desk.stripe.fault(Fault("/v1/account", "GET", status=503))
    assert plugin.connect(second).title == desk.account


def test_a_word_stripe_never_used_before_is_still_a_refusal(desk):
    second = approve(desk)
    text = '{"error": "new_word", "error_description": "Bad ac_123."}'
    desk.stripe.fault(Fault("/oauth/token", "POST", status=400, body=text))
    with pytest.raises(Rejected) as caught:
        plugin.connect(second)
    assert caught.value.code == "authorization_failed"
    assert "ac_123" not in caught.value.message


def paste(desk, key, environment=TEST, **form):
    return plugin.connect(request(desk, environment, "key", form={"key": key, **form}))


def test_the_key_method_begins_with_a_form(desk):
    form = plugin.connect(request(desk, TEST, "key"))
    assert isinstance(form, Form)
    assert set(form.schema().fields) == {"key", "webhook_secret"}
    assert form.error == ""


def test_a_restricted_key_connects_its_own_account_and_environment(desk):
    key = desk.stripe.add_key(desk.account, TEST)
    grant = paste(desk, f" {key} ", webhook_secret="whsec_1")
    assert (grant.external_id, grant.title) == (desk.account, "Example Software")
    assert dict(grant.environments[TEST].secrets) == {
        "mode": "key",
        "key": key,
        "webhook_secret": "whsec_1",
    }
    assert not grant.shared
    assert list(grant.environments) == [TEST]


@pytest.mark.parametrize(
    ("key", "environment", "says"),
    [
        ("sk_live_abc", TEST, "live mode key"),
        ("rk_live_abc", TEST, "live mode key"),
        ("rk_test_abc", LIVE, "test mode key"),
        ("pk_test_abc", TEST, "publishable"),
        ("nonsense", TEST, "begins with rk_test_"),
        ("", LIVE, "begins with rk_live_"),
        ("rk_test_\N{SNOWMAN}", TEST, "begins with rk_test_"),
    ],
)
def test_a_key_for_the_wrong_slot_is_refused_without_a_call(desk, key, environment, says):
    form = paste(desk, key, environment)
    assert isinstance(form, Form)
    assert says in form.error
    assert desk.stripe.requests == []


def test_a_key_stripe_does_not_know_asks_again(desk):
    assert "no longer accepts" in paste(desk, "rk_test_unknown").error


def test_a_key_that_may_not_read_the_account_names_the_permission(desk):
    key = desk.stripe.add_key(desk.account, TEST, "rak_accounts_kyc_basic_read")
    assert "rak_accounts_kyc_basic_read" in paste(desk, key).error


def test_stripe_away_while_a_key_is_tried_is_transient(desk):
    desk.stripe.fault(Fault("/v1/account", status=503))
    with pytest.raises(Transient):
        paste(desk, desk.stripe.add_key(desk.account, TEST))


def test_check_tells_what_is_wrong(desk):
    assert plugin.check_connection(desk.connection(LIVE)) == []
    desk.stripe.accounts[desk.account].charges_enabled = False
    connection = replace(desk.connection(LIVE), external_id="acct_other")
    warnings = plugin.check_connection(connection)
    assert "payments yet" in warnings[0]
    assert desk.account in warnings[1]


def test_check_without_a_permission_names_it(desk):
    with pytest.raises(NeedsOperator, match="rak_invoice_read"):
        plugin.check_connection(desk.with_key("rak_invoice_read"))


def test_check_after_the_access_was_taken_back_needs_a_new_connection(desk):
    desk.stripe.revoke(desk.account)
    with pytest.raises(ReconnectRequired):
        plugin.check_connection(desk.connection())


def apps(desk):
    return {one: desk.connection(one).app for one in Environment}


def test_disconnecting_takes_the_grant_back_and_may_be_repeated(desk):
    assert plugin.disconnect(desk.connection(LIVE), apps(desk))
    assert not desk.stripe.accounts[desk.account].granted
    assert plugin.disconnect(desk.connection(LIVE), apps(desk))


def test_the_test_side_ends_a_live_grant_with_the_live_app(desk):
    assert plugin.disconnect(desk.connection(TEST), apps(desk))
    assert not desk.stripe.accounts[desk.account].granted


def test_a_grant_whose_app_is_not_set_any_more_cannot_be_ended(desk):
    with pytest.raises(NeedsOperator) as caught:
        plugin.disconnect(desk.connection(TEST), {TEST: apps(desk)[TEST]})
    assert caught.value.code == "not_configured"
    assert desk.stripe.accounts[desk.account].granted == {True}


def test_a_pasted_key_is_taken_back_in_the_dashboard_only(desk):
    assert not plugin.disconnect(desk.with_key(), apps(desk))
    assert desk.stripe.seen("POST", "deauthorize") == []


def test_a_wrong_client_id_is_not_taken_for_success(desk):
    wrong = {LIVE: {**apps(desk)[LIVE], "client_id": "ca_other"}}
    with pytest.raises(Rejected):
        plugin.disconnect(desk.connection(LIVE), wrong)
    assert desk.stripe.accounts[desk.account].granted == {True}


def test_consent_is_not_asked_for_an_unknown_client_or_a_strange_address(desk):
    url = plugin.connect(request(desk)).url
    for wrong in (
        url.replace(desk.stripe.client_ids[True], "ca_nobody"),
        url.replace("response_type=code", "response_type=token"),
        url.replace("redirect_uri=http", "redirect_uri=javascript"),
    ):
        assert requests.get(wrong, timeout=60).status_code == 400
        form = dict(parse_qsl(urlsplit(wrong).query)) | {"decision": "approve"}
        decided = requests.post(f"{desk.stripe.url}/oauth/decision", data=form, timeout=60)
        assert decided.status_code == 400


def test_the_oauth_endpoints_check_key_and_grant_type(desk):
    url, key = desk.stripe.url, {"Authorization": f"Bearer {desk.stripe.secret_keys[True]}"}
    refused = requests.post(f"{url}/oauth/token", headers=key, data={"code": "x"}, timeout=60)
    assert refused.json()["error"] == "unsupported_grant_type"
    assert requests.post(f"{url}/oauth/deauthorize", timeout=60).status_code == 401
