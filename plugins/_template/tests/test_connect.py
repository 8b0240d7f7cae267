"""From a pasted key to a connection, and from a connection to its end."""

import kable_acme_payments as plugin
import pytest
from kable_acme_payments.connect import KeyForm

from kable_hub import Environment, Form, Grant, ReconnectRequired, Transient
from kable_hub.testing import Fault

TEST, LIVE = Environment.TEST, Environment.LIVE


def step(desk, **given):
    return plugin.connect(desk.request(**given))


def test_first_it_asks_for_a_key_without_a_call(desk):
    form = step(desk)
    assert isinstance(form, Form)
    assert (form.schema, form.error, desk.guard.calls) == (KeyForm, "", [])


@pytest.mark.parametrize("environment", [TEST, LIVE])
def test_a_good_key_names_the_account_and_is_kept(desk, environment):
    key = desk.simulator.key(environment)
    pasted = {"api_key": f" {key}\n"}
    assert KeyForm().validate(pasted) == {}
    grant = step(desk, environment=environment, form=pasted)
    assert isinstance(grant, Grant)
    assert (grant.external_id, grant.title) == ("ac_0001", "Lighthouse Software")
    assert {one: dict(given.secrets) for one, given in grant.environments.items()} == {
        environment: {"key": key}
    }


def test_a_wrong_key_is_asked_for_again(desk):
    form = step(desk, form={"api_key": "key_of_nobody"})
    assert isinstance(form, Form)
    assert form.error == "There is no such key."


def test_a_key_of_the_other_environment_is_asked_for_again(desk):
    form = step(desk, form={"api_key": desk.simulator.key(LIVE)})
    assert isinstance(form, Form)
    assert form.error == "This is a key for live."


@pytest.mark.parametrize("key", ["", " ", "two words", "two\nlines", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_by_the_form(key):
    assert "api_key" in KeyForm().validate({"api_key": key})


def test_a_provider_that_is_away_does_not_blame_the_key(desk):
    desk.simulator.stop()
    with pytest.raises(Transient):
        step(desk, form={"api_key": "key_test_0001"})


def test_a_key_is_in_no_repr(desk):
    key = desk.simulator.key(TEST)
    request = desk.request(form={"api_key": key})
    shown = [
        request,
        plugin.connect(request),
        desk.connection(),
        plugin.client.of(desk.connection()),
    ]
    assert not [one for one in shown if key in repr(one)]


def test_a_working_connection_is_checked_by_one_read(desk):
    assert plugin.check_connection(desk.connection()) == []
    assert [(call.name, call.writes) for call in desk.guard.calls] == [("account.get", False)]


def test_a_revoked_key_asks_to_connect_again(desk):
    connection = desk.connection()
    desk.simulator.keys.clear()
    with pytest.raises(ReconnectRequired) as caught:
        plugin.check_connection(connection)
    assert (caught.value.http_status, caught.value.provider_code) == (401, "key_unknown")


@pytest.mark.parametrize("status", [401, 403])
def test_a_gateway_that_wants_a_password_does_not_end_the_connection(desk, status):
    desk.simulator.fault(Fault(status=status, body="<html>Who are you?</html>"))
    with pytest.raises(Transient):
        plugin.check_connection(desk.connection())


def test_a_redirect_is_not_followed_with_the_key(desk):
    desk.simulator.fault(
        Fault(status=302, headers={"Location": f"{desk.simulator.url}/v1/account"})
    )
    with pytest.raises(Transient):
        plugin.check_connection(desk.connection())
    assert len(desk.simulator.requests) == 1
