"""Whether what arrives is Stripe's: its signature, its age, and what it is about."""

import json

import pytest
from kable_stripe_payments.simulator import events

from kable_hub import (
    Rejected,
)
from kable_hub.testing import builders

EVENT = {"id": "evt_1", "type": "invoice.paid", "account": "acct_1", "data": {"object": {}}}
BODY = json.dumps(EVENT).encode()
NOW = int(builders.NOW.timestamp())


def sign(secret="whsec_live0Connect", at=NOW, body=BODY):
    return events.signature(body, secret, at)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "nonsense",
        "t=,v1=",
        f"t={NOW}",
        "v1=" + sign().split("v1=")[1],
        sign("whsec_other"),
        sign(at=NOW - 301),
        sign(at=NOW + 301),
        sign().replace("v1=", "v0="),
        sign().replace(f"t={NOW}", f"t={NOW - 1}"),
        sign()[:-1] + "é",
        "t=" + "9" * 400 + ",v1=00",
    ],
)
def test_whatever_is_not_provably_stripes_is_refused(desk, signature):
    with pytest.raises(Rejected) as caught:
        desk.arrive(EVENT, signature=signature)
    assert caught.value.code == "bad_signature"


def test_a_changed_body_is_refused(desk):
    with pytest.raises(Rejected):
        desk.arrive(EVENT, signature=sign(), body=BODY + b" ")


def test_without_any_secret_nothing_is_believed(desk):
    with pytest.raises(Rejected):
        desk.arrive(EVENT, app={})
    with pytest.raises(Rejected):
        desk.arrive(EVENT, app={"connect_webhook_secret": ""}, signature=sign(""))


@pytest.mark.parametrize("at", [NOW - 299, NOW + 299])
def test_five_minutes_of_difference_are_fine(desk, at):
    assert len(desk.arrive(EVENT, signature=sign(at=at))) == 1


def test_old_and_new_secret_during_a_rotation(desk):
    both = sign("whsec_old") + ",v1=" + sign().split("v1=")[1]
    assert len(desk.arrive(EVENT, signature=both)) == 1


def test_the_platforms_own_endpoint_is_believed_too(desk):
    app = {"webhook_secret": "whsec_own", "connect_webhook_secret": "whsec_x"}
    assert len(desk.arrive(EVENT, app=app, signature=sign("whsec_own"))) == 1


@pytest.mark.parametrize("body", [b"\xff\xfe", b"not json", b""])
def test_signed_rubbish_is_refused_without_a_crash(desk, body):
    with pytest.raises(Rejected) as caught:
        desk.arrive(EVENT, body=body, signature=sign(body=body))
    assert caught.value.code == "bad_body"
