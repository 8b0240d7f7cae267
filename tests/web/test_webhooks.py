"""Webhooks: proven events are stored once, everything else leaves no trace."""

import json

import pytest

from kable_hub.store import tables as t
from tests.web.site import CANARY

EVENT = {"id": "evt_1", "type": "customer.ready", "shop": "shop", "environment": "test"}


def send(web, path="/webhooks/acme", secret=CANARY, **changes):
    event = {**EVENT, "data": {"customer": "A-1"}, **changes}
    body, headers = web.acme.webhook(event, secret)
    return web.app.test_client().post(path, data=body, headers=headers)


def stored(web):
    with web.hub.database.read():
        return [row.event_id for row in t.WebhookEvent.select()]


def test_a_signed_event_is_stored_and_a_repeat_is_not(web_on_both):
    web = web_on_both
    web.connect()
    assert send(web).json == {"received": 1}
    assert send(web).json == {"received": 0}
    assert stored(web) == ["evt_1"]


@pytest.mark.parametrize("place", ["/webhooks/acme", "/webhooks/acme/test"])
def test_a_bad_signature_is_refused_and_nothing_is_stored(web, place):
    web.connect()
    answer = send(web, place, secret="wrong")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_signature")
    assert answer.content_type == "application/problem+json"
    assert stored(web) == []


def test_an_event_of_an_unknown_account_is_passed_over(web):
    assert send(web).json == {"received": 0}
    assert stored(web) == []


@pytest.mark.parametrize("path", ["/webhooks/nobody", "/webhooks/acme/staging"])
def test_an_address_of_nobody_is_not_found(web, path):
    assert send(web, path).status_code == 404


def test_the_bytes_are_verified_as_they_came(web):
    web.connect()
    body, headers = web.acme.webhook({**EVENT, "data": {}}, CANARY)
    spaced = json.dumps(json.loads(body), indent=1).encode()
    client = web.app.test_client()
    assert client.post("/webhooks/acme", data=spaced, headers=headers).status_code == 400
    assert client.post("/webhooks/acme", data=body, headers=headers).status_code == 200
