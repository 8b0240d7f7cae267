"""Invoices and deliveries, as a caller sees them."""

import json

import pytest

from tests.web.site import customer, invoice


@pytest.fixture
def shop(web_on_both):
    """A shop with a connection and a linked customer."""
    web_on_both.connect()
    web_on_both.made("/customers", customer(acmeCustomerId="A-1"))
    return web_on_both


def test_an_invoice_is_accepted_with_exact_amounts_and_its_delivery(shop):
    lines = [
        {"description": "hours", "quantity": 2.55, "unitPrice": 19.99, "taxRate": "7.5"},
        {"description": "fee", "amount": "0.10", "serviceDate": "2026-11-01"},
    ]
    body = json.dumps(invoice(lines=lines, metadata={"order": "7"}, dueDate="2026-12-22"))
    answer = shop.post("/invoices", data=body, content_type="application/json")
    made = answer.json
    assert answer.status_code == 201, made
    assert (made["subtotal"], made["tax"], made["total"]) == ("51.07", "3.82", "54.89")
    first, second = made["lines"]
    assert (first["quantity"], first["unitPrice"]) == ("2.55", "19.99")
    assert (first["amount"], first["tax"], first["taxRate"]) == ("50.97", "3.82", "7.5")
    assert (second["amount"], second["serviceDate"]) == ("0.10", "2026-11-01")
    assert (made["clientId"], made["revision"], made["notLinked"]) == ("c1", 1, [])
    assert [one["state"] for one in made["deliveries"]] == ["due"]
    assert answer.headers["Location"] == f"/api/v1/invoices/{made['id']}"
    assert answer.headers["ETag"] == '"1"'


def test_currencies_keep_their_own_decimals(web):
    for currency, amount in (("JPY", "1999"), ("KWD", "1.999"), ("EUR", "19.90")):
        web.made("/customers", customer(currency, currency=currency))
        lines = [{"description": "work", "amount": amount}]
        body = invoice(currency, customer=currency, currency=currency, lines=lines)
        assert web.made("/invoices", body)["total"] == amount


def test_an_invoice_is_shown_with_what_happened_to_it(shop):
    made = shop.made("/invoices", invoice())
    answer = shop.get(f"/invoices/{made['id']}")
    assert answer.headers["ETag"] == '"1"'
    shown = answer.json
    assert [one["kind"] for one in shown.pop("timeline")] == ["created", "opened"]
    assert shown == made
    listed = shop.get("/invoices").json["items"]
    assert [one["lines"] for one in listed] == [[]]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("customer=c1", 2),
        ("number=INV-1", 1),
        ("state=due", 2),
        ("state=due&provider=acme", 2),
        ("provider=nobody", 0),
        ("issuedFrom=2026-11-23", 0),
        ("issuedTo=2026-11-22&limit=1", 1),
    ],
)
def test_invoices_are_filtered(web, query, count):
    web.connect()
    web.made("/customers", customer(acmeCustomerId="A-1"))
    for number in ("INV-1", "INV-2"):
        web.made("/invoices", invoice(number))
    assert len(web.get(f"/invoices?{query}").json["items"]) == count


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"currency": "XXX"}, "currency", "unknown_currency"),
        ({"total": "20.00"}, "total", "total_mismatch"),
        ({"customer": "nobody"}, "customer", "unknown_customer"),
        ({"issueDate": "2026-02-30"}, "issueDate", "invalid"),
        ({"issueDate": "20260230"}, "issueDate", "invalid"),
        ({"total": "1e3"}, "total", "invalid"),
        ({"total": True}, "total", "invalid"),
        ({"total": "1_000"}, "total", "invalid"),
        ({"number": None}, "number", "null"),
        ({"lines": []}, "lines", "required"),
        (
            {"lines": [{"description": "a", "amount": "1.999"}]},
            "lines.0.amount",
            "too_many_decimals",
        ),
        ({"lines": [{"description": "a", "amount": 1e300}]}, "lines.0.amount", "invalid"),
        ({"lines": [{"description": "a"}]}, "lines.0.unitPrice", "required"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
def test_a_bad_invoice_is_refused_whole_at_its_field(web, changes, field, code):
    web.made("/customers", customer())
    answer = web.post("/invoices", invoice(**changes))
    assert answer.status_code == 422, answer.json
    assert (field, code) in {(one["field"], one["code"]) for one in answer.json["errors"]}
    assert web.get("/invoices").json["items"] == []


def test_a_thousand_at_once_get_a_result_each(shop):
    bad = {1: {"total": "7"}, 3: {"colour": "red"}, 4: {"customer": "nobody"}}
    items = [invoice(f"INV-{n}", **bad.get(n, {})) for n in range(6)] + [invoice("INV-0"), "x"]
    answer = shop.post("/invoices/bulk", {"invoices": items})
    assert answer.status_code == 200, answer.json
    results = answer.json["results"]
    assert (answer.json["accepted"], answer.json["refused"]) == (3, 5)
    assert [one["index"] for one in results] == list(range(8))
    assert [one["accepted"] for one in results] == [
        *(True, False, True, False, False, True),
        False,
        False,
    ]
    fields = [one["problem"]["errors"][0]["field"] for one in results if not one["accepted"]]
    assert fields == ["total", "colour", "customer", "number", ""]
    assert results[6]["problem"]["code"] == "duplicate_invoice_number"
    assert results[0]["invoice"]["number"] == "INV-0"
    assert len(shop.get("/invoices").json["items"]) == 3


def test_a_bulk_that_is_not_to_be_shown_again_is_named_by_its_ids(shop):
    body = {"invoices": [invoice("INV-1"), invoice("INV-1"), invoice("INV-2", colour="red")]}
    headers = {"Prefer": "respond-async, return=minimal", "Idempotency-Key": "bulk-1"}
    for _ in range(2):
        answer = shop.post("/invoices/bulk", body, headers=headers)
        assert answer.headers["Preference-Applied"] == "return=minimal"
        accepted, *refused = answer.json["results"]
        assert (accepted["accepted"], accepted["invoice"]) == (True, None)
        assert shop.get(f"/invoices/{accepted['invoiceId']}").json["number"] == "INV-1"
        assert [(one["accepted"], one["invoiceId"]) for one in refused] == [(False, None)] * 2
    answer = shop.post("/invoices/bulk", {"invoices": [invoice("INV-3")]})
    assert "Preference-Applied" not in answer.headers
    shown = answer.json["results"][0]
    assert shown["invoice"]["id"] == shown["invoiceId"]


def test_a_bulk_can_be_repeated_by_its_key_or_by_its_numbers(shop):
    body = {"invoices": [invoice(f"INV-{n}") for n in range(3)]}
    key = {"Idempotency-Key": "bulk-1"}
    first = shop.post("/invoices/bulk", body, headers=key)
    assert shop.post("/invoices/bulk", body, headers=key).data == first.data
    assert shop.post("/invoices/bulk", body).json["refused"] == 3


@pytest.mark.parametrize("count", [0, 1001])
def test_none_and_too_many_are_refused(web, count):
    answer = web.post("/invoices/bulk", {"invoices": [invoice()] * count})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "invoices")


def test_an_invoice_is_changed_while_its_revision_is_the_one_that_was_read(shop):
    path = f"/invoices/{shop.made('/invoices', invoice())['id']}"
    lines = [{"description": "less", "amount": "5.00"}]
    answer = shop.call("PATCH", path, {"lines": lines, "memo": "m"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json["total"]) == (200, "5.00"), answer.json
    assert (answer.json["revision"], answer.headers["ETag"]) == (2, '"2"')
    stale = shop.call("PATCH", path, {"memo": "n"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json["code"]) == (412, "revision_outdated")
    free = shop.call("PATCH", path, {"memo": "o"})
    assert (free.status_code, free.json["revision"]) == (200, 3)
    wrong = shop.call("PATCH", path, {"memo": "p"}, headers={"If-Match": "latest"})
    assert (wrong.status_code, wrong.json["code"]) == (400, "invalid_if_match")
    fixed = shop.call("PATCH", path, {"customer": "c2"})
    assert fixed.json["errors"][0]["field"] == "customer"


def test_a_held_invoice_is_pushed_by_hand_and_may_be_cancelled(shop):
    held = shop.made("/invoices", invoice(autoPush=False))
    assert held["deliveries"][0]["state"] == "held"
    path = f"/invoices/{held['id']}"
    pushed = shop.made(f"{path}/push", {"provider": "acme"})
    assert pushed["deliveries"][0]["state"] == "due"
    again = shop.post(f"{path}/push", {})
    assert (again.status_code, again.json["code"]) == (409, "nothing_held")
    cancelled = shop.made(f"{path}/cancel")
    assert cancelled["deliveries"][0]["state"] == "cancelled"


def test_the_preview_is_the_document_that_would_be_sent(shop):
    made = shop.made("/invoices", invoice(memo="thanks"))
    answer = shop.get(f"/invoices/{made['id']}/preview?provider=acme")
    assert answer.status_code == 200, answer.json
    assert answer.json["provider"] == "acme"
    document = answer.json["document"]
    assert (document["customer"], document["number"], document["total"]) == ("A-1", "INV-1", 1999)
    assert shop.acme.finals() == []


def test_the_preview_says_what_stands_against_it(shop):
    lines = [{"description": f"line {n}", "amount": "1.00"} for n in range(251)]
    many = shop.made("/invoices", invoice("INV-9", lines=lines))
    refused = shop.get(f"/invoices/{many['id']}/preview?provider=acme")
    assert (refused.status_code, refused.json["fact"]) == (422, "max_lines")
    assert shop.get(f"/invoices/{many['id']}/preview?provider=nobody").status_code == 404
    assert shop.get("/invoices/inv_0/preview?provider=acme").status_code == 404
    assert shop.get(f"/invoices/{many['id']}/preview").status_code == 422
    needs = shop.made("/invoices", invoice("INV-8", memo="no item"))
    told = shop.get(f"/invoices/{needs['id']}/preview?provider=acme")
    assert (told.status_code, told.json["code"]) == (409, "missing_setting")


def test_the_preview_needs_a_link(shop):
    shop.made("/customers", customer("c2"))
    made = shop.made("/invoices", invoice(customer="c2"))
    path = f"/invoices/{made['id']}/preview?provider=acme"
    assert shop.get(path).json["code"] == "not_linked"
    shop.post("/customers/c2/links/acme/create")
    assert shop.get(path).json["code"] == "link_pending"


def test_deliveries_are_listed_filtered_and_shown(shop):
    shop.made("/invoices", invoice())
    listed = shop.get("/deliveries?state=due&provider=acme&kind=push&customer=c1").json["items"]
    assert len(listed) == 1
    assert listed[0]["variance"] is None
    assert listed[0]["receipt"] is None
    assert shop.get("/deliveries?errorCode=rejected").json["items"] == []
    shown = shop.get(f"/deliveries/{listed[0]['id']}").json
    assert (shown["generations"], shown["tried"], shown["signals"]) == ([], [], [])
    assert shown["invoiceId"] == listed[0]["invoiceId"]


def test_a_delivery_is_retried_cancelled_and_refused_what_does_not_fit(shop):
    held = shop.made("/invoices", invoice("INV-1", autoPush=False))["deliveries"][0]
    path = f"/deliveries/{held['id']}"
    assert shop.made(f"{path}/push")["state"] == "due"
    assert shop.made(f"{path}/retry")["state"] == "due"
    assert shop.post(f"{path}/settle", {"exists": False}).json["code"] == "not_uncertain"
    assert shop.post(f"{path}/void").json["code"] == "not_delivered"
    assert shop.made(f"{path}/cancel")["state"] == "cancelled"
    assert shop.post(f"{path}/retry").json["code"] == "not_retryable"
    assert shop.post("/deliveries/dlv_0/retry").status_code == 404


def test_many_are_retried_by_a_filter(shop):
    lines = [{"description": f"line {n}", "amount": "1.00"} for n in range(251)]
    shop.made("/invoices", invoice(lines=lines))
    assert shop.get("/deliveries").json["items"][0]["state"] == "rejected"
    assert shop.made("/deliveries/retry", {"errorCode": "nothing"}) == {"retried": 0}
    assert shop.made("/deliveries/retry", {"state": "rejected"}) == {"retried": 1}
    wrong = shop.post("/deliveries/retry", {"code": "x"})
    assert wrong.json["errors"][0]["field"] == "code"
