import pytest

from kable_hub.store import pages
from kable_hub.store import tables as t
from kable_hub.usecases import accounts
from kable_hub.usecases.collecting import collect_payment_method, payment_methods
from kable_hub.usecases.errors import Conflict, Invalid, NotFound
from tests.usecases.house import House

BACK = ("https://shop.example/thanks", "https://shop.example/sorry")


def test_a_linked_customer_gets_a_short_lived_page(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    page = collect_payment_method(home.hub, home.scope, "c1", *BACK)
    assert page.url == "https://acme.example/pages/1"
    assert page.expires_at > home.hub.clock.now()
    assert home.at["acme"].pages == [{"customer": "A-1", "back": list(BACK)}]


def test_an_unlinked_customer_has_no_page(home: House):
    home.connect("acme")
    home.customer("c1")
    with pytest.raises(Conflict) as refused:
        collect_payment_method(home.hub, home.scope, "c1", *BACK)
    assert refused.value.code == "not_linked"
    with pytest.raises(NotFound):
        collect_payment_method(home.hub, home.scope, "nobody", *BACK)


@pytest.mark.parametrize("url", ["", "shop.example", "ftp://shop.example", "https://", "ja\nva:x"])
def test_a_bad_address_to_come_back_to_is_named(home: House, url: str):
    with pytest.raises(Invalid) as refused:
        collect_payment_method(home.hub, home.scope, "c1", BACK[0], url)
    assert [one.field for one in refused.value.errors] == ["failureUrl"]


def test_an_address_beside_the_accounts_hosts_is_refused(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    accounts.change_account(home.hub, home.account, return_hosts=["other.example"])
    with pytest.raises(Invalid) as refused:
        collect_payment_method(home.hub, home.scope, "c1", *BACK)
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("successUrl", "host_not_allowed"),
        ("failureUrl", "host_not_allowed"),
    ]
    accounts.change_account(home.hub, home.account, return_hosts=["shop.example"])
    assert collect_payment_method(home.hub, home.scope, "c1", *BACK).url


def test_hosts_are_kept_once_and_in_lower_case_and_forgotten_again(home: House):
    hosts = ["Shop.Example", "shop.example", "*.SHOP.example"]
    row = accounts.change_account(home.hub, home.account, return_hosts=hosts)
    assert row.return_hosts == ("shop.example", "*.shop.example")
    assert accounts.change_account(home.hub, home.account, plan="paid") == row
    assert accounts.change_account(home.hub, home.account, return_hosts=[]).return_hosts == ()
    with pytest.raises(NotFound):
        accounts.change_account(home.hub, "acc_0", return_hosts=[])
    with pytest.raises(Invalid) as refused:
        accounts.change_account(home.hub, home.account, "gold", ["x.example"] * 51)
    assert [one.field for one in refused.value.errors] == ["plan", "returnHosts"]


def test_the_page_is_shown_until_it_dies(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    (before,) = payment_methods(home.hub, home.scope, "c1")
    assert (before.provider, before.ready, before.page) == ("acme", None, None)
    page = collect_payment_method(home.hub, home.scope, "c1", *BACK)
    (one,) = payment_methods(home.hub, home.scope, "c1")
    assert (one.page.state, one.page.url, one.page.completed_at) == ("open", page.url, None)
    assert page.url not in repr(one)
    with home.hub.database.read():
        assert page.url not in t.HostedPage.get().url
    home.clock.advance(1801)
    (late,) = payment_methods(home.hub, home.scope, "c1")
    assert (late.page.state, late.page.url) == ("expired", "")


def test_a_page_for_another_counterpart_is_not_shown(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    collect_payment_method(home.hub, home.scope, "c1", *BACK)
    home.link("c1", "acme")
    assert payment_methods(home.hub, home.scope, "c1")[0].page is None


def test_pages_are_forgotten_a_month_after_they_died(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    collect_payment_method(home.hub, home.scope, "c1", *BACK)
    with home.hub.database.write():
        dies = t.HostedPage.get().expires_at
        assert pages.forget_before(dies) == 0
        assert pages.forget_before(dies + 1) == 1


def test_live_takes_https_alone(home: House):
    plain = "http://shop.example/thanks"
    with pytest.raises(Invalid) as refused:
        collect_payment_method(home.hub, home.live, "c1", plain, plain)
    assert [one.field for one in refused.value.errors] == ["successUrl", "failureUrl"]


def test_nothing_is_asked_for_before_the_customer_stands_there(home: House):
    home.connect("acme")
    home.customer("c1", "acme")

    with home.hub.database.write():
        t.Link.update(state="pending").execute()
    with pytest.raises(Conflict) as refused:
        collect_payment_method(home.hub, home.scope, "c1", *BACK)
    assert refused.value.code == "link_pending"
