"""Payments and Accounting: cards, connecting and back, what a person does to a connection."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.provider import Capability
from kable_hub.store import tables as t
from kable_hub.usecases import accounts
from kable_hub.web.dashboard.abilities import WORDS
from tests import stores
from tests.acme import PROVIDER, Acme
from tests.stores import migrated
from tests.web.dashboard.books import HTML, Books, connect, path_of, row
from tests.web.dashboard.people import arrive, counted
from tests.web.site import customer, invoice, site


def test_a_consent_leads_back_to_the_tab_with_the_outcome_and_makes_the_connection(shop, person):
    assert "Not connected" in person.page("payments/")
    location, page = connect(person, code="good")
    assert location == f"{person.home}/payments/"
    assert "Acme is connected." in page
    assert "Shop" in page
    assert "Acme is connected." not in person.page("payments/")
    assert row(shop).state == row(shop, environment=Environment.LIVE).state == "active"
    both = person.page("payments/acme/")
    assert "Live and Test, by one consent" in both


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"error": "access_denied"}, "Acme was not connected: the person said no"),
        ({"code": "stale"}, "Acme was not connected: the code is not valid"),
    ],
)
def test_a_denial_or_an_error_leads_back_to_the_tab_with_the_reason(shop, person, query, said):
    location, page = connect(person, **query)
    assert location == f"{person.home}/payments/"
    assert said in page
    assert "Not connected" in page


def test_who_connects_from_the_providers_page_comes_back_to_it(shop, person):
    begun = person.post("payments/acme/connect", {"method": "oauth", "from": "page"})
    assert begun.status_code == 303
    with shop.hub.database.read():
        (attempt,) = t.ConnectAttempt.select()
    assert attempt.return_to == f"{person.home}/payments/acme/"


def test_an_outcome_that_never_was_is_not_told(shop, person):
    answer = person.get("payments/?provider=acme&connected=true")
    assert answer.location == f"{person.home}/payments/"
    assert "is connected" not in person.page(answer.location)


def test_a_way_with_a_form_leads_to_it_and_back(shop, person):
    begun = person.post("payments/acme/connect", {"method": "key"})
    link = path_of(begun.location)
    form = person.get(link, headers=HTML)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form.text)[1]
    values = {"csrf_token": token, "api_key": "token-1"}
    back = person.client.post(link, data=values, headers=HTML)
    told = person.get(path_of(back.location))
    assert "Acme is connected." in person.page(told.location)
    assert row(shop).method == "key"


def test_each_tab_shows_its_kind_alone(shop, person):
    payments, accounting = person.page("payments/"), person.page("accounting/")
    assert 'id="card-acme"' in payments
    assert 'id="card-books"' not in payments
    assert 'id="card-books"' in accounting
    assert 'id="card-acme"' not in accounting
    assert person.get("payments/books/").status_code == 404
    assert person.post("payments/books/connect").status_code == 404
    assert person.get("payments/nobody/").status_code == 404


def test_a_connection_is_paused_and_resumed_by_hand(shop, person):
    connect(person, code="good")
    page = person.done("payments/acme/pause", {"reason": "year end"})
    assert "Paused: nothing is sent to Acme until you resume." in page
    assert "Paused: year end." in page
    assert row(shop).pauses == {"operator": "year end"}
    page = person.done("payments/acme/resume")
    assert "Resumed: Acme is sent what waits for it." in page
    assert row(shop).state == "active"


def test_a_check_tells_that_it_works_or_why_not(shop, person):
    connect(person, code="good")
    assert "Acme answers: the connection works." in person.done("payments/acme/check")
    shop.acme.revoked = True
    page = person.done("payments/acme/check")
    assert "access was taken back" in page
    assert 'role="alert"' in page


def test_disconnecting_asks_first_and_says_what_ended(shop, person):
    connect(person, code="good")
    asked = person.page("payments/acme/disconnect")
    assert "Live lives on the same consent and stays connected." in asked
    assert row(shop).state == "active"
    page = person.done("payments/acme/disconnect")
    assert "Acme is disconnected." in page
    assert "Shop was disconnected." in page
    assert row(shop).state == "disconnected"
    assert person.get("payments/acme/disconnect").location == f"{person.home}/payments/acme/"


def test_what_still_stands_at_the_provider_is_said_when_it_ends(shop, person):
    connect(person, code="good")
    live = person.home.replace("/test", "/live")
    person.done(f"{live}/payments/acme/disconnect")
    shop.acme.revoked = True
    page = person.done("payments/acme/disconnect")
    assert "take the access back at Acme yourself" in page


def test_nothing_can_be_done_to_what_is_not_connected(shop, person):
    for action in ("check", "pause", "resume", "disconnect", "settings"):
        assert person.post(f"payments/acme/{action}").status_code == 404, action


def test_counts_lead_to_the_invoices_they_count(shop, person):
    shop.connect()
    shop.made("/customers", customer())
    shop.call("PUT", "/customers/c1/links/acme", {"reference": "A-1"})
    for number in ("1", "2"):
        shop.made("/invoices", invoice(number))
    for path in ("payments/", "payments/acme/"):
        page = person.page(path)
        link = re.search(r'href="([^"]*invoices/\?[^"]*)"', page)[1].replace("&amp;", "&")
        assert parse_qs(urlsplit(link).query) == {"provider": ["acme"], "state": ["due"]}
        assert "came due" in page


def test_the_webhook_address_is_there_to_copy(shop, person):
    shop.connect()
    token = row(shop).webhook_token
    assert f"/webhooks/acme/{token}" in person.page("payments/acme/")
    assert token not in person.page("payments/")


def test_what_waits_for_a_new_consent_says_so(shop, person):
    shop.connect()
    with shop.hub.database.write():
        t.Connection.update(state="paused", pauses={"reconnect": "the access was ended"}).execute()
    page = person.page("payments/")
    assert "Paused: the access was ended." in page
    assert "Connect again" in page


def test_on_plan_free_the_cards_say_why_not_and_what_to_do(shop, person):
    accounts.set_plan(shop.hub, shop.account, "free")
    page = person.page("payments/")
    assert "Ask your operator to change the plan." in page
    assert 'id="card-acme"' in page
    assert "/acme/connect" not in page
    refused = person.done("payments/acme/connect", {"method": "oauth"})
    assert "Connecting a provider needs the plan paid." in refused
    operator = arrive(shop, "op@hub.example", None, person.home)
    assert f'href="{person.home}/settings/">Change the plan' in operator.page("payments/")
    accounts.set_plan(shop.hub, shop.account, "paid")
    assert "/acme/connect" in person.page("payments/")


def test_a_provider_that_is_not_set_up_names_the_variables(tmp_path):
    url = stores.fresh_database_url("sqlite", tmp_path, prepare=migrated)
    with site(url, tmp_path, KABLE_ACME_TEST_CLIENT_ID="") as one:
        person = arrive(one, "m@shop.example", one.account, f"/a/{one.account}/test")
        for path in ("payments/", "payments/acme/"):
            page = person.page(path)
            assert page.count("<code>KABLE_ACME_TEST_CLIENT_ID</code>") == 1
            assert "<strong>Connect, Use a key</strong> are not set up for test." in page
            assert "/acme/connect" not in page
        refused = person.done("payments/acme/connect", {"method": "oauth"})
        assert "KABLE_ACME_TEST_CLIENT_ID" in refused
    stores.drop_database(url)


def test_a_quarantined_plugin_is_told_to_operators_with_its_reason(shop, person):
    operator = arrive(shop, "op@hub.example", None, person.home)
    shop.hub.registry = Registry.of(Acme(), object())
    (report,) = [one for one in shop.hub.registry.reports if one.state == "quarantined"]
    for path in ("payments/", "accounting/"):
        assert "Quarantined" in person.page(path)
        assert "Your operator can see why" in person.page(path)
        assert report.reason[1:20] in operator.page(path)


def test_a_connection_whose_plugin_is_away_still_has_a_card_and_can_be_ended(shop, person):
    shop.connect()
    shop.hub.registry = Registry.of(Books())
    assert "Its plugin is away" in person.page("payments/")
    assert "Its plugin is away" in person.page("payments/acme/")
    assert "is disconnected" in person.done("payments/acme/disconnect")


def test_a_tab_reads_the_same_few_rows_for_any_number_of_providers(shop, person):
    shop.connect()
    with counted(shop.hub) as said:
        person.page("payments/")
    shop.hub.registry = Registry.of(*(Acme(replace(PROVIDER, slug=one)) for one in "abcdef"))
    with counted(shop.hub) as many:
        page = person.page("payments/")
    assert page.count('class="provider"') == 7
    assert len(said) == len(many) <= 12


def test_every_ability_has_its_words():
    assert set(WORDS) == set(Capability)


def test_no_template_names_a_provider(shop):
    from importlib.metadata import entry_points

    import kable_hub.web

    names = {"acme", "books"}
    for point in entry_points(group="kable_hub.providers"):
        provider = point.load().provider()
        names |= {provider.slug.lower(), provider.title.lower()}
    folder = Path(kable_hub.web.__file__).parent
    files = [*folder.glob("templates/**/*.html"), *folder.glob("dashboard/**/*.py")]
    assert len(files) > 20
    named = {
        (file.name, name)
        for file in files
        for name in names - {"books"}
        if re.search(rf"\b{re.escape(name)}\b", file.read_text().lower())
    }
    assert named == set()
