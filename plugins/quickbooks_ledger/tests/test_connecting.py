"""Sign-in at Intuit, tokens that rotate, the end of a connection."""

import logging
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import kable_quickbooks_ledger as plugin
import pytest
import requests
from kable_quickbooks_ledger.simulator import PRODUCTION_REALM, SANDBOX_REALM

from kable_hub import (
    ConnectRequest,
    CredentialsExpired,
    Environment,
    Grant,
    NeedsOperator,
    OutcomeUnknown,
    ReconnectRequired,
    Redirect,
    Rejected,
    Transient,
)
from kable_hub.testing import Fault

CALLBACK = "http://127.0.0.1:9/connect/quickbooks/callback"
TOKEN = "/oauth2/v1/tokens/bearer"


@pytest.fixture
def ask(world):
    def make(environment=Environment.TEST, **changes):
        values = {
            "environment": environment,
            "method": "oauth",
            "callback_url": CALLBACK,
            "state": "the-hubs-state",
            "app": {one: world.simulator.keys(one) for one in Environment},
            "urls": {one: world.simulator.urls(one) for one in Environment},
            "now": world.clock.now(),
            "guard": world.guard,
        }
        return ConnectRequest(**{**values, **changes})

    return make


def walk(world, ask, environment=Environment.TEST):
    """Follow the redirect to Intuit and answer what the callback brought."""
    redirect = plugin.connect(ask(environment))
    assert isinstance(redirect, Redirect)
    answer = requests.get(redirect.url, allow_redirects=False, timeout=60)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def test_the_browser_is_sent_to_intuit_with_the_hubs_state(world, ask):
    redirect = plugin.connect(ask())
    query = parse_qs(urlsplit(redirect.url).query)
    assert redirect.url.startswith(f"{world.simulator.url}/connect/oauth2?")
    assert query == {
        "response_type": ["code"],
        "client_id": ["sandbox-client-id"],
        "redirect_uri": [CALLBACK],
        "scope": ["com.intuit.quickbooks.accounting"],
        "state": ["the-hubs-state"],
    }


@pytest.mark.parametrize(
    ("environment", "realm", "title"),
    [
        (Environment.TEST, SANDBOX_REALM, "Sandbox Company"),
        (Environment.LIVE, PRODUCTION_REALM, "Demo Company"),
    ],
)
def test_the_callback_becomes_a_grant_for_one_environment(world, ask, environment, realm, title):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask, environment)
    assert query["state"] == "the-hubs-state"
    grant = plugin.connect(ask(environment, query=query))
    assert isinstance(grant, Grant)
    assert (grant.external_id, grant.title, grant.shared) == (realm, title, False)
    assert list(grant.environments) == [environment]
    credentials = grant.environments[environment]
    now = world.clock.now()
    assert set(credentials.secrets) == {"access_token", "refresh_token"}
    assert credentials.expires_at == now + timedelta(hours=1)
    assert credentials.reconnect_by == now + timedelta(days=100)
    connection = world.connection(environment, dict(credentials.secrets))
    assert plugin.check_connection(connection) == []


def test_a_person_may_choose_the_company_on_the_page_or_refuse(world, ask):
    world.simulator.company("777", name="Second Company")
    redirect = plugin.connect(ask())
    page = requests.get(redirect.url, timeout=60).text
    assert "Approve" in page
    assert "Second Company" in page
    assert "Demo Company" not in page
    form = {
        "client_id": "sandbox-client-id",
        "redirect_uri": CALLBACK,
        "state": "s",
        "realm": "777",
        "decision": "approve",
    }
    url = f"{world.simulator.url}/connect/oauth2"
    approved = requests.post(url, data=form, allow_redirects=False, timeout=60)
    assert "realmId=777" in approved.headers["Location"]
    form["decision"] = "deny"
    denied = requests.post(url, data=form, allow_redirects=False, timeout=60)
    assert denied.headers["Location"] == f"{CALLBACK}?state=s&error=access_denied"


def test_a_refusal_at_intuit_is_told_and_nothing_is_exchanged(world, ask):
    world.simulator.sign_in.auto_approve = False
    with pytest.raises(Rejected) as caught:
        plugin.connect(ask(query=walk(world, ask)))
    assert caught.value.code == "access_denied"
    assert world.simulator.seen("POST", TOKEN) == []


@pytest.mark.parametrize(
    "query",
    [
        {"code": "c"},
        {"realmId": "1"},
        {"code": "c", "realmId": ""},
        {"code": "c", "realmId": "1/../2"},
        {"code": "c", "realmId": "١٢"},
    ],
)
def test_a_callback_without_code_or_company_is_refused(world, ask, query):
    with pytest.raises(Rejected) as caught:
        plugin.connect(ask(query=query))
    assert caught.value.code == "invalid_callback"
    assert world.simulator.requests == []


def test_a_reconnect_to_another_company_is_refused_before_the_exchange(world, ask):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask)
    with pytest.raises(Rejected) as caught:
        plugin.connect(ask(query=query, external_id="1"))
    assert caught.value.code == "different_account"
    assert world.simulator.seen("POST", TOKEN) == []
    assert plugin.connect(ask(query=query, external_id=SANDBOX_REALM)).external_id == SANDBOX_REALM


def test_a_code_works_once(world, ask):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask)
    plugin.connect(ask(query=query))
    with pytest.raises(Rejected) as caught:
        plugin.connect(ask(query=query))
    assert caught.value.code == "invalid_grant"


def test_a_code_dies_after_five_minutes(world, ask):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask)
    world.clock.advance(301)
    with pytest.raises(Rejected):
        plugin.connect(ask(query=query))


def test_wrong_keys_are_told_as_such(world, ask):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask)
    app = {one: {"client_id": "x", "client_secret": "y"} for one in Environment}
    with pytest.raises(NeedsOperator) as caught:
        plugin.connect(ask(query=query, app=app))
    assert caught.value.code == "bad_app_credentials"


def test_keys_of_the_other_environment_are_told_as_a_mismatch(world, ask):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask, Environment.LIVE)
    urls = {
        Environment.LIVE: {
            **world.simulator.urls(Environment.LIVE),
            "api": world.simulator.urls(Environment.TEST)["api"],
        }
    }
    with pytest.raises(NeedsOperator) as caught:
        plugin.connect(ask(Environment.LIVE, query=query, urls=urls))
    assert caught.value.code == "environment_mismatch"
    assert "Environment mismatch" in caught.value.message


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=TOKEN, stage="before", reset=True),
        Fault(path=TOKEN, status=503, body="<html>"),
        Fault(path=TOKEN, status=302, headers={"Location": "https://elsewhere.example"}),
    ],
)
def test_intuit_away_during_connect_is_transient(world, ask, fault):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask)
    world.simulator.fault(fault)
    with pytest.raises(Transient):
        plugin.connect(ask(query=query))


def test_a_token_refused_right_after_the_exchange_starts_again(world, ask):
    world.simulator.sign_in.auto_approve = True
    query = walk(world, ask)
    world.simulator.fault(Fault(path="companyinfo", status=401, body="{}"))
    with pytest.raises(Rejected) as caught:
        plugin.connect(ask(query=query))
    assert caught.value.code == "invalid_grant"


@pytest.mark.parametrize("name", ["authorize", "token"])
def test_plain_http_is_refused_for_every_host_but_this_one(world, ask, name):
    urls = {
        Environment.TEST: {
            **world.simulator.urls(Environment.TEST),
            name: "http://oauth.example/x",
        }
    }
    query = {} if name == "authorize" else {"code": "c", "realmId": "1"}
    with pytest.raises(NeedsOperator) as caught:
        plugin.connect(ask(query=query, urls=urls))
    assert caught.value.code == "insecure_url"


def test_https_addresses_stay_https(ask):
    from kable_quickbooks_ledger.declaration import URLS

    redirect = plugin.connect(ask(urls=URLS))
    assert redirect.url.startswith("https://appcenter.intuit.com/connect/oauth2?")


def refreshed(world, connection):
    credentials = plugin.refresh(connection)
    return world.connection(credentials=dict(credentials.secrets)), credentials


def test_a_refresh_brings_a_new_pair_and_the_old_token_is_dead(world):
    old = world.connection()
    new, credentials = refreshed(world, old)
    assert new.credentials["refresh_token"] != old.credentials["refresh_token"]
    assert credentials.expires_at == world.clock.now() + timedelta(hours=1)
    assert credentials.reconnect_by == world.clock.now() + timedelta(days=100)
    with pytest.raises(ReconnectRequired) as caught:
        plugin.refresh(old)
    assert caught.value.code == "invalid_grant"
    plugin.refresh(new)
    assert world.simulator.sign_in.tokens.refreshes == 2


def test_the_hard_end_of_a_grant_is_asked_for_and_wins_where_it_is_nearer(world):
    connection = world.connection()
    for _ in range(19):
        world.clock.advance(95 * 86400)
        connection, credentials = refreshed(world, connection)
    asked = world.simulator.seen("POST", TOKEN)[-1]
    assert asked.header("x-include-refresh-token-hard-expires-in") == "true"
    assert credentials.reconnect_by == world.clock.now() + timedelta(days=5 * 365 - 19 * 95)


def test_a_refresh_token_unused_for_a_hundred_days_needs_a_person(world):
    connection = world.connection()
    world.clock.advance(101 * 86400)
    with pytest.raises(ReconnectRequired):
        plugin.refresh(connection)


def test_daily_rotation_keeps_the_value_for_a_day(world):
    world.simulator.sign_in.tokens.rotation = "daily"
    old = world.connection()
    same, _ = refreshed(world, old)
    assert same.credentials["refresh_token"] == old.credentials["refresh_token"]
    world.clock.advance(86400)
    new, _ = refreshed(world, old)
    assert new.credentials["refresh_token"] != old.credentials["refresh_token"]


def test_a_lost_answer_to_a_refresh_heals_where_intuit_allows_it(world):
    world.simulator.sign_in.tokens.rotation = "grace"
    connection = world.connection()
    world.simulator.fault(Fault(path=TOKEN, stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.refresh(connection)
    plugin.refresh(connection)
    world.clock.advance(60)
    with pytest.raises(ReconnectRequired):
        plugin.refresh(connection)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=TOKEN, status=500, body="{}"),
        Fault(path=TOKEN, status=429, body=""),
    ],
)
def test_intuit_away_during_a_refresh_is_transient(world, fault):
    connection = world.connection()
    world.simulator.fault(fault)
    with pytest.raises(Transient):
        plugin.refresh(connection)
    plugin.refresh(connection)


def test_a_refresh_answer_that_cannot_be_read_is_unknown(world):
    connection = world.connection()
    world.simulator.fault(Fault(path=TOKEN, status=200, body='{"token_type":"bearer"}'))
    with pytest.raises(OutcomeUnknown):
        plugin.refresh(connection)


def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(world):
    connection = world.connection()
    body = '{"token_type":"bearer","access_token":"a","expires_in":3600}'
    world.simulator.fault(Fault(path=TOKEN, status=200, body=body))
    credentials = plugin.refresh(connection)
    assert credentials.secrets["refresh_token"] == connection.credentials["refresh_token"]
    assert credentials.reconnect_by is None


def test_wrong_keys_during_a_refresh_pause_the_connection_without_losing_the_grant(world):
    connection = world.connection()
    body = '{"error":"invalid_client"}'
    world.simulator.fault(Fault(path=TOKEN, status=400, body=body))
    with pytest.raises(NeedsOperator) as caught:
        plugin.refresh(connection)
    assert (caught.value.code, caught.value.scope) == ("bad_app_credentials", "connection")


def test_a_dead_access_token_asks_for_a_refresh_and_then_the_push_goes_on(world):
    connection = world.connection()
    push = world.push(connection)
    world.clock.advance(3601)
    with pytest.raises(CredentialsExpired):
        plugin.push_invoice(connection, push)
    connection, _ = refreshed(world, connection)
    plugin.push_invoice(connection, push)
    assert len(world.simulator.documents()) == 1


def test_disconnecting_revokes_and_may_be_repeated(world):
    connection = world.connection()
    assert plugin.disconnect(connection)
    assert plugin.disconnect(connection)
    with pytest.raises(CredentialsExpired):
        plugin.check_connection(connection)
    with pytest.raises(ReconnectRequired):
        plugin.refresh(connection)


def test_a_revocation_that_intuit_does_not_confirm_is_no_success(world):
    connection = world.connection()
    world.simulator.fault(Fault(path="revoke", status=500, body=""))
    assert not plugin.disconnect(connection)
    world.simulator.fault(Fault(path="revoke", reset=True))
    with pytest.raises(Transient):
        plugin.disconnect(connection)


def test_a_check_says_what_will_stop_invoices(world):
    world.book.country = "GB"
    world.book.custom_numbers = False
    connection = world.connection(default_item="", numbers="own")
    told = " ".join(plugin.check_connection(connection))
    assert all(word in told for word in ("Default", "(tax_code)", "(no_tax_code)", "numbers"))


def test_no_token_key_or_secret_reaches_the_log(world, ask, caplog):
    caplog.set_level(logging.DEBUG)
    world.simulator.sign_in.auto_approve = True
    grant = plugin.connect(ask(query=walk(world, ask)))
    secrets = dict(grant.environments[Environment.TEST].secrets)
    connection = world.connection(credentials=secrets)
    credentials = plugin.refresh(connection)
    plugin.check_connection(world.connection(credentials=dict(credentials.secrets)))
    with pytest.raises(CredentialsExpired) as caught:
        plugin.check_connection(world.connection(credentials={"access_token": "canary" * 9}))
    for secret in (*secrets.values(), *credentials.secrets.values(), "canary", "client-secret"):
        assert secret not in caplog.text
        assert secret not in str(caught.value)
        assert secret not in repr(credentials)
