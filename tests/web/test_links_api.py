"""Links through the API: shown before they are kept, shared on record, offered instead."""

import pytest

from kable_hub.store import tables as t
from tests.web.site import customer


@pytest.fixture
def shop(web):
    web.connect()
    web.made("/customers", customer())
    return web


def put(shop, client_id, reference, **body):
    path = f"/customers/{client_id}/links/acme"
    return shop.call("PUT", path, {"reference": reference, **body})


def look(shop, reference, client_id="c1", **options):
    path = f"/customers/{client_id}/links/acme/lookup"
    return shop.get(path, query_string={"reference": reference}, **options)


def link(shop, client_id):
    (one,) = shop.get(f"/customers/{client_id}/links").json["items"]
    return one


def test_who_stands_behind_a_reference_is_shown_and_not_linked(shop):
    there = shop.acme.add_customer(name="Baltic Cargo", currency="EUR")
    shop.made("/customers", customer("c2", acmeCustomerId=there))
    shown = look(shop, there).json
    assert (shown["reference"], shown["title"], shown["currency"]) == (there, "Baltic Cargo", "EUR")
    assert shown["linkedTo"] == ["c2"]
    (warning,) = shown["warnings"]
    assert "USD" in warning
    assert "EUR" in warning
    assert shop.get("/customers/c1/links").json["items"] == []


@pytest.mark.parametrize(
    ("reference", "status", "code"),
    [("A-404", 422, "unknown_customer"), ("seven", 422, "validation_error")],
)
def test_a_reference_is_refused_before_it_is_linked_as_it_would_be_then(
    shop, reference, status, code
):
    for answer in (look(shop, reference), put(shop, "c1", reference)):
        assert (answer.status_code, answer.json["code"]) == (status, code)


def test_nobody_looks_up_for_a_strangers_customer_or_without_a_connection(shop):
    assert look(shop, "A-1", "c404").status_code == 404
    shop.made("/customers", customer(), key=shop.live_key)
    answer = look(shop, "A-1", key=shop.live_key)
    assert (answer.status_code, answer.json["code"]) == (409, "not_connected")


def test_a_share_is_on_record_with_who_confirmed_it_and_when(shop):
    first, second = (shop.acme.add_customer(name=name) for name in ("One", "Two"))
    shop.made("/customers", customer("c2", acmeCustomerId=first))
    assert put(shop, "c1", first).status_code == 409
    shared = put(shop, "c1", first, confirm=True).json
    with shop.hub.database.read():
        keys = {row.id for row in t.ApiKey.select().where(t.ApiKey.account_id == shop.account)}
    assert shared["confirmedBy"] in keys
    assert shared["confirmedAt"] == shared["updatedAt"]
    assert shared["sharedWith"] == ["c2"]
    assert (link(shop, "c2")["sharedWith"], link(shop, "c2")["confirmedAt"]) == (["c1"], None)
    alone = put(shop, "c1", second, confirm=True).json
    assert (alone["sharedWith"], alone["confirmedAt"], alone["confirmedBy"]) == ([], None, "")
