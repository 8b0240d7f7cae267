"""Customers and their links, as a caller sees them."""

import pytest

from tests.web.site import customer, invoice


@pytest.fixture
def shop(web_on_both):
    web_on_both.connect()
    return web_on_both


def test_a_customer_is_made_found_and_listed(web_on_both):
    web = web_on_both
    address = {"line1": "1 Main St", "city": "Springfield", "country": "US"}
    answer = web.post("/customers", customer(email="pay@example.com", billingAddress=address))
    assert answer.status_code == 201
    made = answer.json
    assert made["billingAddress"]["city"] == "Springfield"
    assert (made["status"], made["links"]) == ("ACTIVE", [])
    assert answer.headers["Location"] == f"/api/v1/customers/{made['id']}"
    assert web.get(f"/customers/{made['id']}").json == made
    assert web.get("/customers/c1").json == made
    assert web.get("/customers?clientId=c1").json["items"] == [made]
    assert web.get("/customers?status=CANCELLED").json["items"] == []


def test_a_customer_is_linked_by_the_providers_own_field(shop):
    made = shop.made("/customers", customer(acmeCustomerId="https://acme.example/customers/A-1"))
    link = made["links"][0]
    assert (link["provider"], link["state"], link["reference"]) == ("acme", "linked", "A-1")


def test_a_customer_is_created_at_the_provider_by_its_parameter(shop):
    made = shop.made("/customers?acme=true", customer())
    assert [one["state"] for one in made["links"]] == ["pending"]


def test_creating_is_ignored_where_a_reference_is_given(shop):
    made = shop.made("/customers?acme=true", customer(acmeCustomerId="A-1"))
    assert [one["state"] for one in made["links"]] == ["linked"]


def test_creating_without_a_connection_is_refused_and_makes_nothing(web):
    answer = web.post("/customers?acme=true", customer())
    assert answer.status_code == 422
    assert "not_connected" in {one["code"] for one in answer.json["errors"]}
    assert web.get("/customers").json["items"] == []


def test_fields_of_providers_that_are_not_there_are_refused_by_name(web):
    answer = web.post("/customers", customer(nobodyCustomerId="7"))
    assert answer.json["errors"][0]["field"] == "nobodyCustomerId"
    assert web.post("/customers?nobody=true", customer()).status_code == 422


def test_a_taken_client_id_is_refused(shop):
    shop.made("/customers", customer())
    answer = shop.post("/customers", customer())
    assert (answer.status_code, answer.json["code"]) == (409, "duplicate_client_id")


def test_a_customer_is_changed(web_on_both):
    web = web_on_both
    web.made("/customers", customer())
    answer = web.call("PATCH", "/customers/c1", {"status": "CANCELLED", "email": "a@example.com"})
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["email"]) == ("CANCELLED", "a@example.com")
    fixed = web.call("PATCH", "/customers/c1", {"clientId": "c2"})
    assert (fixed.status_code, fixed.json["code"]) == (409, "client_id_immutable")


def test_somebody_elses_customer_is_not_found(web):
    made = web.made("/customers", customer())
    assert web.get(f"/customers/{made['id']}", key=web.live_key).status_code == 404
    assert web.get("/customers/c1/links", key=web.live_key).status_code == 404


def test_a_link_is_put_listed_and_removed(shop):
    shop.made("/customers", customer())
    put = shop.call("PUT", "/customers/c1/links/acme", {"reference": "A-1"})
    assert (put.status_code, put.json["reference"]) == (200, "A-1")
    assert shop.get("/customers/c1/links").json["items"] == [put.json]
    assert shop.call("DELETE", "/customers/c1/links/acme").status_code == 204
    assert shop.get("/customers/c1/links").json["items"] == []


def test_a_reference_that_is_none_is_refused_at_its_field(shop):
    shop.made("/customers", customer())
    answer = shop.call("PUT", "/customers/c1/links/acme", {"reference": "nonsense"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "reference")


def test_a_reference_in_use_needs_confirmation(shop):
    shop.made("/customers", customer(acmeCustomerId="A-1"))
    shop.made("/customers", customer("c2"))
    body = {"reference": "A-1"}
    assert shop.call("PUT", "/customers/c2/links/acme", body).json["code"] == "reference_in_use"
    sure = shop.call("PUT", "/customers/c2/links/acme", {**body, "confirm": True})
    assert sure.status_code == 200


def test_a_counterpart_is_created_on_request(shop):
    shop.made("/customers", customer())
    answer = shop.post("/customers/c1/links/acme/create")
    assert (answer.status_code, answer.json["state"]) == (201, "pending")
    assert answer.headers["Location"] == "/api/v1/customers/c1/links/acme"


def test_earlier_invoices_are_counted_before_they_are_pushed(shop):
    shop.made("/customers", customer())
    shop.made("/invoices", invoice("INV-1"))
    shop.made("/invoices", invoice("INV-2"))
    shop.call("PUT", "/customers/c1/links/acme", {"reference": "A-1"})
    seen = shop.get("/customers/c1/links/acme/push-earlier").json
    assert seen["count"] == 2
    assert seen["totals"] == [{"currency": "USD", "amount": "39.98"}]
    assert set(seen["numbers"]) == {"INV-1", "INV-2"}
    shop.made("/invoices", invoice("INV-3"))
    path = "/customers/c1/links/acme/push-earlier"
    stale = shop.post(path, {"confirm": "stale"})
    assert (stale.status_code, stale.json["code"]) == (409, "preview_outdated")
    assert shop.post(path, {"confirm": seen["confirm"]}).json["count"] == 2
    assert len(shop.get("/deliveries").json["items"]) == 3
