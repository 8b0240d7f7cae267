"""Requests that were recorded at Intuit, asked again here: the answers have the same shapes."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from kable_quickbooks_ledger import simulator_customers
from kable_quickbooks_ledger.simulator import SANDBOX_REALM

RECORDED = (
    "all/customers",
    "create/customer",
    "create/invoice",
    "delete/invoice",
    "error/400",
    "error/400_json",
    "error/500",
    "error/validation",
    "get/display_name",
    "get/id",
    "update/customer",
    "void/invoice",
)
OURS = {"element", "time"}
"""A fault may or may not name the element and the time; some that were recorded do."""


def shape(value):
    """Names and sorts of JSON, with what any element of a list has."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        merged = {}
        for one in value:
            merged |= shape(one) if isinstance(one, dict) else {}
        return [merged]
    return "number" if isinstance(value, int | float) and value not in (True, False) else "scalar"


def strange(ours, theirs, at="$"):
    """What an answer has here that no answer had there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, item in ours.items():
            if name in theirs:
                yield from strange(item, theirs[name], f"{at}.{name}")
            elif name not in OURS:
                yield f"{at}.{name}"
    elif isinstance(ours, list) and isinstance(theirs, list):
        yield from strange(ours[0], theirs[0], f"{at}[]")
    elif isinstance(ours, dict | list) or isinstance(theirs, dict | list):
        yield f"{at} is of another sort"


@pytest.fixture
def there(world):
    """The company that was recorded, as far as the requests speak of it."""
    book, now = world.book, world.clock.now()
    book.multicurrency, book.custom_numbers = False, False
    book.counters["names"] = 0
    for name in ("Amy's Bird Sanctuary", "Bill", "Cool Cars", "Diego", "Dukes Basketball Camp"):
        simulator_customers.add(book, name, now, CompanyName=name)
    book.counters["names"] = 67
    simulator_customers.add(book, "Doe2, Jane", now)
    simulator_customers.add(book, "Weiskopf Consulting", now)
    token = world.simulator.sign_in.grant(SANDBOX_REALM, "sandbox")["access_token"]

    def ask(pair):
        parts = urlsplit(pair["uri"])
        path = re.sub(r"^/v3(/company/[^/]+)?/", "", parts.path)
        body = pair["request"] or None
        if body and path == "invoice" and body.get("Id"):
            body = {**body, "Id": made["Id"]}
        path = re.sub(r"^invoice/\d+$", f"invoice/{made['Id']}", path)
        base = f"{world.simulator.url}/sandbox/v3/company/{SANDBOX_REALM}"
        return requests.request(
            pair["method"],
            f"{base}/{path}",
            params=parse_qs(parts.query),
            data=json.dumps(body) if body else None,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=60,
        )

    line = {"Amount": 100, "DetailType": "SalesItemLineDetail"}
    detail = {"SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    sold = {"CustomerRef": {"value": "1"}, "Line": [{**line, **detail}]}
    made = {"Id": "0"}
    first = {"uri": "/v3/invoice", "method": "POST", "request": sold}
    made["Id"] = ask(first).json()["Invoice"]["Id"]
    return ask


@pytest.mark.parametrize("source", RECORDED)
def test_an_answer_has_the_shape_of_the_recorded_one(data, there, source):
    recorded = json.loads((data / "recorded" / "qbo_api_vcr_2020-22.json").read_text())
    pairs = [one for one in recorded if one["source"] == f"spec/vcr/{source}.yml"]
    assert pairs
    for pair in pairs:
        answer = there(pair)
        assert answer.status_code == pair["status"], pair["uri"]
        assert list(strange(shape(answer.json()), shape(pair["response"]))) == [], pair["uri"]


def test_a_missing_token_is_answered_as_it_was_recorded(data, world):
    recorded = json.loads((data / "recorded" / "qbo_api_vcr_2020-22.json").read_text())
    (pair,) = [one for one in recorded if one["source"].endswith("error/401.yml")]
    url = f"{world.simulator.url}/sandbox/v3/company/{SANDBOX_REALM}/customer/1"
    answer = requests.get(url, headers={"Accept": "application/json"}, timeout=60)
    assert answer.status_code == pair["status"] == 401
    assert list(strange(shape(answer.json()), shape(pair["response"]))) == []
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
