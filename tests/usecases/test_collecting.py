import pytest

from kable_hub.store import tables as t
from kable_hub.usecases.collecting import collect_payment_method
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
