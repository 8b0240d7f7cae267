"""From a person's consent to a connection, and from a connection to its end."""

from datetime import timedelta

import kable_acme_payments as plugin
import pytest

from kable_hub import (
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
from kable_hub.testing import Fault, builders
from kable_hub.testing.browsing import Browser

TEST, LIVE = Environment.TEST, Environment.LIVE
TOKEN = "/oauth/token"


def step(desk, **given):
    return plugin.connect(desk.request(**given))


def agreed(desk, environment=TEST):
    """What the callback brings when a person has agreed."""
    redirect = step(desk, environment=environment)
    return Browser().consent(redirect.url, desk.request().callback_url)


def renewed(desk, connection):
    """The connection with refreshed tokens."""
    return desk.connected(dict(plugin.refresh(connection).secrets))


def test_first_a_person_is_sent_to_acme_without_a_call(desk):
    redirect = step(desk)
    assert isinstance(redirect, Redirect)
    assert redirect.url.startswith(f"{desk.simulator.url}/oauth/authorize?")
    assert desk.guard.calls == []


@pytest.mark.parametrize("environment", [TEST, LIVE])
def test_consent_names_the_account_and_brings_its_tokens(desk, environment):
    query = agreed(desk, environment)
    assert query["state"] == "s"
    grant = step(desk, environment=environment, query=query)
    assert isinstance(grant, Grant)
    assert (grant.external_id, grant.title) == ("ac_0001", "Lighthouse Software")
    assert (list(grant.environments), grant.app_id) == ([environment], f"client_{environment}_0001")
    tokens = grant.environments[environment]
    assert set(tokens.secrets) == {"access_token", "refresh_token"}
    assert tokens.expires_at == builders.NOW + timedelta(hours=1)
    assert tokens.reconnect_by == builders.NOW + timedelta(days=90)


def test_a_person_who_denies_is_told_so(desk):
    with pytest.raises(Rejected) as caught:
        step(desk, query={"error": "access_denied", "state": "s"})
    assert caught.value.code == "access_denied"


def test_a_code_works_once(desk):
    query = agreed(desk)
    step(desk, query=query)
    with pytest.raises(Rejected) as caught:
        step(desk, query=query)
    assert caught.value.code == "invalid_grant"


def test_a_refused_client_secret_is_the_operators(desk):
    app = {TEST: {"client_id": "client_test_0001", "client_secret": "another"}}
    with pytest.raises(NeedsOperator) as caught:
        step(desk, query=agreed(desk), app=app)
    assert caught.value.code == "bad_app_credentials"


@pytest.mark.parametrize("fault", [Fault(path=TOKEN, reset=True), Fault(path=TOKEN, status=503)])
def test_a_provider_that_is_away_while_connecting_is_transient(desk, fault):
    query = agreed(desk)
    desk.simulator.fault(fault)
    with pytest.raises(Transient):
        step(desk, query=query)


def test_a_token_of_the_other_environment_is_refused(desk):
    query = agreed(desk)
    other = '{"id":"ac_0001","name":"n","environment":"live"}'
    desk.simulator.fault(Fault(path="account", status=200, body=other))
    with pytest.raises(Rejected) as caught:
        step(desk, query=query)
    assert caught.value.code == "wrong_environment"


def test_a_token_that_is_refused_at_once_starts_again(desk):
    query = agreed(desk)
    body = '{"error":{"code":"token_expired","message":"No."}}'
    desk.simulator.fault(Fault(path="account", status=401, body=body))
    with pytest.raises(Rejected) as caught:
        step(desk, query=query)
    assert caught.value.code == "invalid_grant"


def test_a_dead_token_is_renewed_and_the_old_refresh_token_is_spent(desk):
    old = desk.connection()
    desk.simulator.expire_access()
    with pytest.raises(CredentialsExpired):
        plugin.check_connection(old)
    new = renewed(desk, old)
    assert plugin.check_connection(new) == []
    with pytest.raises(ReconnectRequired):
        plugin.refresh(old)
    assert plugin.check_connection(renewed(desk, new)) == []


def test_a_lost_answer_to_a_refresh_is_unknown(desk):
    desk.simulator.fault(Fault(path=TOKEN, stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        plugin.refresh(desk.connection())


def test_consent_that_was_taken_back_needs_a_person(desk):
    connection = desk.connection()
    desk.simulator.revoke_access(TEST)
    with pytest.raises(CredentialsExpired):
        plugin.check_connection(connection)
    with pytest.raises(ReconnectRequired):
        plugin.refresh(connection)


def test_a_token_is_in_no_repr(desk):
    connection = desk.connection()
    shown = [connection, plugin.client.of(connection), plugin.refresh(connection)]
    secrets = [*connection.credentials.values(), connection.app["client_secret"]]
    assert not [one for one in shown for secret in secrets if secret in repr(one)]


def test_a_working_connection_is_checked_by_one_read(desk):
    assert plugin.check_connection(desk.connection()) == []
    assert [(call.name, call.writes) for call in desk.guard.calls] == [("account.get", False)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_gateway_that_wants_a_password_does_not_end_the_connection(desk, status):
    desk.simulator.fault(Fault(status=status, body="<html>Who are you?</html>"))
    with pytest.raises(Transient):
        plugin.check_connection(desk.connection())
