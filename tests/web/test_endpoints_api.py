"""Endpoints over the API: made, changed, tried and removed; the secret is shown once."""

from dataclasses import replace

import pytest

from kable_hub.usecases.endpoints import EVENT_TYPES
from kable_hub.usecases.running import teller_of
from tests.receiver import receiver
from tests.web.site import customer, invoice

HOOK = {"url": "https://shop.example/hooks", "description": "the shop"}
BASE = "/webhook-endpoints"


def test_an_endpoint_is_added_listed_changed_and_removed(web_on_both):
    web = web_on_both
    made = web.made(BASE, {**HOOK, "eventTypes": ["invoice.voided", "invoice.blocked"]})
    assert made["secret"].startswith("whsec_")
    assert made["eventTypes"] == ["invoice.blocked", "invoice.voided"]
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert web.get(BASE).json == {"items": [shown]}
    path = f"{BASE}/{made['id']}"
    assert web.get(path).json == shown
    changed = web.call("PATCH", path, {"enabled": False, "eventTypes": [], "url": "http://b.test"})
    assert (changed.json["enabled"], changed.json["eventTypes"]) == (False, [])
    assert changed.json["disabledReason"] == ""
    assert web.post(f"{path}/test").json["code"] == "endpoint_disabled"
    assert web.call("DELETE", path).status_code == 204
    assert web.call("DELETE", path).status_code == 404
    assert web.get(BASE).json == {"items": []}


def test_the_secret_is_shown_once_and_never_replayed(web):
    headers = {"Idempotency-Key": "k1"}
    first = web.post(BASE, HOOK, headers=headers)
    again = web.post(BASE, HOOK, headers=headers)
    assert (first.status_code, again.status_code) == (201, 409)
    assert again.json["code"] == "already_created"
    path = f"{BASE}/{first.json['id']}"
    fresh = web.post(f"{path}/rotate").json
    assert fresh["secret"] != first.json["secret"]
    assert fresh["oldSecretUntil"]
    texts = [web.get(one).text for one in (BASE, path, f"{path}/messages")]
    assert not [one for one in texts if "whsec_" in one]


def test_live_and_test_and_other_accounts_know_nothing_of_each_other(web):
    made = web.made(BASE, HOOK)
    message = web.made(f"{BASE}/{made['id']}/test")
    assert web.get(BASE, key=web.live_key).json == {"items": []}
    path = f"{BASE}/{made['id']}"
    for method, one in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate"),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/messages"),
        ("GET", f"{path}/messages/{message['id']}"),
        ("POST", f"{path}/messages/{message['id']}/resend"),
    ):
        body = {} if method == "PATCH" else None
        assert web.call(method, one, body, key=web.live_key).status_code == 404, one
    assert web.get(path).status_code == 200


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_url"),
        ("shop.example", "bad_url"),
        ("ftp://shop.example/", "bad_url"),
        ("https://me:pw@shop.example/", "bad_url"),
        ("https://shop.example\\@10.0.0.1/", "bad_url"),
        ("https://shöp.example/", "bad_url"),
        ("https://localhost/", "private_address"),
        ("https://127.0.0.1:8080/", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://[::ffff:10.0.0.1]/", "private_address"),
        ("https://2130706433/", "private_address"),
        ("https://metadata.google.internal/", "private_address"),
    ],
)
def test_an_address_that_must_not_be_called_is_refused_by_field(web, url, code):
    made = web.made(BASE, HOOK)
    for answer in (
        web.post(BASE, {"url": url}),
        web.call("PATCH", f"{BASE}/{made['id']}", {"url": url}),
    ):
        assert answer.status_code == 422
        assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [("url", code)]


def test_plain_http_is_for_test_and_for_this_machine(web):
    assert web.post(BASE, {"url": "http://shop.example/"}).status_code == 201
    assert web.post(BASE, {"url": "http://shop.example/"}, key=web.live_key).status_code == 422
    assert web.post(BASE, {"url": "http://127.0.0.1/"}, key=web.live_key).status_code == 422
    web.hub.settings = replace(web.hub.settings, private_webhooks=True)
    assert web.post(BASE, {"url": "http://127.0.0.1/"}, key=web.live_key).status_code == 201
    assert web.post(BASE, {"url": "http://10.0.0.1/"}, key=web.live_key).status_code == 422


def test_an_event_that_does_not_exist_and_too_long_a_text_are_refused(web):
    answer = web.post(BASE, {**HOOK, "eventTypes": ["invoice.lost"]})
    assert answer.json["errors"][0]["field"] == "eventTypes.0"
    answer = web.post(BASE, {**HOOK, "description": "x" * 201})
    assert [one["field"] for one in answer.json["errors"]] == ["description"]


def test_an_account_has_sixteen_endpoints_at_most(web):
    for _ in range(16):
        web.made(BASE, HOOK)
    answer = web.post(BASE, HOOK)
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_endpoints")
    assert web.post(BASE, HOOK, key=web.live_key).status_code == 201


def test_what_was_sent_is_listed_with_every_try_and_sent_again(web):
    web.hub.settings = replace(web.hub.settings, private_webhooks=True)
    with receiver() as there:
        made = web.made(BASE, {"url": there.url})
        path, teller = f"{BASE}/{made['id']}", teller_of(web.hub)
        first = web.made(f"{path}/test")
        assert (first["state"], first["tried"], first["type"]) == ("waiting", [], "webhook.test")
        teller.serve(made["id"])
        assert there.verified(made["secret"])["data"]["endpoint"]["id"] == made["id"]
        (listed,) = web.get(f"{path}/messages").json["items"]
        assert (listed["state"], listed["nextTryAt"]) == ("delivered", None)
        assert [one["status"] for one in listed["tried"]] == [204]
        assert web.get(f"{path}/messages/{listed['id']}").json["body"].encode() == (
            there.heard[0].body
        )
        again = web.made(f"{path}/messages/{listed['id']}/resend")
        assert (again["state"], again["eventId"]) == ("waiting", there.heard[0].id)
        teller.serve(made["id"])
        assert [one.id for one in there.heard] == [first["eventId"]] * 2
        assert web.post(f"{path}/messages/msg_none/resend").status_code == 404


def test_what_an_event_says_is_what_the_api_says(web):
    web.made(BASE, HOOK)
    web.connect()
    web.made("/customers", customer(acmeCustomerId="A-1"))
    made = web.made("/invoices", invoice("A-9", autoPush=False))
    delivery = made["deliveries"][0]["id"]
    web.made(f"/deliveries/{delivery}/cancel")
    endpoint = web.get(BASE).json["items"][0]["id"]
    (message,) = web.get(f"{BASE}/{endpoint}/messages").json["items"]
    body = web.get(f"{BASE}/{endpoint}/messages/{message['id']}").get_json()["body"]
    event = web.app.json.loads(body)
    assert event["type"] == "invoice.cancelled"
    assert event["type"] in EVENT_TYPES
    shown = web.get(f"/deliveries/{delivery}").json
    data = event["data"]
    assert {name: shown[name] for name in data["delivery"]} == data["delivery"]
    whole = web.get(f"/invoices/{made['id']}").json
    assert {name: whole[name] for name in data["invoice"]} == data["invoice"]
