"""What an invoice becomes at Stripe: amounts, lines, texts, and the limits of each."""

import json

import pytest

from kable_hub.testing import Fault
from tests.stripe.asking import at_stripe, lines, own_settings, payment, refused, settings
from tests.stripe.stage import DAY, Stage


def test_a_customer_is_billed_otherwise_than_the_connection(shop: Stage):
    shop.customer(with_card=False)
    waiting = shop.push()
    assert shop.standing(waiting) == ("blocked", "requires_payment_method")
    saved = own_settings(shop, collection_method="send_invoice", days_until_due=14)
    assert saved["effective"]["collection_method"] == "send_invoice"
    shop.work()
    assert shop.standing(waiting) == ("delivered", "")
    invoice = shop.the_invoice()
    assert invoice["collection_method"] == "send_invoice"
    assert invoice["due_date"] == invoice["created"] + 14 * DAY
    assert shop.get("/customers/c1/links")["items"][0]["settings"]["days_until_due"] == 14


def test_17_a_mailed_invoice_needs_an_address_and_days_are_of_no_use_for_a_charged_one(
    shop: Stage,
):
    there = shop.customer()
    at_stripe(shop, there)["email"] = None
    settings(shop, collection_method="send_invoice")
    made = shop.push()
    assert shop.standing(made) == ("blocked", "customer_email")
    assert shop.calls("POST", "/v1/") == []
    problem = own_settings(shop, days_until_due=400, footer="x", status=422)
    assert [one["field"] for one in problem["errors"]] == ["settings.footer"]
    problem = own_settings(shop, days_until_due=400, status=422)
    assert [one["field"] for one in problem["errors"]] == ["settings.days_until_due"]
    settings(shop, collection_method="charge_automatically", days_until_due=5)
    shop.work()
    assert shop.standing(made) == ("delivered", "")
    assert shop.the_invoice()["due_date"] is None


def test_25_an_edit_at_stripe_moves_only_the_payment_status(shop: Stage):
    shop.customer()
    made = shop.push()
    before = shop.shown(made)
    invoice = shop.the_invoice()
    invoice["description"] = "changed by hand"
    invoice["total"] = 1
    shop.stripe.emit(shop.ledger(), "invoice.updated", invoice)
    shop.hear()
    assert shop.delivery(made)["receipt"]["total"] == "19.99"
    invoice.update(status="paid", amount_paid=0, amount_paid_off_stripe=1999)
    shop.stripe.emit(shop.ledger(), "invoice.paid", invoice)
    shop.hear()
    assert payment(shop, made) == ("paid", "paid_elsewhere")
    after = shop.shown(made)
    assert [after[name] for name in ("total", "lines", "memo", "revision")] == [
        before[name] for name in ("total", "lines", "memo", "revision")
    ]
    assert shop.invoices() == [invoice]


@pytest.mark.parametrize(
    ("currency", "prices", "sent"),
    [
        ("JPY", ["1000"], [1000]),
        ("KWD", ["5.124"], [5120]),
        ("ISK", ["5"], [500]),
        ("UGX", ["7000"], [700000]),
        ("USD", ["0.01", "0.01", "0.02"], [1, 1, 2]),
        ("BHD", ["1.004", "1.004", "1.004"], [1010, 1000, 1000]),
    ],
)
def test_27_every_currency_is_counted_as_stripe_counts_it(shop: Stage, currency, prices, sent):
    shop.customer(currency=currency)
    made = shop.push(currency=currency, lines=lines(*prices))
    assert shop.standing(made) == ("delivered", "")
    invoice = shop.the_invoice()
    assert [row["amount"] for row in invoice["_rows"]] == sent
    assert (invoice["total"], invoice["currency"]) == (sum(sent), currency.lower())


def test_29_the_largest_amount_goes_and_one_cent_more_is_told_and_leaves_no_draft(shop: Stage):
    shop.customer()
    assert shop.standing(shop.push(lines=lines("999999.99"))) == ("delivered", "")
    made = shop.push(lines=lines("500000.00", "500000.00"))
    state, code, said = refused(shop, made)
    assert (state, code) == ("rejected", "amount_too_large")
    assert "99999999" in said
    assert [one["status"] for one in shop.invoices()] == ["open"]


def test_30_250_lines_go_one_more_is_refused_before_any_call_or_put_together(shop: Stage):
    shop.customer()
    assert shop.standing(shop.push(lines=lines(*["1.00"] * 250))) == ("delivered", "")
    calls = len(shop.calls())
    made = shop.push(lines=lines(*["1.01"] * 251))
    state, code, said = refused(shop, made)
    assert (state, code, len(shop.calls())) == ("rejected", "unsupported", calls)
    assert "250 lines" in said
    settings(shop, many_lines="combine")
    shop.made(f"/deliveries/{shop.delivery(made)['id']}/retry")
    shop.work()
    assert shop.standing(made) == ("delivered", "")
    rows = shop.invoices()[-1]["_rows"]
    assert (len(rows), sum(row["amount"] for row in rows)) == (250, 25351)
    assert rows[-1]["description"] == "2 lines together (lines 250–251): work 249; work 250"


def test_30_a_chunk_of_lines_that_is_lost_in_the_middle_doubles_nothing(shop: Stage):
    shop.customer()
    settings(shop, many_lines="combine")
    shop.stripe.fault(Fault("add_lines", "POST", stage="after", reset=True, skip=1))
    made = shop.push(lines=lines(*["1.00"] * 260))
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")
    assert len(shop.the_invoice()["_rows"]) == 250
    assert shop.the_invoice()["total"] == 26000


def test_31_pending_items_a_coupon_and_a_credit_change_what_is_due_and_not_the_total(shop: Stage):
    there = shop.customer()
    at_stripe(shop, there).update(_coupon=50, balance=-500)
    made = shop.push()
    invoice = shop.the_invoice()
    assert (invoice["total"], invoice["amount_due"]) == (1999, 1499)
    delivery = shop.delivery(made)
    assert (delivery["receipt"]["total"], delivery["variance"]) == ("19.99", "0.00")
    (sent,) = [one for one in shop.stripe.requests if one.path == "/v1/invoices"]
    assert b"pending_invoice_items_behavior=exclude" in sent.body


def test_34_the_accounts_metadata_never_takes_the_hubs_place(shop: Stage):
    there = shop.customer()
    own = {
        "order": "A-7 🚢",
        "hub_invoice_id": "mine",
        "hub_marker": "mine",
        "box[1]": "x",
        "k" * 40: "v" * 500,
    }
    made = shop.push(metadata=own)
    marks = shop.the_invoice()["metadata"]
    assert marks["hub_invoice_id"] == made["id"]
    assert marks["hub_customer_id"] == shop.get("/customers/c1")["id"]
    assert marks["hub_marker"].endswith(made["id"])
    assert (marks["order"], marks["k" * 40]) == ("A-7 🚢", "v" * 500)
    assert "box[1]" not in marks
    assert shop.the_invoice()["customer"] == there
    full = shop.push(metadata={f"key-{at}": "v" for at in range(40)})
    assert shop.standing(full) == ("delivered", "")
    assert len(shop.invoices()[-1]["metadata"]) == 46


@pytest.mark.parametrize(
    "metadata",
    [{f"key-{at}": "v" for at in range(51)}, {"k" * 41: "v"}, {"key": "v" * 501}],
)
def test_34_more_metadata_than_anyone_keeps_is_refused_by_the_hub(shop: Stage, metadata):
    shop.customer()
    body = {"customer": "c1", "number": "M-1", "currency": "USD", "issueDate": "2026-11-22"}
    answer = shop.post("/invoices", {**body, "lines": lines("1.00"), "metadata": metadata})
    assert answer.status_code == 422
    assert {one["field"].partition(".")[0] for one in answer.json["errors"]} == {"metadata"}


def test_35_texts_are_held_to_stripes_lengths_before_they_are_sent(shop: Stage):
    shop.customer()
    long = [{"description": "x" * 5000, "unitPrice": "0.25", "quantity": 40}]
    made = shop.push(lines=long, memo="m" * 2000)
    assert shop.standing(made) == ("delivered", "")
    text = shop.the_invoice()["_rows"][0]["description"]
    assert (len(text), text.endswith("x (40 × 0.25 USD)")) == (5000, True)
    assert len(shop.the_invoice()["description"]) == 1500
    body = {"customer": "c1", "number": "M-1", "currency": "USD", "issueDate": "2026-11-22"}
    longer = shop.post("/invoices", {**body, "lines": [{**long[0], "description": "x" * 5001}]})
    assert longer.json["errors"][0]["field"] == "lines.0.description"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_descriptor", "X" * 23),
        ("statement_descriptor", "12345"),
        ("statement_descriptor", "A*B"),
        ("custom_fields", "a: 1; b: 2; c: 3; d: 4"),
        ("custom_fields", f"{'c' * 41}: text"),
        ("custom_fields", f"caption: {'t' * 141}"),
        ("number_field", "n" * 41),
        ("footer", "f" * 5001),
        ("tax_rates", "STD: no rate"),
        ("collection_method", "by_mail"),
        ("many_lines", "cut"),
        ("days_until_due", -1),
    ],
)
def test_35_a_setting_that_stripe_would_not_take_is_refused_when_it_is_saved(
    shop: Stage, name, value
):
    answer = shop.call("PUT", "/connections/stripe/settings", {"values": {name: value}})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == [f"settings.{name}"]


def test_47_the_end_customer_reads_no_word_of_the_hub(shop: Stage):
    shop.customer()
    settings(shop, many_lines="combine", custom_fields="Order: A-7")
    shop.push(memo="Thank you", lines=lines(*["1.00"] * 260))
    for sent in shop.stripe.requests:
        fields = [one for one in sent.body.decode().split("&") if "metadata" not in one]
        assert not [one for one in fields if "hub" in one.lower() or "kable" in one.lower()]
    hidden = ("metadata", "hosted_invoice_url", "_rows")
    shown = {key: one for key, one in shop.the_invoice().items() if key not in hidden}
    texts = [row["description"] for row in shop.the_invoice()["_rows"]]
    said = json.dumps([shown, texts], default=str).lower()
    assert "hub" not in said
    assert "kable" not in said
    settings(shop, footer="Sent by our hub")
    shop.push()
    assert shop.invoices()[-1]["footer"] == "Sent by our hub"


def test_after_it_is_sent_nothing_at_stripe_changes_but_by_a_void(shop: Stage):
    shop.customer()
    made = shop.push()
    answer = shop.call("PATCH", f"/invoices/{made['id']}", {"memo": "late"})
    assert answer.json["code"] == "invoice_already_sent"
    settings(shop, footer="late", tax="line")
    own_settings(shop, collection_method="send_invoice")
    calls = shop.calls("POST")
    shop.work()
    assert shop.calls("POST") == calls
    shop.made(f"/deliveries/{shop.delivery(made)['id']}/void")
    shop.work()
    assert (shop.the_invoice()["status"], payment(shop, made)[0]) == ("void", "void")
