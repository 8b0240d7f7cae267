from dataclasses import replace
from datetime import date

import pytest

from kable_hub import Credentials, Environment, NeedsOperator, OutcomeUnknown, ReconnectRequired
from kable_hub.store.credentials import load_credentials
from kable_hub.usecases import connecting, connections
from kable_hub.usecases.errors import Conflict, Forbidden, Invalid, NotFound
from tests.usecases.house import House

KEYS = {one: Credentials({"token": "token-1", "refresh": ""}) for one in Environment}


def shared(home: House) -> None:
    home.acme.granted = lambda grant: replace(grant, environments=KEYS, shared=True)
    home.connect("acme", home.live)


def has_secrets(home: House, scope=None) -> bool:
    with home.hub.database.read():
        row = home.connection("acme", scope)
        stored = load_credentials(home.hub.database, home.hub.vault, row.scope, row.id)
    return stored is not None


def test_a_connection_is_named_by_its_id_or_its_provider(home: House):
    row = home.connect("acme")
    for name in (row.id, "acme"):
        assert connections.get_connection(home.hub, home.scope, name) == row
        for scope in (home.live, home.other_account()):
            with pytest.raises(NotFound):
                connections.get_connection(home.hub, scope, name)


def test_settings_are_validated_by_the_declared_schema(home: House):
    home.connect("books")
    with pytest.raises(Invalid) as refused:
        connections.put_settings(
            home.hub, home.scope, "books", {"terms": "soon", "colour": "red"}, "sometimes"
        )
    assert {one.field for one in refused.value.errors} == {
        "settings.terms",
        "settings.colour",
        "pushEarlier",
    }
    assert connections.get_settings(home.hub, home.scope, "books").values["terms"] == 30


def test_saved_settings_replace_the_old_ones_and_wake_what_waited_for_them(home: House):
    home.connect("books")
    home.customer("c1", "books")
    waiting, other = home.invoice(), home.invoice()
    blocked = {"state": "blocked", "blocked_on": "settings", "error_code": "missing_setting"}
    home.force(waiting.deliveries[0].id, **blocked)
    home.force(other.deliveries[0].id, **{**blocked, "blocked_on": "provider"})
    home.slept("books")
    saved = connections.put_settings(home.hub, home.scope, "books", {"item": "8"})
    assert saved.values == {"item": "8", "terms": 30, "long": False}
    assert [one.state for one in home.deliveries()] == ["due", "blocked"]
    assert home.due_at("books") == home.hub.now()


def test_since_needs_a_date_and_everything_else_forgets_it(home: House):
    home.connect("books")
    put = lambda *args: connections.put_settings(  # noqa: E731
        home.hub, home.scope, "books", {}, *args
    )
    with pytest.raises(Invalid) as refused:
        put("since")
    assert refused.value.errors[0].field == "pushSince"
    day = date(2026, 1, 1)
    assert put("since", day).push_since == day
    kept = put()
    assert (kept.push_earlier, kept.push_since) == ("since", day)
    assert put("all", day).push_since is None


def test_settings_tell_their_fields(home: House):
    home.connect("books")
    item, terms, _ = connections.get_settings(home.hub, home.scope, "books").fields
    assert (item.name, item.type, item.from_provider) == ("item", "text", True)
    assert (terms.type, terms.default, terms.from_provider) == ("integer", 30, False)
    assert (item.per_customer, terms.per_customer) == (False, True)


def test_choices_are_read_from_the_provider(home: House):
    home.connect("books")
    choices = connections.setting_choices(home.hub, home.scope, "books", "item")
    assert [one.value for one in choices.choices] == ["7", "8"]
    with pytest.raises(NotFound):
        connections.setting_choices(home.hub, home.scope, "books", "terms")
    home.connect("acme")
    with pytest.raises(Conflict) as refused:
        connections.setting_choices(home.hub, home.scope, "acme", "item")
    assert refused.value.code == "not_offered"


def test_health_tells_what_is_under_way(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    home.invoice()
    due = home.hub.now()
    home.clock.advance(60)
    home.invoice()
    home.invoice(auto_push=False)
    health = connections.health(home.hub, home.scope, "acme")
    assert health.counts == {"due": 2, "held": 1}
    assert (health.oldest_due, health.connection.reconnect_by) == (due, None)


def test_health_tells_when_a_person_has_to_reconnect(home: House):
    from datetime import timedelta

    soon = home.clock.now() + timedelta(days=3)
    home.acme.granted = lambda grant: replace(
        grant, environments={Environment.TEST: replace(KEYS["test"], reconnect_by=soon)}
    )
    home.connect("acme")
    told = connections.health(home.hub, home.scope, "acme").connection.reconnect_by
    assert told == home.hub.now() + 3 * 86_400_000


def test_a_check_that_succeeds_wakes_what_the_provider_had_paused(home: House):
    home.connect("acme")
    home.acme.fails["check_connection"] = ReconnectRequired("taken back")
    with pytest.raises(Conflict):
        connections.check(home.hub, home.scope, "acme")
    assert home.connection("acme").state == "paused"
    del home.acme.fails["check_connection"]
    home.slept("acme")
    health = connections.check(home.hub, home.scope, "acme")
    assert (health.connection.state, health.connection.pauses) == ("active", {})
    assert health.connection.warnings == ("the trial ends soon",)
    assert health.connection.checked_at == home.hub.now()
    assert home.due_at("acme") == home.hub.now()


def test_a_check_that_succeeds_tries_again_what_a_setting_could_not_name(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    blocked = {"state": "blocked", "error_code": "inactive_reference"}
    for on in ("settings", "customer"):
        home.force(home.invoice().deliveries[0].id, **blocked, blocked_on=on)
    connections.check(home.hub, home.scope, "acme")
    assert [one.state for one in home.deliveries()] == ["due", "blocked"]


def test_a_check_that_finds_the_whole_connection_wanting_pauses_it(home: House):
    home.connect("acme")
    missing = NeedsOperator("switch invoicing on", code="not_enabled", scope="connection")
    home.acme.fails["check_connection"] = missing
    with pytest.raises(Conflict) as refused:
        connections.check(home.hub, home.scope, "acme")
    assert refused.value.code == "not_enabled"
    assert home.connection("acme").pauses == {"provider": "switch invoicing on"}


def test_a_person_pauses_and_resumes(home: House):
    home.connect("acme")
    paused = connections.pause(home.hub, home.scope, "acme", "stock-taking")
    assert (paused.state, paused.pauses) == ("paused", {"operator": "stock-taking"})
    home.slept("acme")
    assert connections.resume(home.hub, home.scope, "acme").state == "active"
    assert home.due_at("acme") == home.hub.now()


def test_disconnecting_deletes_the_secrets_blocks_what_is_due_and_keeps_the_row(home: House):
    row = home.connect("acme")
    home.customer("c1", "acme")
    home.invoice()
    uncertain = home.invoice().deliveries[0]
    home.force(uncertain.id, state="uncertain", may_exist=True)
    ended = connections.disconnect(home.hub, home.scope, "acme")
    assert (ended.id, ended.state) == (row.id, "disconnected")
    assert not has_secrets(home)
    assert home.at["acme"].revoked
    assert [(one.state, one.error_code) for one in home.deliveries()] == [
        ("blocked", "disconnected"),
        ("uncertain", ""),
    ]
    assert connections.disconnect(home.hub, home.scope, "acme") == ended


def test_disconnecting_waits_for_what_is_in_flight_but_not_for_ever(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    flying = home.invoice().deliveries[0]
    home.force(flying.id, state="pushing", may_exist=True)
    before = home.clock.monotonic()
    connections.disconnect(home.hub, home.scope, "acme")
    assert 30 <= home.clock.monotonic() - before < 31
    assert home.deliveries()[0].state == "pushing"


def test_a_provider_that_cannot_be_reached_does_not_hinder_the_end(home: House):
    home.connect("acme")
    home.acme.fails["disconnect"] = OutcomeUnknown("it is away")
    assert connections.disconnect(home.hub, home.scope, "acme").state == "disconnected"
    assert not has_secrets(home)


def test_a_shared_grant_is_taken_back_with_its_last_environment(home: House):
    shared(home)
    connections.disconnect(home.hub, home.live, "acme")
    assert not home.at["acme"].revoked
    assert has_secrets(home)
    assert not has_secrets(home, home.live)
    connections.disconnect(home.hub, home.scope, "acme")
    assert home.at["acme"].revoked


def test_a_test_key_cannot_end_access_that_reaches_live(home: House):
    shared(home)
    with pytest.raises(Forbidden) as refused:
        connections.disconnect(home.hub, home.scope, "acme")
    assert refused.value.code == "live_key_required"
    assert home.connection("acme").state == "active"
    ended = connections.disconnect(home.hub, home.scope, "acme", by_person=True)
    assert ended.state == "disconnected"


def test_nothing_is_asked_of_a_disconnected_provider(home: House):
    home.connect("acme")
    connections.disconnect(home.hub, home.scope, "acme")
    for ask in (
        lambda: connections.check(home.hub, home.scope, "acme"),
        lambda: connections.pause(home.hub, home.scope, "acme"),
        lambda: connections.setting_choices(home.hub, home.scope, "acme", "item"),
    ):
        with pytest.raises(Conflict) as refused:
            ask()
        assert refused.value.code == "not_connected"


def test_credentials_that_do_not_open_do_not_hide_the_health(home: House):
    home.connect("acme")
    connecting.start_connecting(home.hub, home.scope, "acme")
    from kable_hub.store import tables as t

    with home.hub.database.write():
        t.Credential.update(ciphertext="spoilt").execute()
    assert connections.health(home.hub, home.scope, "acme").connection.state == "active"
