from dataclasses import replace

import pytest

from kable_hub import Credentials, Environment, Kind
from kable_hub.plugins import Registry
from kable_hub.usecases import cards, connecting, connections
from kable_hub.usecases.errors import NotFound
from tests.usecases.house import House, ticket_of

KEYS = {one: Credentials({"token": "token-1", "refresh": ""}) for one in Environment}


def shown(home: House, slug: str = "acme", scope=None, kind: Kind = Kind.PAYMENTS) -> cards.Card:
    return cards.card(home.hub, scope or home.scope, kind, slug)


def test_every_installed_provider_of_the_kind_has_a_card_and_no_other(home: House):
    listed = cards.cards(home.hub, home.scope, Kind.PAYMENTS)
    assert [(one.slug, one.state) for one in listed] == [
        ("acme", "not_connected"),
        ("beta", "not_connected"),
    ]
    with pytest.raises(NotFound):
        shown(home, "books")


def test_a_card_counts_what_its_own_connection_has_to_do(home: House):
    home.connect("acme")
    home.connect("books")
    home.customer("c1", "acme", "books")
    first, second = home.invoice(), home.invoice()
    late = home.hub.now() - 60_000
    both = {one.provider: one.id for one in second.deliveries}
    home.force(both["books"], state="delivered")
    at = {one.provider: one.id for one in first.deliveries}
    home.force(at["acme"], due_at=late)
    home.force(at["books"], due_at=late + 5)

    acme, books = shown(home), shown(home, "books", kind=Kind.ACCOUNTING)

    assert (acme.counts, acme.oldest_due) == ({"due": 2}, late)
    assert (books.counts, books.oldest_due) == ({"due": 1, "delivered": 1}, late + 5)
    assert shown(home, scope=home.live).counts == {}
    assert acme.webhook_url == connections.health(home.hub, home.scope, "acme").webhook_url


def test_a_grant_for_both_environments_shows_its_twin_while_both_stand(at_home: House):
    home = at_home
    home.acme.granted = lambda grant: replace(grant, environments=KEYS, shared=True)
    home.connect("acme", home.live)
    twin = shown(home).twin
    assert twin is not None
    assert twin.scope == home.live
    connections.disconnect(home.hub, home.live, "acme", by_person=True)
    assert shown(home).twin is None
    assert shown(home, scope=home.live).twin is None


def test_who_connects_again_goes_the_way_that_was_taken_before(at_home: House):
    assert shown(at_home).way_back.method.name == "oauth"
    at_home.connect("acme")
    assert shown(at_home).way_back.method.name == "key"


def test_access_that_ends_within_thirty_days_is_said_to(at_home: House):
    day = 86_400
    home = at_home
    for days, soon in ((40, False), (29, True)):
        end = home.clock.now().timestamp() + days * day
        when = type(home.clock.now()).fromtimestamp(end, home.clock.now().tzinfo)
        secrets = Credentials({"token": "token-1", "refresh": ""}, reconnect_by=when)
        home.acme.granted = lambda grant, one=secrets: replace(
            grant, environments=dict.fromkeys(grant.environments, one)
        )
        home.connect("acme")
        assert shown(home).ends_soon is soon


def test_a_connection_whose_plugin_is_away_keeps_its_card(at_home: House):
    at_home.connect("acme")
    at_home.hub.registry = Registry.of(at_home.beta)
    card = shown(at_home)
    assert (card.provider, card.state, card.ways) == (None, "active", ())
    assert not card.can("check_connection")


def test_a_plugin_that_was_not_admitted_is_told_with_its_reason(at_home: House):
    at_home.hub.registry = Registry.of(at_home.beta, object())
    (report,) = cards.unusable_plugins(at_home.hub)
    assert report.state == "quarantined"
    assert report.reason


def test_the_last_dialogue_tells_how_it_ended(home: House):
    assert cards.last_dialogue(home.hub, home.scope, "acme") is None
    for query, outcome in (({"error": "denied"}, "access_denied"), ({"code": "good"}, "connected")):
        opened, state = home.begin(by_person=True)
        home.clock.advance(1)
        connecting.finish(home.hub, "acme", {"state": state, **query}, opened.browser_secret)
        last = cards.last_dialogue(home.hub, home.scope, "acme")
        assert last is not None
        assert last.outcome == outcome
    assert cards.last_dialogue(home.hub, home.live, "acme") is None
    assert cards.last_dialogue(home.hub, home.scope, "beta") is None


def test_a_dialogue_under_way_has_not_ended(home: House):
    started = connecting.start_connecting(home.hub, home.scope, "acme", by_person=True)
    connecting.open_ticket(home.hub, ticket_of(started))
    assert cards.last_dialogue(home.hub, home.scope, "acme") is None
