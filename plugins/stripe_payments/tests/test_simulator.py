"""The local Stripe refuses what Stripe refuses."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlencode

import pytest
import requests
from kable_stripe_payments import webhooks
from kable_stripe_payments.simulator import StripeSimulator
from kable_stripe_payments.simulator.errors import ApiError
from kable_stripe_payments.simulator.params import parse

from kable_hub import Environment, WebhookRequest

TEST, LIVE = Environment.TEST, Environment.LIVE


def ask(desk, method, path, params=None, key="", live=False, account=None, **headers):
    headers = {
        "Authorization": f"Bearer {desk.stripe.secret_keys[live]}",
        "Stripe-Account": desk.account if account is None else account,
        "Stripe-Version": "2026-10-28.endive",
        **({"Idempotency-Key": key} if key else {}),
        **headers,
    }
    url = f"{desk.stripe.url}/v1/{path}"
    form = urlencode(params or {})
    if method == "GET":
        return requests.get(f"{url}?{form}", headers=headers, timeout=60)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return requests.request(method, url, data=form, headers=headers, timeout=60)


def draft(desk, **params):
    return ask(desk, "POST", "invoices", {"customer": desk.customer, **params}).json()


@pytest.mark.parametrize(
    ("name", "form", "message"),
    [
        ("InvoiceCreateParams", "foo=1", "unknown parameter: foo"),
        ("InvoiceCreateParams", "payment_intent=pi_1", "unknown parameter"),
        ("InvoiceCreateParams", "api_key=sk_1", "unknown parameter: api_key"),
        ("InvoiceCreateParams", "auto_advance=yes", "Invalid boolean"),
        ("InvoiceCreateParams", "days_until_due=1.5", "Invalid integer"),
        ("InvoiceCreateParams", "collection_method=later", "must be one of"),
        ("InvoiceCreateParams", "metadata=x", "Invalid"),
        ("InvoiceCreateParams", f"metadata[{'k' * 41}]=x", "at most 40 characters"),
        ("InvoiceCreateParams", f"metadata[k]={'v' * 501}", "values 500"),
        ("InvoiceCreateParams", "&".join(f"metadata[{i}]=v" for i in range(51)), "50 keys"),
        ("InvoiceCreateParams", f"description={'d' * 1501}", "at most 1500"),
        (
            "InvoiceCreateParams",
            f"custom_fields[0][value]=v&custom_fields[0][name]={'n' * 41}",
            "at most 40",
        ),
        ("InvoiceCreateParams", "custom_fields[0][name]=n", "Missing required param"),
        ("InvoiceCreateParams", "custom_fields[a][name]=n", "Invalid array"),
        ("InvoiceAddLinesParams", "", "Missing required param: lines"),
        ("InvoiceAddLinesParams", "lines[0][currency]=usd", "unknown parameter"),
        ("InvoiceAddLinesParams", "lines=1", "Invalid array"),
        ("InvoiceAddLinesParams", "lines[0]=1", "Invalid object"),
        ("InvoiceAddLinesParams", "a=1&a[b]=2", "Invalid"),
        ("checkout.SessionCreateParams", "payment_method_types[0]=card", "unknown parameter"),
    ],
)
def test_wrong_parameters_are_refused(name, form, message):
    with pytest.raises(ApiError, match=message) as caught:
        parse(name, form)
    assert caught.value.status == 400


def test_right_parameters_come_out_typed():
    parsed = parse("InvoiceAddLinesParams", "lines[][amount]=-5&lines[][discountable]=true")
    assert parsed["lines"] == [{"amount": -5}, {"discountable": True}]


def test_a_key_replays_its_first_answer_for_a_day(desk):
    first = ask(desk, "POST", "customers", {"name": "A"}, key="k")
    again = ask(desk, "POST", "customers", {"name": "A"}, key="k")
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = ask(desk, "POST", "customers", {"name": "B"}, key="k")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    desk.clock.advance(24 * 3600)
    assert ask(desk, "POST", "customers", {"name": "B"}, key="k").json()["name"] == "B"


def test_a_refused_parameter_is_not_kept_but_a_500_is(desk):
    assert ask(desk, "POST", "customers", {"foo": "1"}, key="k").status_code == 400
    desk.stripe.break_next("POST /v1/customers", "after")
    for _ in range(2):
        assert ask(desk, "POST", "customers", {"name": "A"}, key="k").status_code == 500
    assert len(desk.stripe.demo_customers(TEST)) == 2


def test_too_long_a_key_is_refused(desk):
    assert ask(desk, "POST", "customers", key="k" * 256).status_code == 400


@pytest.mark.parametrize(
    ("headers", "account", "status"),
    [
        ({"Authorization": ""}, None, 401),
        ({"Authorization": "Bearer sk_test_wrong"}, None, 401),
        ({"Stripe-Version": "2020-01-01"}, None, 400),
        ({}, "acct_other", 403),
        ({}, "", 403),
    ],
)
def test_who_asks_is_checked_first(desk, headers, account, status):
    assert ask(desk, "GET", "account", account=account, **headers).status_code == status


def test_a_restricted_key_stays_in_its_own_account_and_mode(desk):
    key = {"Authorization": f"Bearer {desk.stripe.add_key(desk.account, TEST)}"}
    assert ask(desk, "GET", "account", account="", **key).json()["id"] == desk.account
    assert ask(desk, "GET", "account", account="acct_other", **key).status_code == 403
    live = desk.stripe.add_customer(desk.account, LIVE)
    answer = ask(desk, "GET", f"customers/{live}", account="", **key).json()
    assert "similar object exists in live mode" in answer["error"]["message"]


def test_a_test_grant_does_not_reach_live(desk):
    desk.stripe.accounts[desk.account].granted = {False}
    assert ask(desk, "GET", "account").status_code == 200
    assert ask(desk, "GET", "account", live=True).status_code == 403


def test_unknown_endpoints_are_404(desk):
    assert ask(desk, "GET", "unicorns").status_code == 404


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"customer": "cus_x"}, "No such customer"),
        ({"due_date": "99"}, "only set `due_date`"),
        ({"collection_method": "send_invoice"}, "exactly one"),
        ({"collection_method": "send_invoice", "due_date": "99"}, "in the future"),
        ({f"custom_fields[{i}][{n}]": "x" for i in range(5) for n in ("name", "value")}, "At most"),
        ({"custom_fields[0][name]": "x", "custom_fields[0][value]": ""}, "Invalid custom"),
        ({"expand[0]": "payment_intent"}, "cannot be expanded"),
    ],
)
def test_impossible_invoices_are_refused(desk, params, message):
    assert message in draft(desk, **params)["error"]["message"]


def test_an_invoice_takes_250_lines(desk):
    id = draft(desk)["id"]
    many = {f"lines[{at}][amount]": 1 for at in range(250)}
    assert ask(desk, "POST", f"invoices/{id}/add_lines", many).status_code == 200
    answer = ask(desk, "POST", f"invoices/{id}/add_lines", {"lines[0][amount]": 1})
    assert "at most 250" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        {"amount": 100_000_000},
        {"description": "no amount"},
        {"amount": 1, "period][start": 2, "period][end": 1},
    ],
)
def test_impossible_lines_are_refused(desk, line):
    id = draft(desk)["id"]
    params = {f"lines[0][{name}]": value for name, value in line.items()}
    assert ask(desk, "POST", f"invoices/{id}/add_lines", params).status_code == 400


def test_a_final_invoice_cannot_be_changed_and_a_draft_not_voided(desk):
    id = draft(desk)["id"]
    for path in ("void", "pay"):
        assert ask(desk, "POST", f"invoices/{id}/{path}").status_code == 400
    assert ask(desk, "POST", f"invoices/{id}/finalize").json()["status"] == "paid"
    for path in ("finalize", "add_lines?", "pay"):
        answer = ask(desk, "POST", f"invoices/{id}/{path}", {"lines[0][amount]": 1})
        assert answer.status_code == 400
    assert ask(desk, "DELETE", f"invoices/{id}").status_code == 400


def test_an_inherited_coupon_lowers_the_total_unless_it_is_cleared(desk):
    desk.stripe.customer(desk.account, TEST, desk.customer)["_coupon"] = 10
    for params, total in (({}, 900), ({"discounts": ""}, 1000)):
        id = draft(desk, **params)["id"]
        ask(desk, "POST", f"invoices/{id}/add_lines", {"lines[0][amount]": 1000})
        assert ask(desk, "GET", f"invoices/{id}").json()["total"] == total


def test_numbers_run_on_without_gaps_for_each_customer(desk):
    numbers = []
    for _ in range(3):
        id = draft(desk)["id"]
        numbers.append(ask(desk, "POST", f"invoices/{id}/finalize").json()["number"])
    assert [one.rsplit("-", 1)[1] for one in numbers] == ["0001", "0002", "0003"]


def test_lists_are_paged_newest_first(desk):
    ids = [draft(desk)["id"] for _ in range(3)]
    first = ask(desk, "GET", "invoices", {"limit": 2}).json()
    assert [one["id"] for one in first["data"]] == [ids[2], ids[1]]
    assert first["has_more"]
    rest = ask(desk, "GET", "invoices", {"starting_after": ids[1]}).json()
    assert [one["id"] for one in rest["data"]] == [ids[0]]
    assert ask(desk, "GET", "invoices", {"limit": 101}).status_code == 400
    assert ask(desk, "GET", "invoices", {"starting_after": "in_x"}).status_code == 400


def test_lists_keep_to_a_window_of_time(desk):
    draft(desk)
    start = int(desk.clock.now().timestamp())
    for name, value, hits in (("gte", 0, 1), ("gt", 0, 0), ("lte", 0, 1), ("lt", 0, 0)):
        page = ask(desk, "GET", "invoices", {f"created[{name}]": start + value}).json()
        assert len(page["data"]) == hits


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "payment"}, "setup mode only"),
        ({"currency": ""}, "currency"),
        ({"customer": "cus_x"}, "No such customer"),
        ({"expires_at": -1}, "between 30 minutes"),
        ({"expires_at": 29 * 60}, "between 30 minutes"),
        ({"expires_at": 25 * 3600}, "between 30 minutes"),
    ],
)
def test_impossible_checkout_pages_are_refused(desk, changes, message):
    params = {"mode": "setup", "currency": "usd", "customer": desk.customer, **changes}
    if "expires_at" in changes:
        params["expires_at"] += int(desk.clock.now().timestamp())
    answer = ask(desk, "POST", "checkout/sessions", params)
    assert message in answer.json()["error"]["message"]


def test_the_checkout_page_saves_a_card_until_it_expires(desk):
    params = {"mode": "setup", "currency": "usd", "customer": desk.customer}
    params |= {"success_url": "http://127.0.0.1:1/ok", "cancel_url": "http://127.0.0.1:1/no"}
    session = ask(desk, "POST", "checkout/sessions", params).json()
    assert "Save card" in requests.get(session["url"], timeout=60).text
    answer = requests.post(session["url"], allow_redirects=False, timeout=60)
    assert answer.headers["Location"] == "http://127.0.0.1:1/ok"
    assert requests.get(session["url"], timeout=60).status_code == 410
    late = ask(desk, "POST", "checkout/sessions", params).json()
    desk.clock.advance(86401)
    assert requests.post(late["url"], timeout=60).status_code == 410
    assert requests.get(f"{desk.stripe.url}/c/pay/cs_x", timeout=60).status_code == 410


def test_deleted_customers_cannot_be_billed_or_changed(desk):
    desk.stripe.delete_customer(desk.account, TEST, desk.customer)
    assert ask(desk, "GET", f"customers/{desk.customer}").json()["deleted"] is True
    assert draft(desk)["error"]["code"] == "resource_missing"
    assert ask(desk, "POST", f"customers/{desk.customer}", {"name": "x"}).status_code == 404
    session = {"mode": "setup", "currency": "usd", "customer": desk.customer}
    assert ask(desk, "POST", "checkout/sessions", session).status_code == 400


def test_a_mailed_invoice_needs_an_address(desk):
    desk.customer = desk.stripe.add_customer(desk.account, TEST, email="")
    answer = draft(desk, collection_method="send_invoice", days_until_due="1")
    assert "Missing email" in answer["error"]["message"]


def test_a_draft_of_a_deleted_customer_cannot_be_finalized(desk):
    id = draft(desk)["id"]
    desk.stripe.delete_customer(desk.account, TEST, desk.customer)
    assert ask(desk, "POST", f"invoices/{id}/finalize").status_code == 400


def test_a_card_of_another_customer_cannot_become_the_default(desk):
    desk.stripe.add_customer(desk.account, TEST)
    (card, _) = desk.stripe.accounts[desk.account].test.of("payment_method").values()
    other = desk.stripe.add_customer(desk.account, TEST, with_card=False)
    params = {"invoice_settings[default_payment_method]": card["id"]}
    assert ask(desk, "POST", f"customers/{other}", params).status_code == 400


@pytest.mark.parametrize("query", ["name:x", 'phone~"1234"', 'name~"ab"', ""])
def test_searches_stripe_would_not_understand_are_refused(desk, query):
    assert ask(desk, "GET", "customers/search", {"query": query}).status_code == 400


def test_each_endpoint_has_a_limit_of_its_own(desk):
    desk.stripe.limits = {"live": 100, "test": 100, "endpoint": 2, "search": 1}
    answers = [ask(desk, "GET", "account") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[-1].headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
    assert ask(desk, "GET", "invoices").status_code == 200
    assert desk.stripe.refused == 1


def test_the_hosted_invoice_is_a_page(desk):
    receipt = desk.send(desk.push())
    assert receipt.number in requests.get(receipt.url, timeout=60).text
    assert requests.get(f"{desk.stripe.url}/i/in_x", timeout=60).status_code == 404


@pytest.fixture
def listener():
    arrived, got = [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.append((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()
            got.set()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", arrived, got
    server.shutdown()
    server.server_close()


def test_events_are_delivered_signed_as_the_plugin_wants_them(desk, listener):
    url, arrived, got = listener
    desk.stripe.webhook_url = url
    draft(desk)
    assert got.wait(60)
    body, signature = arrived[0]
    request = WebhookRequest(body, {"stripe-signature": signature}, desk.clock.now())
    secrets = {"connect_webhook_secret": desk.stripe.webhook_secrets[True]}
    assert webhooks.receive(request, secrets, None) == []
    assert json.loads(body)["type"] == "invoice.created"


def test_a_listener_that_is_away_disturbs_nobody(desk):
    desk.stripe.webhook_url = "http://127.0.0.1:1/"
    assert draft(desk)["status"] == "draft"


def test_it_stands_alone_and_tells_the_hub_how_to_reach_it():
    with contextlib.closing(_Started()) as simulator:
        simulator.seed_demo()
        values = simulator.configuration()
        assert values["KABLE_STRIPE_TEST_API_URL"] == simulator.url
        assert values["KABLE_STRIPE_LIVE_SECRET_KEY"].startswith("sk_live_")
        assert set(values) == {
            f"KABLE_STRIPE_{mode}_{name}"
            for mode in ("TEST", "LIVE")
            for name in (
                "CLIENT_ID",
                "SECRET_KEY",
                "CONNECT_WEBHOOK_SECRET",
                "API_URL",
                "CONNECT_URL",
            )
        }
        names = [one.title for one in simulator.demo_customers(LIVE)]
        assert (len(names), names[0], names[-1]) == (5, "Northwind Traders", "Cedar & Sons")
        assert simulator.documents() == simulator.drafts() == []


class _Started(StripeSimulator):
    def __init__(self):
        super().__init__(port=0)
        self.start()

    def close(self):
        self.stop()


def test_documents_and_drafts_are_told_apart(desk):
    draft(desk)
    receipt = desk.send(desk.push())
    (final,) = desk.stripe.documents()
    assert final == {
        "external_id": receipt.external_id,
        "number": receipt.number,
        "customer": desk.customer,
        "currency": "USD",
        "total": 10000,
        "marker": "hub_1/acc_1/inv_1",
        "status": "open",
        "environment": "test",
        "account": desk.account,
    }
    assert len(desk.stripe.drafts()) == 1
