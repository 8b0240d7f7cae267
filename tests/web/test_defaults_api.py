"""What holds where a request does not say, and what a request overrides."""

import pytest

from tests.web.site import customer, invoice

PATH = "/defaults"
UNCHANGED = {"autoPush": True, "createCustomersAt": []}


def test_defaults_are_shown_and_changed_one_by_one_for_one_environment(web_on_both):
    web = web_on_both
    assert web.get(PATH).json == UNCHANGED
    changed = web.call("PATCH", PATH, {"autoPush": False}).json
    assert changed == {"autoPush": False, "createCustomersAt": []}
    changed = web.call("PATCH", PATH, {"createCustomersAt": ["acme", "acme"]}).json
    assert changed == {"autoPush": False, "createCustomersAt": ["acme"]}
    assert web.call("PATCH", PATH, {}).json == web.get(PATH).json == changed
    assert web.get(PATH, key=web.live_key).json == UNCHANGED


def test_a_provider_that_creates_no_customers_is_refused_by_field(web):
    answer = web.call("PATCH", PATH, {"createCustomersAt": ["acme", "nobody"], "autoPush": False})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == ["createCustomersAt.1"]
    assert web.get(PATH).json == UNCHANGED


@pytest.mark.parametrize(
    ("default", "said", "state"),
    [
        (True, {}, "due"),
        (False, {}, "held"),
        (False, {"autoPush": True}, "due"),
        (True, {"autoPush": False}, "held"),
    ],
)
def test_what_an_invoice_says_overrides_the_default(web, default, said, state):
    web.connect()
    web.made("/customers", customer(acmeCustomerId="A-1"))
    web.call("PATCH", PATH, {"autoPush": default})
    made = web.made("/invoices", invoice(**said))
    assert [one["state"] for one in made["deliveries"]] == [state]
    assert made["autoPush"] is (state == "due")


@pytest.mark.parametrize(
    ("default", "query", "links"),
    [
        (["acme"], "", ["pending"]),
        (["acme"], "?acme=false", []),
        (["acme"], "?acme=true", ["pending"]),
        ([], "?acme=true", ["pending"]),
        ([], "", []),
    ],
)
def test_what_the_making_of_a_customer_says_overrides_the_default(web, default, query, links):
    web.connect()
    web.call("PATCH", PATH, {"createCustomersAt": default})
    made = web.made(f"/customers{query}", customer())
    assert [one["state"] for one in made["links"]] == links


def test_a_default_at_a_provider_that_is_not_connected_is_passed_over(web):
    web.call("PATCH", PATH, {"createCustomersAt": ["acme"]})
    assert web.made("/customers", customer())["links"] == []
    assert web.post("/customers?acme=true", customer("c2")).status_code == 422


def test_an_account_is_renamed_by_operators(web):
    path = f"/accounts/{web.account}"
    renamed = web.call("PATCH", path, {"name": "Northwind"}, key=web.operator).json
    assert (renamed["name"], renamed["plan"]) == ("Northwind", "paid")
    assert web.get(path, key=web.operator).json["name"] == "Northwind"
    refused = web.call("PATCH", path, {"name": " "}, key=web.operator)
    assert [one["field"] for one in refused.json["errors"]] == ["name"]
    nobody = web.call("PATCH", "/accounts/acc_none", {"name": "X"}, key=web.operator)
    assert nobody.status_code == 404
    assert web.call("PATCH", path, {"name": "Mine"}).status_code == 403
