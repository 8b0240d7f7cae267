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


def bulk(shop, *rows, dry_run=False, **body):
    links = [dict(zip(("clientId", "provider", "reference"), one, strict=True)) for one in rows]
    query = {"dryRun": "true"} if dry_run else {}
    return shop.post("/links/bulk", {"links": links, **body}, query_string=query)


def states(answer):
    return [(one["index"], one["code"] or one["state"]) for one in answer.json["results"]]


def test_a_dry_run_of_many_links_shows_who_stands_there_and_writes_nothing(shop):
    shop.made("/customers", customer("c2"))
    one, two = (shop.acme.add_customer(name=name) for name in ("One", "Two"))
    rows = [("c1", "acme", one), ("c2", "Acme", two), ("c3", "acme", one), ("c1", "nowhere", "x")]
    answer = bulk(shop, *rows, dry_run=True)
    assert answer.status_code == 200
    assert states(answer) == [(0, "ready"), (1, "ready"), (2, "not_found"), (3, "not_found")]
    assert answer.json["refused"] == 2
    assert [found["title"] for found in answer.json["results"]] == ["One", "Two", "", ""]
    assert answer.json["results"][1]["provider"] == "acme"
    for client_id in ("c1", "c2"):
        assert shop.get(f"/customers/{client_id}/links").json["items"] == []


def test_many_links_are_made_each_by_itself_and_repeated_without_effect(shop):
    shop.made("/customers", customer("c2"))
    one = shop.acme.add_customer(name="One")
    rows = [("c1", "acme", one), ("c2", "acme", one), ("c9", "acme", one)]
    assert states(bulk(shop, *rows)) == [(0, "linked"), (1, "reference_in_use"), (2, "not_found")]
    assert link(shop, "c1")["reference"] == one
    answer = bulk(shop, *rows, confirm=True)
    assert states(answer) == [(0, "unchanged"), (1, "linked"), (2, "not_found")]
    assert link(shop, "c2")["sharedWith"] == ["c1"]
    assert link(shop, "c2")["confirmedBy"].startswith("key_")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"links": []}, "links"),
        ({"links": [{"clientId": "c1", "provider": "acme", "reference": "A-1"}] * 201}, "links"),
        ({"links": [{"clientId": "c1", "provider": "acme"}]}, "links.0.reference"),
        ({}, "links"),
    ],
)
def test_a_bulk_of_links_that_cannot_be_read_names_the_field(shop, body, field):
    answer = shop.post("/links/bulk", body)
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json["errors"]} == {field}
