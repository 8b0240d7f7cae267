"""Customers and their links, as a member of the account sees and changes them."""

import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.usecases import connecting, customers, linking, users
from kable_hub.usecases.customers import NewCustomer
from tests import stores
from tests.acme import PROVIDER
from tests.acme_simulator import AcmeSimulator
from tests.stores import migrated
from tests.usecases.house import BOOKS, Books, Provider
from tests.web.dashboard.people import Person
from tests.web.site import Site, invoice, site


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Site]:
    """Acme collects money, Books keeps books; both are connected in test."""
    url = stores.fresh_database_url("sqlite", tmp_path, prepare=migrated)
    with AcmeSimulator() as books:
        books.add_customer(name="Northwind in the books", email="pay@north.example", currency="EUR")
        given = {"KABLE_BOOKS_TEST_API_URL": books.url, "KABLE_BOOKS_LIVE_API_URL": books.url}
        for env in ("LIVE", "TEST"):
            given |= {f"KABLE_BOOKS_{env}_CLIENT_ID": "x", f"KABLE_BOOKS_{env}_WEBHOOK_SECRET": "y"}
        with site(url, tmp_path, Provider(PROVIDER), Books(BOOKS), **given) as one:
            for slug in ("acme", "books"):
                form = {"api_key": "token-1"}
                connecting.start_connecting(one.hub, of(one), slug, method="key", form=form)
            yield one


def of(one: Site) -> Scope:
    return Scope(one.account, Environment.TEST)


def make(web: Site, client_id: str = "c1", **links: str) -> str:
    """A customer; answers the start of its pages."""
    new = NewCustomer(client_id, f"Company {client_id}", "USD", f"{client_id}@x.example")
    made = customers.create_customer(web.hub, of(web), new, links)
    return f"customers/{made.customer.id}"


def text_of(page: str) -> str:
    """What a person reads of a page."""
    body = page.partition("<main")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def link_of(web: Site, client_id: str, slug: str) -> str:
    links = linking.list_links(web.hub, of(web), client_id)
    return next((one.reference for one in links if one.provider == slug), "")


def test_without_customers_the_page_says_what_to_do(member: Person):
    page = member.page("customers/")
    assert "No customers yet" in page
    assert "customers/new" in page


def test_customers_are_searched_and_filtered_with_and_without_htmx(web: Site, member: Person):
    make(web, "c1", acme="A-1")
    make(web, "c2")
    page = member.page("customers/?search=company c2")
    assert "Company c2" in page
    assert "Company c1" not in page
    part = member.get("customers/?standing=linked&provider=acme", htmx=True).text
    assert "<html" not in part
    assert "Company c1" in part
    assert "Company c2" not in part
    assert "Nobody fits" in member.page("customers/?standing=linked&provider=books")
    assert "Company c1" in member.page("customers/?standing=nonsense")


def test_long_lists_come_in_pages(web: Site, member: Person):
    for number in range(51):
        make(web, f"c{number:02}")
    page = member.page("customers/")
    assert "Company c50" in page
    assert "Company c00" not in page
    older = unescape(re.search(r'href="([^"]+)" rel="next"', page)[1])
    assert "Company c00" in member.page(older)


def test_a_customer_is_made_linked_and_created_in_one_go(web: Site, member: Person):
    given = {
        "client_id": "c1",
        "company_name": "Northwind Traders",
        "currency": "usd",
        "country": "us",
        "booksCustomerId": "https://books.example/customers/A-1",
        "create.acme": "1",
    }
    page = member.done("customers/new", given)
    assert "Northwind Traders is kept." in page
    assert link_of(web, "c1", "books") == "A-1"
    row = customers.get_customer(web.hub, of(web), "c1")
    assert (row.customer.currency, row.customer.billing_address.country) == ("USD", "US")
    assert {one.provider: one.state for one in row.links} == {"acme": "pending", "books": "linked"}


def test_a_form_that_is_refused_comes_back_with_what_was_typed(web: Site, member: Person):
    given = {"client_id": "c1", "company_name": "North", "currency": "XXZ", "acmeCustomerId": "7"}
    answer = member.post("customers/new", given)
    assert answer.status_code == 422
    assert "is not an ISO 4217 currency code" in answer.text
    assert "is no customer id of Acme" in unescape(answer.text)
    assert 'value="North"' in answer.text
    make(web, "c1")
    answer = member.post("customers/new", {**given, "currency": "USD", "acmeCustomerId": ""})
    assert answer.status_code == 409
    assert "already" in text_of(answer.text)


def test_a_customer_is_changed(web: Site, member: Person):
    home = make(web)
    assert 'value="c1@x.example"' in member.page(f"{home}/edit")
    given = {"company_name": "Südwind", "currency": "EUR", "email": "", "status": "CANCELLED"}
    assert "Südwind" in member.done(f"{home}/edit", given)
    answer = member.post(f"{home}/edit", {**given, "email": "nobody"})
    assert answer.status_code == 422
    assert "not an e-mail address" in answer.text


def test_a_customers_page_shows_its_invoices_and_where_they_are(web: Site, member: Person):
    home = make(web, "c1", acme="A-1")
    web.made("/invoices", invoice("INV-7"))
    page = text_of(member.page(f"{home}/"))
    assert "INV-7" in page
    assert "19.99\N{NO-BREAK SPACE}USD".replace("\N{NO-BREAK SPACE}", " ") in page
    assert "Acme: Queued" in page


def test_names_are_shown_as_they_are_and_never_as_markup(web: Site, member: Person):
    new = NewCustomer("x", "<script>alert(1)</script>" + "long" * 100, "USD")
    customers.create_customer(web.hub, of(web), new)
    assert "<script>alert" not in member.page("customers/")


def test_who_stands_behind_a_reference_is_shown_before_it_is_kept(web: Site, member: Person):
    home = make(web)
    pasted = "https://books.example/customers/A-1"
    page = member.page(f"{home}/integrations/books/check?reference={pasted}")
    assert "Northwind in the books" in page
    assert "in EUR" in page
    assert link_of(web, "c1", "books") == ""

    done = member.done(f"{home}/integrations/books/link", {"reference": "A-1"})

    assert link_of(web, "c1", "books") == "A-1"
    assert "Company c1 is Northwind in the books at Books." in done


def test_a_reference_behind_which_nobody_stands_says_so(web: Site, member: Person):
    home = make(web)
    wrong = member.get(f"{home}/integrations/acme/check?reference=7")
    assert (wrong.status_code, "is no customer id of Acme" in unescape(wrong.text)) == (422, True)
    nobody = member.get(f"{home}/integrations/acme/check?reference=A-99")
    assert "there is no customer A-99" in nobody.text


def test_sharing_a_counterpart_has_to_be_confirmed_and_names_who_did(web: Site, member: Person):
    make(web, "c1", acme="A-1")
    home = make(web, "c2")
    page = member.page(f"{home}/integrations/acme/check?reference=A-1")
    assert "It is linked to c1 already." in page
    refused = member.post(f"{home}/integrations/acme/link", {"reference": "A-1"})
    assert refused.status_code == 409
    assert link_of(web, "c2", "acme") == ""

    page = text_of(
        member.done(f"{home}/integrations/acme/link", {"reference": "A-1", "share": "1"})
    )

    assert "Shared with c1 Confirmed by member@shop.example" in page
    with web.hub.database.write():
        t.Link.update(confirmed_by="key_1").where(t.Link.confirmed_by != "").execute()
    assert "Confirmed by the API key key_1" in text_of(member.page(f"{home}/integrations/"))


def test_the_picker_suggests_and_searches(web: Site, member: Person):
    home = make(web)
    suggested = member.page(f"{home}/integrations/books/find")
    assert "found for c1@x.example" in suggested
    assert "check?reference=A-1" in suggested
    part = member.get(f"{home}/integrations/books/find?q=north", htmx=True).text
    assert "found for north" in part
    assert "<html" not in part
    assert "does not offer" in member.page(f"{home}/integrations/acme/find")


def test_a_customer_is_created_there_and_the_page_follows(web: Site, member: Person):
    home = make(web)
    page = member.done(f"{home}/integrations/acme/create")
    assert "On its way" in page
    assert "every 3s" in page
    part = member.get(f"{home}/integrations/?only=acme", htmx=True).text
    assert 'id="at-acme"' in part
    assert 'id="at-books"' not in part
    details = [{"value": "A-1", "label": "Northwind (A-1)"}]
    with web.hub.database.write():
        failed = {"state": "blocked", "error_code": "several_customers", "error_message": "Two fit"}
        t.Delivery.update(error_details=details, **failed).execute()
    page = member.page(f"{home}/integrations/")
    assert "Two fit" in page
    assert "Northwind (A-1)" in page
    assert "every 3s" not in page


def test_a_link_is_taken_away_only_after_a_question(web: Site, member: Person):
    home = make(web, "c1", acme="A-1")
    assert "Unlink Company c1 at Acme?" in member.page(f"{home}/integrations/acme/unlink")
    assert link_of(web, "c1", "acme") == "A-1"
    member.done(f"{home}/integrations/acme/unlink")
    assert link_of(web, "c1", "acme") == ""


def test_a_page_for_a_card_is_made_and_its_address_can_be_copied(web: Site, member: Person):
    home = make(web, "c1", acme="A-1")
    form = member.page(f"{home}/at/acme/card")
    ends = re.findall(r'name="(success|failure)"[^>]*value="([^"]+)"', form)
    page = member.done(f"{home}/at/acme/card", dict(ends))
    assert "Card page is open" in page
    assert re.search(r'<input readonly value="http', page)
    for _, url in ends:
        answer = member.client.get(url)
        assert answer.status_code == 200
    bad = member.post(f"{home}/at/acme/card", {"success": "javascript:1", "failure": "x"})
    assert bad.status_code == 422
    assert "has to be an https or http address" in bad.text


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        (["*.shop.example", "pay.shop.example"], 'value="https://pay.shop.example/"'),
        (["*.shop.example"], "Name a page of yours at *.shop.example"),
    ],
)
def test_the_accounts_own_host_is_where_a_customer_comes_back_to(web, member, hosts, shown):
    with web.hub.database.write():
        t.Account.update(return_hosts=hosts).execute()
    home = make(web, "c1", acme="A-1")
    assert shown in member.page(f"{home}/at/acme/card")


@pytest.mark.parametrize(
    ("who", "advice"), [("operator", "Set KABLE_PUBLIC_URL to"), ("member", "Ask an operator")]
)
def test_in_live_a_hub_without_https_says_so_before_a_card_page_is_asked_for(
    web, people, who, advice
):
    live = Scope(web.account, Environment.LIVE)
    connecting.start_connecting(web.hub, live, "acme", method="key", form={"api_key": "token-1"})
    new = NewCustomer("c1", "North", "USD")
    made = customers.create_customer(web.hub, live, new, {"acme": "A-1"})
    at = f"/a/{web.account}/live/customers/{made.customer.id}/at/acme/card"
    page = getattr(people, who).page(at)
    assert "In Live customers are led to https addresses alone" in page
    assert advice in page
    assert "<details open>" in page
    ends = {"success": "https://shop.example/", "failure": "https://shop.example/"}
    assert "Card page is open" in getattr(people, who).done(at, ends)


def test_settings_of_its_own_are_kept_and_taken_back(web: Site, member: Person):
    home = make(web, "c1", books="A-1")
    page = member.page(f"{home}/at/books/settings")
    assert 'placeholder="As for everybody (30)"' in page
    assert '<option value="">As for everybody (No)</option>' in page
    page = member.done(f"{home}/at/books/settings", {"f.terms": "14", "f.long": "true"})
    assert "Own settings (2)" in page
    page = member.page(f"{home}/at/books/settings")
    assert re.search(r'value="true" selected', page)
    assert "As for everybody (30)" in page
    (link,) = linking.list_links(web.hub, of(web), "c1")
    assert link.settings == {"terms": 14, "long": True}
    bad = member.post(f"{home}/at/books/settings", {"f.terms": "soon"})
    assert bad.status_code == 422
    assert "Not a valid integer" in bad.text
    member.done(f"{home}/at/books/settings", {"f.terms": "", "f.long": ""})
    (link,) = linking.list_links(web.hub, of(web), "c1")
    assert link.settings == {}


def test_earlier_invoices_go_out_once_their_count_and_sum_were_seen(web: Site, member: Person):
    home = make(web)
    for number in ("INV-1", "INV-2"):
        web.made("/invoices", invoice(number))
    linking.put_link(web.hub, of(web), "c1", "acme", "A-1")
    page = member.page(f"{home}/integrations/acme/earlier")
    assert "2 of Company c1 never went there, in all 39.98 USD" in text_of(page)
    token = re.search(r'name="confirm" value="([^"]+)"', page)[1]
    done = member.done(f"{home}/integrations/acme/earlier", {"confirm": token})
    assert "2 earlier invoices are on their way to Acme." in done
    assert member.post(f"{home}/integrations/acme/earlier", {"confirm": token}).status_code == 409
    assert "nothing to send" in member.page(f"{home}/integrations/acme/earlier")


def upload(member: Person, *rows: str):
    content = "\n".join(("clientId,provider,reference", *rows)).encode()
    return member.post("customers/bulk/preview", {"file": (io.BytesIO(content), "links.csv")})


def test_many_are_linked_from_a_file_after_a_preview(web: Site, member: Person):
    make(web, "c1")
    make(web, "c2")
    assert "clientId,provider,reference" in member.page("customers/bulk/")
    page = upload(member, "c1,acme,A-1", "c2,Books,A-1", "c3,acme,A-1").text
    assert "2 of 3 rows can be" in page
    assert "There is no customer" in unescape(page)
    assert link_of(web, "c1", "acme") == ""

    plan = unescape(re.search(r'name="plan" value="([^"]+)"', page)[1])
    done = member.post("customers/bulk/confirm", {"plan": plan})

    assert "2 of 2 rows are linked now." in done.text
    assert (link_of(web, "c1", "acme"), link_of(web, "c2", "books")) == ("A-1", "A-1")
    again = member.post("customers/bulk/confirm", {"plan": plan})
    assert "Linked already" in again.text


def test_a_shared_row_of_a_file_is_linked_only_when_it_is_ticked(web: Site, member: Person):
    make(web, "c1", acme="A-1")
    make(web, "c2")
    page = upload(member, "c2,acme,A-1").text
    plan = unescape(re.search(r'name="plan" value="([^"]+)"', page)[1])
    assert "Refused" in member.post("customers/bulk/confirm", {"plan": plan}).text
    member.post("customers/bulk/confirm", {"plan": plan, "share": "1"})
    assert link_of(web, "c2", "acme") == "A-1"


def test_what_is_no_file_of_links_is_refused_by_name(member: Person):
    answer = member.post("customers/bulk/preview", {"file": (io.BytesIO(b"a,b\n1,2"), "x.csv")})
    assert answer.status_code == 422
    assert "The first line has to name clientId" in answer.text
    assert member.post("customers/bulk/preview").status_code == 422
    for plan in ("", "{}", "[]", "[[1]]", '[["1","a","b","c","d"]]', "nonsense"):
        assert member.post("customers/bulk/confirm", {"plan": plan}).status_code == 422


PAGES = ("", "edit", "integrations/", "integrations/acme/find", "integrations/acme/unlink")
PAGES += ("integrations/acme/earlier", "at/acme/card", "at/acme/settings")


def test_another_accounts_customer_is_not_found(web: Site, people):
    home = make(web, "c1", acme="A-1")
    for page in PAGES:
        assert people.member.get(f"{home}/{page}").status_code == 200, page
        assert people.stranger.get(f"{home}/{page}").status_code == 404, page
        assert people.stranger.get(people.member.at(f"{home}/{page}")).status_code == 404, page


def test_a_provider_that_is_not_connected_is_not_found(web: Site, member: Person):
    home = make(web)
    for page in ("check?reference=A-1", "find", "unlink"):
        assert member.get(f"{home}/integrations/nowhere/{page}").status_code == 404


def test_without_a_connection_the_integrations_lead_to_one(web: Site, people):
    live = f"/a/{web.account}/live"
    new = NewCustomer("c1", "North", "USD")
    made = customers.create_customer(web.hub, Scope(web.account, Environment.LIVE), new)
    page = people.member.page(f"{live}/customers/{made.customer.id}/integrations/")
    assert page.count("No provider of this kind is connected.") == 2
    assert "No provider is connected yet" in people.member.page(f"{live}/customers/bulk/")


def test_whoever_confirmed_and_is_gone_is_named_by_what_is_left(web: Site, member: Person):
    make(web, "c1", acme="A-1")
    home = make(web, "c2")
    linking.put_link(web.hub, of(web), "c2", "acme", "A-1", confirm=True)
    assert "Confirmed by an API key" in text_of(member.page(f"{home}/integrations/"))
    assert users.find_user(web.hub, "member@shop.example")
