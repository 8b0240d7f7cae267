"""Numbers, taxes, currencies, texts: edges 30 to 45."""

from decimal import Decimal

import pytest

from kable_hub.testing import Fault
from tests.quickbooks.stage import CA, GB

CODES = {"tax_code": "1", "no_tax_code": "2"}


def line(price="19.99", **changes):
    return {"description": "work", "quantity": 1, "unitPrice": price, **changes}


def detail(row, at=0):
    return row["Line"][at]["SalesItemLineDetail"]


def variance(shop, made):
    delivery = shop.delivery(made)
    receipt = delivery["receipt"]
    return receipt["total"], receipt["tax"], delivery["variance"]


def test_30_long_numbers_get_a_short_form_of_their_own_and_stand_whole_in_the_note(ready):
    numbers = [f"KABLE-2026-NORTHERN-0000{at}-EU" for at in (1, 2)]
    for number in numbers:
        ready.push(number)
    sent = [row["DocNumber"] for row in ready.invoices()]
    assert len(set(sent)) == 2
    assert all(len(one) <= 21 and one.startswith("KABLE-2026") for one in sent)
    assert all(
        number in row["PrivateNote"] for number, row in zip(numbers, ready.invoices(), strict=True)
    )


@pytest.mark.parametrize(
    ("custom", "policy", "number"),
    [(True, "company", "A-1"), (False, "company", "1001"), (True, "quickbooks", "")],
)
def test_31_the_number_is_sent_as_the_company_keeps_numbers_and_its_answer_is_stored(
    bare, custom, policy, number
):
    bare.books().custom_numbers = custom
    bare.connect(numbers=policy)
    bare.customer()
    made = bare.push("A-1")
    assert ("DocNumber" in bare.bodies()[0]) is (number == "A-1")
    assert bare.delivery(made)["receipt"]["number"] == number
    assert "Invoice A-1" in bare.the_invoice()["PrivateNote"]


def test_32_zero_and_negative_lines_are_fine_and_a_negative_total_is_no_invoice(ready):
    zero = ready.push(lines=[line("0")])
    credit = ready.push(lines=[line("20"), line("5", quantity=-1)])
    assert [row["TotalAmt"] for row in ready.invoices()] == [0, 15]
    refused = ready.push(lines=[line("5", quantity=-1)])
    assert ready.standing(refused) == ("rejected", "unsupported")
    assert "credit notes" in ready.delivery(refused)["errorMessage"]
    assert len(ready.calls("POST")) == 2
    assert {ready.standing(one)[0] for one in (zero, credit)} == {"delivered"}


def test_33_what_does_not_multiply_out_is_sent_as_one_and_adds_up_to_the_cent(ready):
    rows = [line("10", quantity="0.333"), line("10", quantity="0.3333"), line("3", quantity="1.1")]
    made = ready.push(lines=rows)
    sent = ready.bodies()[0]["Line"]
    for one in sent:
        product = one["SalesItemLineDetail"]
        assert product["Qty"] * product["UnitPrice"] == one["Amount"]
    assert [one["Amount"] for one in sent] == [Decimal("3.33"), Decimal("3.33"), Decimal("3.3")]
    assert sent[1]["Description"] == "0.3333 × 10: work"
    assert variance(ready, made) == ("9.96", "0.00", "0.00")
    assert ready.the_invoice()["TotalAmt"] == Decimal("9.96")


def test_34_tenths_tiny_prices_and_a_billion_stay_exact_numbers(ready):
    rows = [
        line("0.1"),
        line("0.2"),
        line("0.0000001", quantity=10_000_000),
        line("1000000000"),
    ]
    ready.push(lines=rows)
    text = ready.asked("POST", "/invoice$")[0].body.decode()
    assert '"UnitPrice":0.0000001' in text
    assert "E-" not in text
    assert ready.the_invoice()["TotalAmt"] == Decimal("1000000001.3")


def test_35_yen_are_exact_and_a_currency_of_three_decimals_is_refused_before_any_call(bare):
    bare.books().tables["Customer"]["29"]["CurrencyRef"] = {"value": "JPY"}
    bare.connect()
    bare.customer("c1", "29")
    bare.push(currency="JPY", lines=[line("1999")])
    assert (bare.the_invoice()["TotalAmt"], bare.bodies()[0]["ExchangeRate"]) == (
        1999,
        Decimal("0.0065"),
    )
    calls = len(bare.asked())
    made = bare.push(currency="KWD", lines=[line("1.234")])
    assert bare.standing(made) == ("rejected", "unsupported")
    assert "KWD" in bare.delivery(made)["errorMessage"]
    assert len(bare.asked()) == calls


def test_36_a_foreign_invoice_carries_the_companys_rate_and_waits_where_there_is_none(shop):
    shop.customer("c1", "29")
    shop.push(currency="EUR")
    body = shop.bodies()[0]
    assert (body["CurrencyRef"], body["ExchangeRate"]) == ({"value": "EUR"}, Decimal("1.0842"))
    assert shop.the_invoice()["ExchangeRate"] == Decimal("1.0842")
    del shop.books().rates["EUR"]
    made = shop.push(currency="EUR", issueDate="2026-11-20")
    assert shop.standing(made) == ("blocked", "missing_exchange_rate")
    assert "EUR on 2026-11-20" in shop.delivery(made)["errorMessage"]
    shop.books().rates["EUR"] = Decimal("1.09")
    shop.made("/connections/quickbooks/check")
    shop.work()
    assert shop.standing(made) == ("delivered", "")
    assert shop.bodies()[1]["ExchangeRate"] == Decimal("1.09")


def test_37_an_invoice_in_another_currency_than_its_customer_is_refused_before_any_write(ready):
    made = ready.push(currency="EUR")
    assert ready.standing(made) == ("blocked", "currency_mismatch")
    assert "kept in USD" in ready.delivery(made)["errorMessage"]
    assert ready.calls("POST") == []


def test_38_what_automated_sales_tax_adds_shows_as_a_difference_with_both_totals(ready):
    ready.books().automatic_rate = Decimal("8.25")
    made = ready.push()
    assert ready.standing(made) == ("delivered", "")
    assert variance(ready, made) == ("21.64", "1.65", "1.65")
    assert ready.shown(made)["total"] == "19.99"
    told = ready.push(lines=[line("100", taxAmount="7.00")])
    assert variance(ready, told) == ("107.00", "7.00", "0.00")


def test_39_a_tax_code_without_an_entry_is_named_before_any_write_and_goes_on_once_it_has_one(bare):
    bare.connect(CA)
    bare.customer()
    rows = [line("100", taxAmount="20.00", taxCode="GST"), line("5", taxCode="EXEMPT")]
    made = bare.push(currency="CAD", lines=rows)
    assert bare.standing(made) == ("blocked", "missing_setting")
    delivery = bare.delivery(made)
    assert delivery["blockedOn"] == "settings"
    assert "tax_codes has no entry for GST, EXEMPT" in delivery["errorMessage"]
    assert bare.calls("POST") == []
    bare.settings(tax_codes={"GST": "1", "EXEMPT": "2"})
    bare.work()
    assert bare.standing(made) == ("delivered", "")
    assert [detail(bare.bodies()[0], at)["TaxCodeRef"]["value"] for at in (0, 1)] == ["1", "2"]
    assert variance(bare, made) == ("125.00", "20.00", "0.00")


def test_39_a_cent_that_quickbooks_rounds_otherwise_is_shown_outside_the_us_too(bare):
    bare.books(GB).tax_delta = Decimal("0.01")
    bare.connect(GB, **CODES)
    bare.customer()
    made = bare.push(currency="GBP", lines=[line("10", taxAmount="2.00")])
    assert variance(bare, made) == ("12.01", "2.01", "0.01")


def test_40_texts_are_cleaned_and_cut_and_keep_every_script(ready):
    texts = ["x" * 4001, "a\r\nb", "\u05e9\u05dc\u05d5\u05dd \U0001f69a", "t\tab"]
    ready.push(lines=[line("1", description=one) for one in texts], memo="m" * 1500)
    body = ready.bodies()[0]
    sent = [one["Description"] for one in body["Line"]]
    assert sent == ["x" * 4000, "a\nb", texts[2], "t\tab"]
    assert len(body["CustomerMemo"]["value"]) == 1000
    nul = ready.call("POST", "/invoices", {**invoice_body(), "memo": "a\x00b"})
    assert nul.status_code in (400, 422)


def invoice_body():
    return {
        "customer": "c1",
        "number": "N-1",
        "currency": "USD",
        "issueDate": "2026-11-22",
        "lines": [line()],
    }


@pytest.mark.parametrize(
    ("email", "sent"),
    [
        ("billing@example.com", {"Address": "billing@example.com"}),
        (f"{'a' * 60}@{'b' * 36}.com", None),
        ("", None),
    ],
)
def test_41_an_address_that_quickbooks_takes_is_sent_and_nothing_is_mailed(shop, email, sent):
    shop.customer(email=email)
    shop.push()
    body = shop.bodies()[0]
    assert (body.get("BillEmail"), body["EmailStatus"]) == (sent, "NotSet")


def test_41_quickbooks_mails_only_where_a_setting_asks_and_waits_for_an_address(shop):
    shop.settings(mail_invoice=True)
    shop.customer()
    made = shop.push()
    assert shop.standing(made) == ("blocked", "missing_email")
    answer = shop.call("PATCH", "/customers/c1", {"email": "billing@example.com"})
    assert answer.status_code == 200, answer.text
    shop.work()
    assert shop.standing(made) == ("delivered", "")
    assert shop.bodies()[0]["EmailStatus"] == "NeedToSend"


def test_42_dates_are_sent_as_they_are_and_closed_books_wait_for_a_person(ready):
    ready.books().closed_until = "2026-10-31"
    early = ready.push(issueDate="2026-10-05", dueDate="2026-11-05")
    assert ready.standing(early) == ("blocked", "closed_period")
    assert ready.delivery(early)["attempts"] == 1
    ready.books().closed_until = ""
    ready.made(f"/deliveries/{ready.delivery(early)['id']}/retry")
    ready.work()
    assert ready.standing(early) == ("delivered", "")
    row = ready.the_invoice()
    assert (row["TxnDate"], row["DueDate"]) == ("2026-10-05", "2026-11-05")


def test_43_more_than_750_lines_are_refused_or_put_together_by_the_setting(ready):
    rows = [line("0.01", description=f"call {at}", taxCode="") for at in range(800)]
    refused = ready.push(lines=rows)
    assert ready.standing(refused) == ("rejected", "unsupported")
    assert "750" in ready.delivery(refused)["errorMessage"]
    ready.settings(many_lines="combine")
    ready.made(f"/deliveries/{ready.delivery(refused)['id']}/retry")
    ready.work()
    assert ready.standing(refused) == ("delivered", "")
    sent = ready.bodies()[0]["Line"]
    assert len(sent) == 750
    assert sent[-1]["Description"].startswith("51 lines together (lines 750–800): call 749; ")
    assert variance(ready, refused) == ("8.00", "0.00", "0.00")


def test_44_an_item_that_is_gone_is_named_with_its_setting_and_not_the_customer(ready):
    ready.settings(items={"API": "2"})
    ready.books().tables["Item"]["2"]["Active"] = False
    before = sum("from Item" in str(one.query) for one in ready.asked("GET", "/query$"))
    mapped = [ready.invoice(lines=[line(productCode="API")]) for _ in range(3)]
    plain = ready.invoice()
    ready.work()
    assert {ready.standing(one) for one in mapped} == {("blocked", "inactive_reference")}
    delivery = ready.delivery(mapped[0])
    assert delivery["blockedOn"] == "settings"
    assert "Hours (items: API)" in delivery["errorMessage"]
    assert ready.standing(plain) == ("delivered", "")
    asked = [one for one in ready.asked("GET", "/query$") if "from Item" in str(one.query)]
    assert len(asked) - before == 1
    ready.settings(items={"API": "3"})
    ready.work()
    assert {ready.standing(one) for one in mapped} == {("delivered", "")}


def test_44_an_item_that_never_stood_there_is_named_too(ready):
    ready.settings(default_item="77")
    made = ready.push()
    assert ready.standing(made) == ("blocked", "unknown_reference")
    assert "item 77 (default_item)" in ready.delivery(made)["errorMessage"]


HTML, XML = (
    "<html><body>Service Unavailable</body></html>",
    (
        '<?xml version="1.0"?><IntuitResponse><Fault type="SERVICE"><Error code="003001">'
        "<Message>ThrottleExceeded</Message></Error></Fault></IntuitResponse>"
    ),
)
TWO = (
    '{"Fault":{"Error":[{"Message":"Odd","Detail":"odd","code":"9999"},'
    '{"Message":"Account Period Closed","Detail":"with the token BEARER","code":"6210"}],'
    '"type":"ValidationFault"}}'
)
ODD = [
    (200, TWO, ("blocked", "closed_period")),
    (400, TWO, ("blocked", "closed_period")),
    (503, HTML, ("delivered", "")),
    (429, XML, ("delivered", "")),
    (200, '{"Invoice":{"Id":"1"', ("delivered", "")),
    (
        400,
        '{"Fault":{"Error":[{"Message":"m","code":"003001"}],"type":"SERVICE"}}',
        ("delivered", ""),
    ),
]


@pytest.mark.parametrize(("status", "body", "end"), ODD, ids=[str(at) for at in range(len(ODD))])
def test_45_odd_answers_are_understood_and_their_id_is_kept(ready, status, body, end):
    bearer = ready.asked()[-1].header("authorization").removeprefix("Bearer ")
    assert bearer
    told = body.replace("BEARER", bearer)
    spoiled = {"status": status, "body": told, "headers": {"intuit_tid": "1-odd"}}
    ready.quickbooks.fault(Fault(path="/invoice$", method="POST", **spoiled))
    made = ready.push()
    ready.until_quiet(7200)
    assert ready.standing(made) == end
    assert len(ready.invoices()) == (end[0] == "delivered")
    calls = [call for one in ready.delivery(made)["tried"] for call in one["calls"]]
    sent = next(call for call in calls if call["writes"])
    assert (sent["status"], sent["requestId"]) == (status, "1-odd")
    assert bearer not in str(ready.delivery(made)) + str(ready.shown(made))


def test_45_nothing_is_ever_asked_to_allow_duplicate_numbers(ready):
    ready.push()
    assert all("include" not in one.query for one in ready.asked())
