"""The public reconnect address: whoever opens it renews what stands, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from kable_hub import Credentials, Environment, Transient
from kable_hub.clock import epoch_ms
from kable_hub.plugins import Registry
from kable_hub.store import pauses
from kable_hub.store import tables as t
from kable_hub.store.credentials import load_credentials
from kable_hub.usecases import accounts, connecting, connections, expiry, reconnecting
from kable_hub.usecases.errors import Conflict, Crowded, Invalid, NotFound, Unavailable
from tests import stores
from tests.conftest import need_postgres
from tests.usecases.house import House, house, ticket_of

LIVE, TEST = Environment.LIVE, Environment.TEST
DAY = 86_400


def granting(home, external_id="shop", *environments, end=None, shared=False):
    """Let Acme grant this account from now on, by tokens that say so."""

    def grant(given):
        tokens = {
            one: Credentials({"token": f"new-{one}", "refresh": ""}, reconnect_by=end)
            for one in environments or (TEST,)
        }
        return replace(given, external_id=external_id, environments=tokens, shared=shared)

    home.acme.granted = grant


def by_consent(home: House, scope=None, external_id="shop", end=None):
    """Connect by the provider's consent page, in test alone; its token is `token-1`."""
    scope = scope or home.scope
    tokens = {TEST: Credentials({"token": "token-1", "refresh": ""}, reconnect_by=end)}
    home.acme.granted = lambda grant: replace(grant, external_id=external_id, environments=tokens)
    started = connecting.start_connecting(home.hub, scope, "acme")
    opened = connecting.open_ticket(home.hub, ticket_of(started))
    query = {"state": opened.redirect_url.partition("state=")[2], "code": "good"}
    (row,) = connecting.finish(home.hub, "acme", query, opened.browser_secret).connections
    return row


def walk(home: House, slug="acme", **named):
    """A browser that nobody knows walks from the address to the provider and back."""
    started = reconnecting.start_reconnecting(home.hub, slug, **named)
    opened = connecting.open_ticket(home.hub, ticket_of(started))
    state = opened.redirect_url.partition("state=")[2]
    query = {"state": state, "code": "good"}
    return connecting.finish(home.hub, slug, query, opened.browser_secret)


def token(home: House, row):
    with home.hub.database.read():
        stored = load_credentials(home.hub.database, home.hub.vault, row.scope, row.id)
    return stored.credentials.secrets["token"]


def lost(home: House, row):
    with home.hub.database.write():
        pauses.pause(row.scope, row.id, "reconnect", "access was taken back", 0)
        pauses.pause(row.scope, row.id, "operator", "a person wants it so", 0)


def test_the_link_of_a_connection_renews_it_and_ends_what_paused_it(home: House):
    row = by_consent(home)
    home.customer("c1", "acme")
    lost(home, row)
    granting(home)
    outcome = walk(home, connection=row.id)
    assert outcome.ok
    assert [one.id for one in outcome.connections] == [row.id]
    after = home.connection("acme")
    assert (after.pauses, token(home, after)) == ({"operator": "a person wants it so"}, "new-test")
    assert home.acme.asked[-1].external_id == "shop"
    assert home.due_at("acme") is not None


def test_another_account_is_refused_without_a_word_of_whose_it_would_have_been(home: House):
    row = by_consent(home)
    granting(home, "another shop")
    outcome = walk(home, connection=row.id)
    assert (outcome.ok, outcome.code, outcome.connections) == (False, "different_account", ())
    assert row.title not in outcome.message
    assert token(home, home.connection("acme")) == "token-1"


def test_a_link_that_names_nothing_is_told_apart_only_by_nothing(home: House):
    row = by_consent(home)
    granting(home, "another shop")
    told = {walk(home, connection=row.id).message, walk(home, connection="con_0").message}
    assert len(told) == 1
    granting(home)
    assert walk(home, connection="con_0", environment="test").code == "different_account"
    assert token(home, home.connection("acme")) == "token-1"


def test_the_link_of_one_connection_renews_no_other(at_home: House):
    home = at_home
    first = by_consent(home)
    stranger = home.other_account()
    theirs = by_consent(home, stranger, "their shop")
    granting(home, "their shop")
    assert walk(home, connection=first.id).code == "different_account"
    assert token(home, theirs) == "token-1"
    assert walk(home, connection=theirs.id).ok
    assert token(home, theirs) == "new-test"


def test_the_address_without_a_connection_renews_what_the_granted_account_holds(at_home: House):
    home = at_home
    row = by_consent(home)
    granting(home)
    assert walk(home, environment="test").ok
    assert token(home, row) == "new-test"
    assert home.acme.asked[-1].external_id == ""


def test_a_connection_that_was_ended_has_no_link_and_is_not_brought_back(at_home: House):
    home = at_home
    row = by_consent(home)
    assert reconnecting.reconnect_url(home.hub, row).endswith(
        f"/connect/acme/reconnect?connection={row.id}"
    )
    ended = connections.disconnect(home.hub, home.scope, "acme")
    assert reconnecting.reconnect_url(home.hub, ended) == ""
    granting(home)
    for named in ({"connection": row.id, "environment": "test"}, {"environment": "test"}):
        assert walk(home, **named).code == "different_account"
    assert home.connection("acme").state == "disconnected"


def test_an_ending_during_the_dialogue_wins(at_home: House):
    home = at_home
    row = by_consent(home)
    started = reconnecting.start_reconnecting(home.hub, "acme", connection=row.id)
    opened = connecting.open_ticket(home.hub, ticket_of(started))
    connections.disconnect(home.hub, home.scope, "acme")
    granting(home)
    query = {"state": opened.redirect_url.partition("state=")[2], "code": "good"}
    assert not connecting.finish(home.hub, "acme", query, opened.browser_secret).ok
    assert home.connection("acme").state == "disconnected"


def test_nobody_begins_a_connection_by_it(at_home: House):
    granting(at_home)
    assert walk(at_home, environment="test").code == "different_account"
    assert connections.list_connections(at_home.hub, at_home.scope) == ()


def test_the_free_plan_reconnects_no_more_than_it_connects(at_home: House):
    row = by_consent(at_home)
    accounts.set_plan(at_home.hub, at_home.account, "free")
    granting(at_home)
    assert walk(at_home, connection=row.id).code == "paid_plan_required"


def both_connected(home: House):
    granting(home, "shop", LIVE, TEST, shared=True)
    started = connecting.start_connecting(home.hub, home.live, "acme")
    opened = connecting.open_ticket(home.hub, ticket_of(started))
    query = {"state": opened.redirect_url.partition("state=")[2], "code": "good"}
    assert connecting.finish(home.hub, "acme", query, opened.browser_secret).ok
    return home.connection("acme", home.live), home.connection("acme")


def test_a_shared_grant_is_renewed_as_a_whole_by_either_link(at_home: House):
    live, test = both_connected(at_home)
    for one in (live, test):
        outcome = walk(at_home, connection=one.id)
        assert [row.id for row in outcome.connections] == [live.id, test.id]


def test_a_renewal_brings_back_no_other_environment(at_home: House):
    live, test = both_connected(at_home)
    connections.disconnect(at_home.hub, at_home.scope, "acme", by_person=True)
    outcome = walk(at_home, connection=live.id)
    assert [row.id for row in outcome.connections] == [live.id]
    assert at_home.connection("acme").state == "disconnected"
    assert test.shared


def test_a_renewal_in_test_leaves_live_alone(at_home: House):
    live, test = both_connected(at_home)
    at_home.acme.granted = lambda grant: replace(
        grant,
        environments={one: Credentials({"token": "x", "refresh": ""}) for one in (LIVE, TEST)},
    )
    outcome = walk(at_home, environment="test")
    assert [row.id for row in outcome.connections] == [test.id]
    assert token(at_home, live) == "new-live"


def test_a_connection_by_a_pasted_key_is_renewed_by_a_pasted_key(at_home: House):
    home = at_home
    row = home.connect("acme")
    started = reconnecting.start_reconnecting(home.hub, "acme", connection=row.id)
    assert started.form.title == "Paste your key"
    ticket = ticket_of(started)
    opened = connecting.open_ticket(home.hub, ticket)
    outcome = connecting.answer_form(
        home.hub, ticket, opened.browser_secret, {"api_key": "token-2"}
    )
    assert outcome.ok
    assert token(home, row) == "token-2"


def test_what_cannot_be_begun_says_why(at_home: House):
    hub = at_home.hub
    with pytest.raises(NotFound):
        reconnecting.start_reconnecting(hub, "nowhere")
    with pytest.raises(Invalid) as refused:
        reconnecting.start_reconnecting(hub, "acme", environment="prod")
    assert refused.value.errors[0].field == "environment"
    at_home.acme.fails["connect"] = Transient("it is away")
    with pytest.raises(Unavailable):
        reconnecting.start_reconnecting(hub, "acme")


def test_a_crowd_waits_and_is_forgotten_with_its_time(at_home: House, monkeypatch):
    monkeypatch.setattr(reconnecting, "CROWD", 2)
    for _ in range(2):
        reconnecting.start_reconnecting(at_home.hub, "acme")
    with pytest.raises(Crowded) as refused:
        reconnecting.start_reconnecting(at_home.hub, "acme")
    assert (refused.value.status, refused.value.extras) == (429, {"retryAfter": 120})
    reconnecting.start_reconnecting(at_home.hub, "acme", environment="test")
    at_home.clock.advance(601)
    reconnecting.start_reconnecting(at_home.hub, "acme")
    with at_home.hub.database.read():
        assert t.ConnectAttempt.select().where(t.ConnectAttempt.environment == "live").count() == 1


# --- access that ends by itself ------------------------------------------------------------------


def connected_until(home: House, days: float):
    end = home.clock.now() + timedelta(days=days)
    return by_consent(home, end=end), end


def warnings(home: House):
    row = connections.get_connection(home.hub, home.scope, "acme")
    return expiry.warned(home.hub, row).warnings


def test_an_end_is_warned_of_thirty_days_ahead_and_after(home: House, caplog):
    caplog.set_level("WARNING")
    row, end = connected_until(home, 31)
    watch = expiry.Watch(home.hub)
    watch.look()
    assert (warnings(home), expiry.soon_to_reconnect(home.hub)) == ((), 0)
    home.clock.advance(1.5 * DAY)
    (told,) = warnings(home)
    assert told == (
        f"The access ends on {end.date()}: connect again at "
        f"{reconnecting.reconnect_url(home.hub, row)}"
    )
    assert connections.get_connection(home.hub, home.scope, "acme").reconnect_by == epoch_ms(end)
    assert expiry.soon_to_reconnect(home.hub) == 1
    for _ in range(2):
        watch.look()
    home.clock.advance(30 * DAY)
    assert "The access ended on" in warnings(home)[0]
    for _ in range(2):
        watch.look()
    lines = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert [one.partition("The access ")[2][:5] for one in lines] == ["ends ", "ended"]


def test_reconnecting_or_ending_takes_the_warning_away(at_home: House):
    row, _ = connected_until(at_home, 3)
    assert warnings(at_home)
    granting(at_home)
    assert walk(at_home, connection=row.id).ok
    assert (warnings(at_home), expiry.soon_to_reconnect(at_home.hub)) == ((), 0)
    connected_until(at_home, 3)
    connections.disconnect(at_home.hub, at_home.scope, "acme")
    assert (warnings(at_home), expiry.soon_to_reconnect(at_home.hub)) == ((), 0)


def test_access_that_ends_when_it_is_not_used_is_used_before(at_home: House):
    end = at_home.clock.now() + timedelta(days=3)
    at_home.acme.granted = lambda grant: replace(
        grant,
        environments={TEST: Credentials({"token": "t", "refresh": "refresh-1"}, reconnect_by=end)},
    )
    row = at_home.connect("acme")
    with at_home.hub.database.write():
        pauses.pause(row.scope, row.id, "plan", "the plan is free", 0)
    expiry.Watch(at_home.hub).look()
    assert token(at_home, row) in at_home.at["acme"].tokens
    assert (warnings(at_home), at_home.connection("acme").pauses.keys()) == ((), {"plan"})


def test_a_refusal_to_keep_it_alive_pauses_and_is_no_crash(at_home: House, caplog):
    connected_until(at_home, 3)
    watch = expiry.Watch(at_home.hub)
    with caplog.at_level("INFO"):
        watch.look()
        assert at_home.connection("acme").pauses.keys() == {"reconnect"}
        watch.look()
    assert sum("kept alive" in one.getMessage() for one in caplog.records) == 1


def test_a_provider_whose_plugin_is_gone_is_warned_of_all_the_same(at_home: House):
    connected_until(at_home, 3)
    at_home.hub.registry = Registry.of()
    expiry.Watch(at_home.hub).look()
    assert warnings(at_home)
    with pytest.raises(NotFound):
        reconnecting.start_reconnecting(at_home.hub, "acme")


def test_a_provider_that_is_not_set_up_says_so_without_its_variables(tmp_path):
    gap = {"KABLE_ACME_LIVE_CLIENT_ID": ""}
    with house(f"sqlite:///{tmp_path}/other.db", tmp_path, **gap) as bare:
        with pytest.raises(Conflict) as refused:
            reconnecting.start_reconnecting(bare.hub, "acme", environment="live")
        assert str(refused.value) == "Acme is not set up here for live."
        assert reconnecting.start_reconnecting(bare.hub, "acme").connect_url


def test_an_ending_that_is_committed_between_two_looks_wins(tmp_path):
    need_postgres()
    url = stores.fresh_database_url("postgres", tmp_path, prepare=stores.migrated)
    with house(url, tmp_path) as home, psycopg.connect(url) as other, ThreadPoolExecutor(1) as one:
        row = by_consent(home)
        granting(home)
        other.execute("UPDATE connection SET state = 'disconnected'")
        outcome = one.submit(walk, home, connection=row.id, environment="test")
        waiting = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with psycopg.connect(url, autocommit=True) as watch:
            while not (watch.execute(waiting).fetchone() or (0,))[0] and not outcome.done():
                watch.execute("SELECT pg_sleep(0.01)")
        other.commit()
        assert (outcome.result().ok, outcome.result().code) == (False, "different_account")
        assert home.connection("acme").state == "disconnected"
    stores.drop_database(url)
