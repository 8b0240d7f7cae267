from dataclasses import replace

import pytest

from kable_hub import Credentials, Environment, Form, ReconnectRequired, Rejected, Transient
from kable_hub.store import tables as t
from kable_hub.store.credentials import load_credentials
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts, connecting, connections
from kable_hub.usecases.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PaymentRequired,
    Problem,
    Unavailable,
)
from tests.usecases.house import House, house, ticket_of

BOTH = {one: Credentials({"token": f"token-{one}", "refresh": ""}) for one in Environment}


def both(grant):
    return replace(grant, environments=BOTH, shared=True)


def only_test(grant):
    return replace(grant, environments={Environment.TEST: BOTH["test"]})


def secrets(home: House, connection_id: str):
    with home.hub.database.read():
        row = t.Connection.get_by_id(connection_id)
        scope = Scope(row.account_id, Environment(row.environment))
        stored = load_credentials(home.hub.database, home.hub.vault, scope, connection_id)
    return stored and stored.credentials.secrets


def start(home: House, slug: str = "acme", **options):
    return connecting.start_connecting(home.hub, home.scope, slug, **options)


def come_back(home: House, state: str, secret: str, slug: str = "acme", **query: str):
    answer = {"state": state, "code": "good", **query}
    return connecting.finish(home.hub, slug, answer, secret)


def test_connecting_needs_the_paid_plan(home: House):
    accounts.set_plan(home.hub, home.account, "free")
    with pytest.raises(PaymentRequired) as refused:
        start(home)
    assert (refused.value.status, refused.value.code) == (402, "paid_plan_required")
    assert home.acme.asked == []


def test_a_plan_that_ends_during_the_dialogue_ends_the_dialogue(home: House):
    home.acme.granted = only_test
    opened, state = home.begin()
    accounts.set_plan(home.hub, home.account, "free")
    outcome = come_back(home, state, opened.browser_secret)
    assert (outcome.ok, outcome.code) == (False, "paid_plan_required")
    assert connections.list_connections(home.hub, home.scope) == ()


def test_an_unknown_provider_method_and_address_are_refused(home: House):
    with pytest.raises(NotFound):
        start(home, "nowhere")
    with pytest.raises(Invalid) as refused:
        start(home, method="fax")
    assert refused.value.errors[0].field == "method"
    for address in ("javascript:alert(1)", "//evil.example", "/\\evil", "back", "http://", "/a\nb"):
        with pytest.raises(Invalid) as refused:
            start(home, return_to=address)
        assert refused.value.errors[0].field == "returnTo"


def test_a_provider_without_its_settings_names_the_variables(home: House, tmp_path):
    gap = {"KABLE_ACME_TEST_CLIENT_ID": ""}
    other = house(f"sqlite:///{tmp_path}/other.db", tmp_path, **gap)
    with other as bare, pytest.raises(Conflict) as refused:
        start(bare)
    assert refused.value.code == "not_configured"
    assert refused.value.extras == {"variables": ["KABLE_ACME_TEST_CLIENT_ID"]}


def test_a_form_is_shown_with_its_fields(home: House):
    started = start(home, method="key")
    shown = started.form
    assert [(one.name, one.type, one.required) for one in shown.fields] == [
        ("api_key", "secret", True)
    ]
    assert started.connect_url.startswith("http://127.0.0.1:8080/connect/start/")


def test_a_form_that_is_filled_in_connects_at_once(home: House):
    started = start(home, method="key", form={"api_key": "token-1"})
    row = started.connections[0]
    assert (row.state, row.external_id, row.title, row.method) == (
        "active",
        "shop",
        "Shop",
        "key",
    )
    assert row.settings == {"drafts": False, "need_method": False, "item": ""}
    assert secrets(home, row.id) == {"token": "token-1", "refresh": ""}
    assert connections.list_connections(home.hub, home.scope) == (row,)
    assert connections.list_connections(home.hub, home.live) == ()


def test_wrong_form_values_are_told_by_field(home: House):
    with pytest.raises(Invalid) as refused:
        start(home, method="key", form={"api_kee": "x"})
    assert {one.field for one in refused.value.errors} == {"form.api_key", "form.api_kee"}


def test_a_form_the_provider_does_not_accept_is_told_with_its_reason(home: House):
    home.acme.granted = lambda grant: Form(object, "Again", error="this key is for live")
    with pytest.raises(Invalid) as refused:
        start(home, method="key", form={"api_key": "x"})
    assert refused.value.errors[0].message == "this key is for live"


def test_a_way_without_a_form_takes_no_values(home: House):
    with pytest.raises(Invalid) as refused:
        start(home, form={"api_key": "x"})
    assert refused.value.errors[0].code == "not_expected"


def test_a_provider_that_is_away_says_when_to_come_back(home: House):
    home.acme.fails["connect"] = Transient("it is away")
    with pytest.raises(Unavailable):
        start(home)


def test_a_browser_is_led_to_the_provider_and_back(home: House):
    home.acme.granted = only_test
    opened, state = home.begin(return_to="https://shop.example/done")
    assert opened.redirect_url.startswith(home.at["acme"].url)
    outcome = come_back(home, state, opened.browser_secret)
    assert outcome.ok
    assert outcome.return_to == "https://shop.example/done"
    asked = home.acme.asked[-1]
    assert asked.carry == {"verifier": "v"}
    assert asked.callback_url == "http://127.0.0.1:8080/connect/acme/callback"
    assert asked.query["code"] == "good"


def test_only_the_browser_that_began_may_finish_once_and_in_time(home: House):
    opened, state = home.begin()
    asked = len(home.acme.asked)
    for wrong in (
        lambda: come_back(home, state, "another browser"),
        lambda: come_back(home, state, ""),
        lambda: come_back(home, "another state", opened.browser_secret),
        lambda: come_back(home, "", opened.browser_secret),
        lambda: come_back(home, state, opened.browser_secret, "books"),
    ):
        with pytest.raises(Problem) as refused:
            wrong()
        assert refused.value.code == "bad_state"
    home.acme.granted = only_test
    assert len(home.acme.asked) == asked
    assert come_back(home, state, opened.browser_secret).ok
    with pytest.raises(Problem) as refused:
        come_back(home, state, opened.browser_secret)
    assert refused.value.code == "bad_state"


def test_after_ten_minutes_the_dialogue_is_over(home: House):
    late, _ = start(home), None
    opened, state = home.begin()
    home.clock.advance(600)
    with pytest.raises(Problem):
        come_back(home, state, opened.browser_secret)
    with pytest.raises(Problem) as refused:
        connecting.open_ticket(home.hub, ticket_of(late))
    assert refused.value.code == "bad_ticket"


def test_a_state_is_worth_nothing_before_its_ticket_was_opened(home: House):
    started = start(home)
    state = home.acme.asked[-1].state
    with pytest.raises(Problem):
        come_back(home, state, "")
    assert started.connect_url


def test_a_ticket_is_opened_once(home: House):
    ticket = ticket_of(start(home))
    connecting.open_ticket(home.hub, ticket)
    for wrong in (ticket, "made up", "\ud800"):
        with pytest.raises(Problem) as refused:
            connecting.open_ticket(home.hub, wrong)
        assert refused.value.code == "bad_ticket"


def test_nothing_that_opens_a_dialogue_is_kept_in_clear(home: House):
    started = start(home)
    ticket = ticket_of(started)
    opened = connecting.open_ticket(home.hub, ticket)
    state = home.acme.asked[-1].state
    with home.hub.database.read():
        row = repr(t.ConnectAttempt.select().dicts().first())
    for secret in (ticket, state, opened.browser_secret, "verifier"):
        assert secret not in row
    assert ticket not in repr(started)
    assert opened.browser_secret not in repr(opened)


def test_a_person_who_says_no_comes_back_with_the_reason(home: House):
    opened, state = home.begin(return_to="/here")
    outcome = come_back(home, state, opened.browser_secret, error="access_denied")
    assert (outcome.ok, outcome.code, outcome.return_to) == (False, "access_denied", "/here")
    assert connections.list_connections(home.hub, home.scope) == ()


def test_a_form_in_the_browser_may_be_answered_until_it_is_right(home: House):
    ticket = ticket_of(start(home, method="key"))
    opened = connecting.open_ticket(home.hub, ticket)
    assert opened.form.title == "Paste your key"
    answer = lambda **values: connecting.answer_form(  # noqa: E731
        home.hub, ticket, opened.browser_secret, values
    )
    wrong = answer(api_kee="x")
    assert (wrong.ok, wrong.code) == (False, "validation_error")
    assert "Missing data" in wrong.form.error
    right = answer(api_key="token-1")
    assert right.ok
    assert right.connections == connections.list_connections(home.hub, home.scope)
    with pytest.raises(Problem) as refused:
        answer(api_key="token-1")
    assert refused.value.code == "bad_ticket"


def test_a_form_of_another_browser_is_refused(home: House):
    ticket = ticket_of(start(home, method="key"))
    connecting.open_ticket(home.hub, ticket)
    with pytest.raises(Problem) as refused:
        connecting.answer_form(home.hub, ticket, "another", {"api_key": "token-1"})
    assert refused.value.code == "bad_ticket"


def test_a_provider_may_ask_for_a_second_round(home: House):
    from kable_hub import Redirect

    opened, state = home.begin()
    home.acme.granted = lambda grant: Redirect("https://acme.example/more", {"round": "2"})
    again = come_back(home, state, opened.browser_secret)
    assert again.redirect_url == "https://acme.example/more"
    home.acme.granted = only_test
    assert come_back(home, state, opened.browser_secret).ok
    assert home.acme.asked[-1].carry == {"round": "2"}


def test_a_form_after_the_callback_is_a_fault_of_the_plugin(home: House):
    opened, state = home.begin()
    home.acme.granted = lambda grant: Form(object, "What else")
    assert come_back(home, state, opened.browser_secret).code == "unexpected_form"


def test_a_grant_for_both_environments_makes_two_connections(home: House):
    started = connecting.start_connecting(home.hub, home.live, "acme")
    opened = connecting.open_ticket(home.hub, ticket_of(started))
    state = opened.redirect_url.partition("state=")[2]
    outcome = come_back(home, state, opened.browser_secret)
    assert {one.scope.environment for one in outcome.connections} == set(Environment)
    assert all(one.shared for one in outcome.connections)
    assert home.connection("acme").id != home.connection("acme", home.live).id


def test_a_test_key_cannot_make_a_live_connection_but_a_person_can(home: House):
    opened, state = home.begin()
    outcome = come_back(home, state, opened.browser_secret)
    assert (outcome.ok, outcome.code) == (False, "live_key_required")
    assert connections.list_connections(home.hub, home.live) == ()
    opened, state = home.begin(by_person=True)
    assert come_back(home, state, opened.browser_secret).ok
    home.acme.granted = both
    with pytest.raises(Forbidden):
        start(home, method="key", form={"api_key": "x"})


def test_a_grant_that_lacks_the_wanted_environment_is_refused_by_name(home: House):
    home.acme.granted = lambda grant: replace(grant, environments={Environment.LIVE: BOTH["live"]})
    with pytest.raises(Conflict) as refused:
        start(home, method="key", form={"api_key": "x"})
    assert refused.value.code == "environment_missing"
    assert "not to test" in refused.value.detail


def test_a_reconnect_keeps_the_row_its_settings_and_wakes_what_waited(home: House):
    first = home.connect("acme")
    connections.put_settings(home.hub, home.scope, "acme", {"item": "9"})
    home.customer("c1", "acme")
    home.invoice()
    home.acme.fails["check_connection"] = ReconnectRequired("taken back")
    with pytest.raises(Conflict):
        connections.check(home.hub, home.scope, "acme")
    connections.disconnect(home.hub, home.scope, "acme")
    assert home.deliveries()[0].error_code == "disconnected"
    home.slept("acme")
    second = start(home, method="key", form={"api_key": "token-2"}).connections[0]
    assert (second.id, second.state, second.settings["item"]) == (first.id, "active", "9")
    assert secrets(home, first.id)["token"] == "token-2"
    assert home.deliveries()[0].state == "due"
    assert home.due_at("acme") == home.hub.now()


def test_a_reconnect_ends_only_the_pauses_a_grant_can_end(home: House):
    home.connect("acme")
    connections.pause(home.hub, home.scope, "acme", "stock-taking")
    again = home.connect("acme")
    assert (again.state, again.pauses) == ("paused", {"operator": "stock-taking"})


def test_another_account_at_the_provider_is_refused_while_anything_depends_on_it(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    home.acme.granted = lambda grant: replace(grant, external_id="other shop")
    with pytest.raises(Conflict) as refused:
        home.connect("acme")
    assert refused.value.code == "different_account"
    assert refused.value.extras == {"expected": "shop"}
    assert home.acme.asked[-1].external_id == "shop"
    assert secrets(home, home.connection("acme").id)["token"] == "token-1"


def test_another_account_at_the_provider_is_taken_while_nothing_depends_on_it(home: House):
    first = home.connect("acme")
    home.acme.granted = lambda grant: replace(grant, external_id="other shop")
    second = home.connect("acme")
    assert (second.id, second.external_id) == (first.id, "other shop")
    assert home.acme.asked[-1].external_id == ""


def test_what_another_tenant_holds_is_refused_until_it_lets_go(home: House):
    home.connect("acme")
    other = home.other_account()
    with pytest.raises(Conflict) as refused:
        home.connect("acme", other)
    assert refused.value.code == "held_by_another_account"
    assert connections.list_connections(home.hub, other) == ()
    connections.disconnect(home.hub, home.scope, "acme")
    assert home.connect("acme", other).state == "active"
    with pytest.raises(Conflict):
        home.connect("acme")


def test_first_settings_take_the_default_the_provider_knows(home: House):
    home.connect("books")
    assert home.connection("books").settings == {"item": "7", "terms": 30, "long": False}


@pytest.mark.parametrize("error", [Transient("it is away"), Rejected("no")])
def test_a_provider_that_knows_no_default_is_connected_all_the_same(home: House, error):
    home.books.fails["setting_choices"] = error
    home.connect("books")
    assert home.connection("books").settings == {"item": "", "terms": 30, "long": False}


def test_what_runs_with_the_result_takes_the_connection_back_when_it_fails(home: House):
    def fail(started):
        raise RuntimeError

    for options in ({"method": "key", "form": {"api_key": "token-1"}}, {}):
        with pytest.raises(RuntimeError):
            start(home, also=fail, **options)
    assert connections.list_connections(home.hub, home.scope) == ()
    with home.hub.database.read():
        assert not t.ConnectAttempt.select().exists()
