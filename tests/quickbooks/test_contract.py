"""Intuit's own schema, and whether the watch over it is awake."""

import json

import pytest
import requests
from kable_quickbooks_ledger.simulator import QuickBooksSimulator
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from kable_hub import canonical
from kable_hub.testing import observing
from tests.contracts import SENDER, Watch
from tests.quickbooks.contract import QuickBooksBook
from tests.quickbooks.stage import US
from tests.web.site import invoice

LINE = {
    "Amount": 19.99,
    "DetailType": "SalesItemLineDetail",
    "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "Qty": 1, "UnitPrice": 19.99},
}
NEW = {"clientId": "c2", "companyName": "New one", "currency": "USD"}
BODY = {"CustomerRef": {"value": "28"}, "Line": [LINE]}


def asked(book, body, *, path="invoice", country="US", **query):
    sent = {"minorversion": "75", **query}
    built = EnvironBuilder("/", method="POST", data=json.dumps(body), query_string=sent)
    return book.faults_of(path, Request(built.get_environ()), country)


def test_everything_that_is_posted_is_held_against_the_schema(qbo_contract, bare):
    qbo_contract.checked.clear()
    bare.connect()
    bare.customer()
    bare.made("/customers?quickbooks=true", NEW)
    made = bare.push()
    bodies = [invoice(f"B-{number}") for number in range(5)]
    bare.made("/invoices/bulk", {"invoices": bodies})
    bare.work()
    bare.made(f"/deliveries/{bare.delivery(made)['id']}/void")
    bare.work()
    assert {"POST customer", "POST invoice", "POST batch", "POST invoice void"} <= set(
        qbo_contract.checked
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**BODY, "Color": "red"}, "schema.unknown(2010) $.Color"),
        ({**BODY, "DocNumber": "x" * 22}, "doc.length(2050) $.DocNumber"),
        ({**BODY, "PrivateNote": ""}, "schema.empty $.PrivateNote"),
        ({**BODY, "Line": [{**LINE, "Amount": 20}]}, "rule.line.product(6070)"),
        ({"Line": [LINE]}, "rule.customer(6560/2020)"),
    ],
)
def test_what_quickbooks_would_refuse_is_named_with_its_request(qbo_contract, body, said):
    faults = asked(qbo_contract, body)
    assert any(said in one for one in faults)
    assert all(one.startswith("POST invoice: ") for one in faults)


def test_an_item_of_a_batch_is_checked_as_if_it_went_alone(qbo_contract):
    items = [
        {"bId": "0", "operation": "create", "Invoice": BODY},
        {"bId": "0", "operation": "create", "Invoice": {**BODY, "Color": "red"}},
    ]
    said = "\n".join(asked(qbo_contract, {"BatchItemRequest": items}, path="batch"))
    assert "bId missing or repeated" in said
    assert "$.BatchItemRequest[1].Invoice.Color" in said


def test_the_rules_of_the_companys_country_hold(qbo_contract):
    assert asked(qbo_contract, BODY, country="US") == []
    assert any("6000" in one for one in asked(qbo_contract, BODY, country="CA"))


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        ({"minorversion": "65"}, "invoice", "minorversion 65"),
        ({"requestid": "k" * 51}, "invoice", "a requestid of 51 characters"),
        ({"requestid": "k" * 37}, "batch", "a requestid of 37 characters"),
    ],
)
def test_a_query_that_is_wrong_is_named(qbo_contract, query, path, said):
    assert any(one.endswith(said) for one in asked(qbo_contract, BODY, path=path, **query))


def test_a_void_without_its_key_and_an_address_that_is_none_are_named(qbo_contract):
    assert asked(qbo_contract, {"Id": "1"}, operation="void") == [
        "POST invoice void: SyncToken is missing"
    ]
    assert asked(qbo_contract, {}, path="invoices") == ["POST invoices: there is no such address"]


def test_what_the_hub_sends_to_a_simulator_is_seen_and_what_a_test_sends_is_not(qbo_contract):
    book = QuickBooksBook()
    with observing(book.watch), QuickBooksSimulator() as quickbooks:
        quickbooks.seed_demo()
        address = f"{quickbooks.url}/sandbox/v3/company/{US}/invoice"
        data = canonical.dumps({"Color": "red"})
        requests.post(address, data=data, timeout=60)
        assert book.taken() == []
        requests.post(address, data=data, headers={"User-Agent": SENDER}, timeout=60)
    assert any("$.Color" in one for one in qbo_contract.taken())
    assert "QuickBooks's contract does not hold" in Watch(book).said(book.taken())
