"""The webhook endpoints of the local Stripe: who hears what, signed how, and once more."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from kable_stripe_payments import collect_payment_method, webhooks
from kable_stripe_payments.simulator import endpoints

from kable_hub import Environment, Rejected, WebhookRequest

TEST, LIVE = Environment.TEST, Environment.LIVE


class Ear:
    """Listens, and answers what it is told to."""

    def __init__(self):
        self.status, self.heard = 200, []
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append((body, self.headers["Stripe-Signature"]))
                self.send_response(ear.status)
                self.end_headers()

            def log_message(self, *args):
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def ear():
    one = Ear()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def paid(desk):
    """An event of the connected account, in test."""
    return event(desk)


def event(desk, environment=TEST, kind="invoice.paid"):
    ledger = desk.stripe.accounts[desk.account].ledger(environment is LIVE)
    desk.stripe.emit(ledger, kind, {"id": "in_1", "object": "invoice", "_own": "hidden"})
    return desk.stripe.events[-1]


def hearing(desk, told):
    return [one.endpoint for one in endpoints.deliveries(desk.stripe, told)]


def received(desk, body, signature, *secrets, connection=None):
    app = dict(zip(("connect_webhook_secret", "webhook_secret"), secrets, strict=False))
    request = WebhookRequest(body, {"stripe-signature": signature}, desk.clock.now())
    return webhooks.receive(request, app, connection)


def test_a_live_connect_endpoint_hears_test_and_live_of_an_account_connected_live(desk):
    live = desk.stripe.add_endpoint("http://127.0.0.1:1/", live=True)
    desk.stripe.add_endpoint("http://127.0.0.1:1/", live=False)
    assert hearing(desk, event(desk, TEST)) == hearing(desk, event(desk, LIVE)) == [live]


def test_both_connect_endpoints_hear_of_test_where_both_modes_were_connected(desk):
    for live in (True, False):
        desk.stripe.add_endpoint("http://127.0.0.1:1/", live=live)
    desk.stripe.accounts[desk.account].granted.add(False)
    assert len(hearing(desk, event(desk, TEST))) == 2
    assert len(hearing(desk, event(desk, LIVE))) == 1


def test_nobody_hears_of_an_account_that_is_not_connected(desk):
    desk.stripe.add_endpoint("http://127.0.0.1:1/", live=True)
    desk.stripe.revoke(desk.account)
    assert hearing(desk, event(desk)) == []


def test_an_accounts_own_endpoint_hears_its_own_mode_and_is_not_told_the_account(desk, paid):
    url = "http://127.0.0.1:1/"
    own = desk.stripe.add_endpoint(url, live=False, account=desk.account)
    desk.stripe.add_endpoint(url, live=True, account=desk.account)
    desk.stripe.add_endpoint(url, live=False, account="acct_other")
    (delivery,) = endpoints.deliveries(desk.stripe, paid)
    assert delivery.endpoint is own
    told = json.loads(delivery.body(own.account))
    assert "account" not in told
    assert told["data"]["object"] == {"id": "in_1", "object": "invoice"}


def test_an_endpoint_hears_the_kinds_it_asked_for(desk, paid):
    desk.stripe.add_endpoint("http://127.0.0.1:1/", live=True, kinds=frozenset({"invoice.voided"}))
    assert hearing(desk, paid) == []


def test_a_thin_endpoint_gets_no_snapshot(desk, paid, ear):
    endpoint = desk.stripe.add_endpoint(ear.url, live=True, thin=True)
    (delivery,) = endpoints.deliveries(desk.stripe, paid)
    assert endpoints.send(desk.stripe, delivery) == 200
    body, signature = ear.heard[-1]
    assert json.loads(body)["type"] == "v1.invoice.paid"
    assert "data" not in json.loads(body)
    (heard,) = received(desk, body, signature, *endpoint.secrets)
    assert (heard.type, heard.external_id) == ("invoice.paid", desk.account)


def test_while_a_secret_is_changed_old_and_new_prove_it(desk, paid, ear):
    endpoint = desk.stripe.add_endpoint(ear.url, live=True)
    (old,) = endpoint.secrets
    new = endpoint.rotate()
    (delivery,) = endpoints.deliveries(desk.stripe, paid)
    endpoints.send(desk.stripe, delivery)
    body, signature = ear.heard[-1]
    for secret in (old, new):
        assert [one.id for one in received(desk, body, signature, secret)] == [paid["id"]]
    endpoint.secrets.remove(old)
    endpoints.send(desk.stripe, delivery)
    with pytest.raises(Rejected):
        received(desk, *ear.heard[-1], old)


def test_what_got_no_answer_is_brought_again(desk, paid, ear):
    desk.stripe.add_endpoint(ear.url, live=True)
    (delivery,) = endpoints.deliveries(desk.stripe, paid)
    desk.stripe.missed.clear()
    ear.status = 503
    assert endpoints.send(desk.stripe, delivery) == 503
    assert desk.stripe.redeliver() == 0
    ear.status = 200
    assert desk.stripe.redeliver() == 1
    assert desk.stripe.redeliver() == 0
    assert {json.loads(body)["id"] for body, _ in ear.heard} == {paid["id"]}


def test_a_page_expires_when_its_time_is_over_and_an_event_tells_once(desk):
    page = collect_payment_method(
        desk.connection(), desk.link(), "https://a.example", "https://b.example"
    )
    assert desk.stripe.expire_sessions() == 1
    desk.clock.advance(3600)
    assert desk.stripe.expire_sessions() == desk.stripe.expire_sessions() == 0
    told = [one for one in desk.stripe.events if one["type"] == "checkout.session.expired"]
    assert [one["data"]["object"]["id"] for one in told] == [page.url.rpartition("/")[2]]
