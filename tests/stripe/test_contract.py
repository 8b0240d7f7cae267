"""Stripe's own description of its API, and whether the watch over it is awake."""

import pytest
import requests
from kable_stripe_payments.simulator import StripeSimulator
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from kable_hub.testing.browsing import Browser
from tests.contracts import SENDER

FORM = "application/x-www-form-urlencoded"
HEADERS = {"Authorization": "Bearer sk_test_1", "Idempotency-Key": "key-1", "User-Agent": SENDER}


def asked(contract, body, *, method="POST", path="/v1/invoices", **headers):
    version = {"Stripe-Version": contract.contract["api_version"]}
    sent = {
        **HEADERS,
        **version,
        **{name.replace("_", "-"): said for name, said in headers.items()},
    }
    built = EnvironBuilder(path, method=method, data=body, headers=sent, content_type=FORM)
    return contract.faults_of(Request(built.get_environ()))


def test_everything_that_a_push_sends_is_held_against_the_contract(contract, shop):
    contract.checked.clear()
    shop.made("/customers?stripe=true", {"clientId": "c1", "companyName": "A", "currency": "USD"})
    shop.work()
    reference = shop.get("/customers/c1/links")["items"][0]["reference"]
    shop.leave_card(reference)
    shop.push()
    assert {
        "POST /v1/customers",
        "POST /v1/invoices",
        "POST /v1/invoices/{invoice}/add_lines",
        "POST /v1/invoices/{invoice}/finalize",
    } <= set(contract.checked)


def test_the_events_that_the_simulator_tells_have_stripes_fields(contract, shop):
    shop.customer(with_card=False)
    shop.push()
    ways = {"successUrl": f"{shop.url}/thanks", "failureUrl": f"{shop.url}/back"}
    Browser().approve(shop.made("/customers/c1/payment-method", ways)["url"])
    shop.hear()
    shop.stripe.collect()
    told = {one["type"] for one in shop.stripe.events}
    assert {"checkout.session.completed", "customer.updated", "invoice.paid"} <= told
    assert [fault for one in shop.stripe.events for fault in contract.unknown_fields(one)] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("customer=cus_1&payment_intent=pi_1", "payment_intent: Received unknown parameter"),
        ("customer=cus_1&days_until_due=soon", "days_until_due: invalid integer: 'soon'"),
        ("collection_method=by_mail", "collection_method: value 'by_mail' not among"),
    ],
)
def test_a_parameter_that_stripe_would_refuse_is_named_with_its_request(contract, body, said):
    (fault,) = asked(contract, body)
    assert fault.startswith(f"POST /v1/invoices: {said}")


def test_a_missing_parameter_is_named(contract):
    path = "/v1/invoices/in_1/add_lines"
    assert asked(contract, "", path=path) == [
        "POST /v1/invoices/{invoice}/add_lines: lines: Missing required param"
    ]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Idempotency_Key": ""}, "an Idempotency-Key of 0 characters"),
        ({"Idempotency_Key": "k" * 256}, "an Idempotency-Key of 256 characters"),
        ({"Stripe_Version": "2020-08-27"}, "Stripe-Version 2020-08-27"),
        ({"Authorization": "Basic eA=="}, "no Authorization"),
    ],
)
def test_a_header_that_is_wrong_is_named(contract, headers, said):
    assert asked(contract, "customer=cus_1", **headers) == [f"POST /v1/invoices: {said}"]


def test_an_endpoint_that_stripe_does_not_have_is_named(contract):
    (fault,) = asked(contract, "", path="/v1/invoice")
    assert "Unrecognized request URL" in fault


def test_what_a_test_sends_itself_is_not_held_against_the_plugin(contract):
    before = dict(contract.checked)
    with StripeSimulator() as stripe:
        requests.post(f"{stripe.url}/v1/invoices", data={"nonsense": "1"}, timeout=60)
    assert contract.checked == before


def test_a_field_that_stripes_objects_do_not_have_is_named(contract):
    invoice = {"object": "invoice", "id": "in_1", "payment_intent": "pi_1", "metadata": {"a": "1"}}
    answer = {"object": "list", "data": [{**invoice, "automatic_tax": {"enabled": True, "on": 1}}]}
    assert list(contract.unknown_fields(answer)) == [
        "invoice.payment_intent, which is no field of Stripe's",
        "invoice.automatic_tax.on, which is no field of Stripe's",
    ]
