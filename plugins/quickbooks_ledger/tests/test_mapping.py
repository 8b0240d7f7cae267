"""Hub to QuickBooks on paper: every cent, every number, every rule of the country."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kable_quickbooks_ledger import mapping, receipts, text
from kable_quickbooks_ledger.company import Company
from kable_quickbooks_ledger.declaration import PROVIDER

from kable_hub import CustomerLink, NeedsOperator, Unsupported, canonical, money
from kable_hub.testing import builders

AMERICAN = Company("US", "USD", True, True, True)
BRITISH = Company("GB", "GBP", True, True, True)
SETTINGS = {
    **builders.default_settings(PROVIDER),
    "default_item": "1",
    "tax_code": "2",
    "no_tax_code": "3",
}


def link(currency="USD", **customer):
    return CustomerLink(builders.customer(currency=currency, **customer), "28", {}, currency)


def document(invoice, company=AMERICAN, rate=None, customer=None, **settings):
    return mapping.to_document(
        invoice, customer or link(invoice.currency), company, {**SETTINGS, **settings}, rate
    )


def details(line, **settings):
    written = document(builders.invoice(line), **settings)["Line"][0]
    return SimpleNamespace(**written["SalesItemLineDetail"], Amount=written["Amount"], line=written)


amounts = st.integers(-(10**9), 10**11)
quantities = st.decimals(
    min_value=-(10**5), max_value=10**5, places=9, allow_nan=False, allow_infinity=False
)
prices = st.decimals(min_value=0, max_value=10**5, places=8, allow_nan=False, allow_infinity=False)
rows = st.lists(st.tuples(amounts, quantities, prices, st.integers(0, 10**6)), min_size=1)
currencies = st.sampled_from(["USD", "JPY", "EUR", "GBP", "ISK"])


@given(rows, currencies)
def test_lines_and_tax_add_up_to_the_hubs_total_to_the_cent(rows, currency):
    lines = [
        builders.line(at, amount=amount, quantity=quantity, unit_price=price, tax=tax)
        for at, (amount, quantity, price, tax) in enumerate(rows)
    ]
    invoice = builders.invoice(*lines, currency=currency)
    if invoice.total < 0:
        with pytest.raises(Unsupported):
            document(invoice, rate=Decimal("1.1"))
        return
    written = document(invoice, rate=Decimal("1.1"))
    tax = written.get("TxnTaxDetail", {}).get("TotalTax", 0)
    total = sum(line["Amount"] for line in written["Line"]) + tax
    assert total == money.to_major(invoice.total, currency)
    for line in written["Line"]:
        detail = line["SalesItemLineDetail"]
        assert detail["Qty"] * detail["UnitPrice"] == line["Amount"]
    assert canonical.loads(canonical.dumps(written))["Line"] == written["Line"]


def test_a_quantity_that_multiplies_out_is_sent_as_it_is():
    row = details(builders.line(quantity=Decimal("4.50"), unit_price=Decimal("25"), amount=11250))
    assert (row.Qty, row.UnitPrice, row.Amount) == (Decimal("4.5"), 25, Decimal("112.50"))
    assert row.line["Description"] == "Consulting 1"


def test_a_quantity_that_does_not_becomes_one_and_is_told_in_the_description():
    row = details(builders.line(quantity=Decimal("0.333"), unit_price=Decimal("10"), amount=333))
    assert (row.Qty, row.UnitPrice) == (Decimal("0.333"), 10)
    row = details(builders.line(quantity=Decimal("0.3333"), unit_price=Decimal("10"), amount=333))
    assert (row.Qty, row.UnitPrice, row.Amount) == (1, Decimal("3.33"), Decimal("3.33"))
    assert row.line["Description"] == "0.3333 × 10: Consulting 1"


def test_a_unit_price_with_more_decimals_than_quickbooks_keeps_becomes_the_amount():
    line = builders.line(quantity=Decimal(10**8), unit_price=Decimal("1e-8"), amount=100)
    assert details(line).UnitPrice == 1


def test_a_billion_and_a_zero_stay_exact():
    assert details(builders.line(amount=10**11, unit_price=Decimal(5))).Amount == 10**9
    zero = details(builders.line(quantity=Decimal(0), amount=0))
    assert (zero.Qty, zero.Amount) == (1, 0)


def test_yen_have_no_cents():
    written = document(builders.invoice(currency="JPY"), rate=Decimal("0.0067"))
    assert written["Line"][0]["Amount"] == 10000
    assert written["ExchangeRate"] == Decimal("0.0067")


def test_a_currency_with_three_decimals_is_unsupported_and_so_declared():
    with pytest.raises(Unsupported) as caught:
        document(builders.invoice(currency="KWD"))
    assert caught.value.fact == "currencies"
    assert "KWD" not in PROVIDER.facts.currencies
    assert {"USD", "EUR", "JPY"} <= PROVIDER.facts.currencies


def test_a_foreign_currency_needs_a_rate_so_that_it_is_never_booked_at_one():
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(currency="EUR"))
    assert caught.value.code == "missing_exchange_rate"


def test_home_currency_in_a_single_currency_company_sends_no_currency():
    written = document(builders.invoice(), Company("US", "USD", False, True, True))
    assert not {"CurrencyRef", "ExchangeRate"} & set(written)


def test_a_foreign_currency_in_a_single_currency_company_is_refused_before_sending():
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(currency="EUR"), Company("US", "USD", False, True, True))
    assert caught.value.code == "multicurrency_off"


def test_an_invoice_in_another_currency_than_the_linked_customers_is_refused():
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(currency="EUR"), customer=link("USD"), rate=Decimal(1))
    assert (caught.value.code, caught.value.on) == ("currency_mismatch", "link")


def test_without_a_default_item_the_missing_setting_is_named():
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(), default_item="")
    assert (caught.value.code, caught.value.on) == ("missing_setting", "settings")
    assert "default_item" in caught.value.message


def test_a_mapped_product_takes_its_own_item():
    line = builders.line(product_code="API")
    assert details(line, items={"API": "7"}).ItemRef == {"value": "7"}
    assert details(line).ItemRef == {"value": "1"}


def test_american_lines_say_tax_or_none_and_the_total_tax_is_explicit():
    invoice = builders.invoice(builders.line(1, tax=800), builders.line(2))
    written = document(invoice)
    codes = [line["SalesItemLineDetail"]["TaxCodeRef"]["value"] for line in written["Line"]]
    assert codes == ["TAX", "NON"]
    assert written["TxnTaxDetail"] == {"TotalTax": Decimal("8.00")}
    assert "GlobalTaxCalculation" not in written


def test_an_american_company_without_sales_tax_gets_no_codes_and_takes_no_tax():
    company = Company("US", "USD", True, True, False)
    written = document(builders.invoice(), company)
    assert "TaxCodeRef" not in written["Line"][0]["SalesItemLineDetail"]
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(builders.line(tax=1)), company)
    assert caught.value.code == "sales_tax_off"


def test_elsewhere_too_a_company_without_sales_tax_gets_no_codes():
    written = document(
        builders.invoice(currency="GBP"), Company("GB", "GBP", True, True, False), no_tax_code=""
    )
    assert "TaxCodeRef" not in written["Line"][0]["SalesItemLineDetail"]
    assert "GlobalTaxCalculation" not in written


def test_elsewhere_every_line_has_a_real_code():
    lines = (
        builders.line(1, tax=2000),
        builders.line(2),
        builders.line(3, tax=500, tax_code="REDUCED"),
    )
    invoice = builders.invoice(*lines, currency="GBP")
    written = document(invoice, BRITISH, tax_codes={"REDUCED": "9"})
    codes = [line["SalesItemLineDetail"]["TaxCodeRef"]["value"] for line in written["Line"]]
    assert codes == ["2", "3", "9"]
    assert written["GlobalTaxCalculation"] == "TaxExcluded"
    assert "TxnTaxDetail" not in written


@pytest.mark.parametrize(("tax", "setting"), [(2000, "tax_code"), (0, "no_tax_code")])
def test_elsewhere_a_missing_tax_code_is_named(tax, setting):
    invoice = builders.invoice(builders.line(tax=tax), currency="GBP")
    with pytest.raises(NeedsOperator) as caught:
        document(invoice, BRITISH, **{setting: ""})
    assert f"({setting})" in caught.value.message


def test_everything_that_is_missing_is_named_at_once():
    lines = (
        builders.line(1, tax=2000, tax_code="VAT20"),
        builders.line(2, tax=500, tax_code="VAT5"),
        builders.line(3, tax=2000, tax_code="VAT20"),
        builders.line(4),
    )
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(*lines, currency="GBP"), BRITISH, default_item="", no_tax_code="")
    assert caught.value.message == (
        'Settings have to be chosen first: "Default item" (default_item); tax_codes has no entry '
        'for VAT20, VAT5; "Tax code for untaxed lines" (no_tax_code).'
    )


def test_a_tax_code_of_yours_never_falls_back_on_the_general_one():
    line = builders.line(tax=500, tax_code="VAT5")
    with pytest.raises(NeedsOperator, match="VAT5"):
        document(builders.invoice(line, currency="GBP"), BRITISH, tax_codes={"VAT20": "9"})


def many(count, **changes):
    return [builders.line(at, amount=at + 1, quantity=Decimal(2), **changes) for at in range(count)]


def test_more_lines_than_fit_are_refused_with_the_setting_that_helps():
    with pytest.raises(Unsupported, match=r"751 lines.*many_lines"):
        document(builders.invoice(*many(751)))
    assert len(document(builders.invoice(*many(750)))["Line"]) == 750


def test_lines_are_put_together_by_the_item_they_are_booked_to():
    lines = [
        replace(line, product_code=("A", "B", "C")[at % 3], tax=at % 2)
        for at, line in enumerate(many(900))
    ]
    invoice = builders.invoice(*lines)
    settings = {"items": {"A": "7", "B": "7"}, "many_lines": "combine"}
    written = document(invoice, **settings)["Line"]
    assert len(written) == 750

    def sums(rows, item, code):
        found = {}
        for row in rows:
            key = item(row), code(row)
            found[key] = found.get(key, 0) + row_amount(row)
        return found

    def row_amount(row):
        return row["Amount"] if isinstance(row, dict) else money.to_major(row.amount, "USD")

    detail = lambda row: row["SalesItemLineDetail"]  # noqa: E731
    sent = sums(
        written,
        lambda row: detail(row)["ItemRef"]["value"],
        lambda row: detail(row)["TaxCodeRef"]["value"],
    )
    assert sent == sums(
        lines,
        lambda line: settings["items"].get(line.product_code, "1"),
        lambda line: "TAX" if line.tax else "NON",
    )
    assert "lines together" in written[-1]["Description"]


def test_a_due_date_wins_over_the_terms():
    assert document(builders.invoice(), term="3")["SalesTermRef"] == {"value": "3"}
    written = document(builders.invoice(due_date=date(2026, 12, 1)), term="3")
    assert written["DueDate"] == "2026-12-01"
    assert "SalesTermRef" not in written


def test_class_and_service_date_go_on_the_line():
    row = details(builders.line(service_date=date(2026, 10, 31)), item_class="5")
    assert (row.ServiceDate, row.ClassRef) == ("2026-10-31", {"value": "5"})


def test_a_company_that_keeps_classes_for_invoices_has_them_there():
    company = replace(AMERICAN, classes="invoice")
    written = document(builders.invoice(), company, item_class="5", department="2")
    assert (written["ClassRef"], written["DepartmentRef"]) == ({"value": "5"}, {"value": "2"})
    assert "ClassRef" not in written["Line"][0]["SalesItemLineDetail"]


def test_a_class_or_a_location_that_the_company_would_drop_holds_the_invoice():
    company = replace(AMERICAN, classes="", departments=False)
    assert "ClassRef" not in document(builders.invoice(), company)
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(), company, item_class="5", department="2")
    assert (caught.value.code, caught.value.on) == ("tracking_off", "settings")
    assert "Class tracking is off" in caught.value.message
    assert "Locations are off" in caught.value.message


@pytest.mark.parametrize(
    ("policy", "custom", "sent"),
    [
        ("company", True, True),
        ("company", False, False),
        ("own", False, True),
        ("quickbooks", True, False),
    ],
)
def test_the_number_is_sent_as_the_setting_and_the_company_say(policy, custom, sent):
    company = Company("US", "USD", True, custom, True)
    written = document(builders.invoice(), company, numbers=policy)
    assert ("DocNumber" in written) is sent
    assert "INV-0001" in written["PrivateNote"]


def test_a_long_number_keeps_its_beginning_and_stands_whole_in_the_note():
    long = "KABLE-2026-NORTHERN-00001"
    written = document(builders.invoice(number=long))
    assert written["DocNumber"].startswith("KABLE-2026-")
    assert written["DocNumber"] != text.document_number(long[:-1] + "2")
    assert long in written["PrivateNote"]


def test_quickbooks_is_never_asked_to_mail_the_customer():
    written = document(builders.invoice())
    assert written["EmailStatus"] == "NotSet"
    assert written["BillEmail"] == {"Address": "billing@example.com"}
    assert "BillEmail" not in document(builders.invoice(), send_email=False)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "ü@example.com", f"{'a' * 100}@example.com"]
)
def test_an_address_that_quickbooks_refuses_is_left_out(address):
    written = document(builders.invoice(), customer=link(email=address))
    assert "BillEmail" not in written


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("a@b.example, d@e.example", "a@b.example, d@e.example"),
        (" a@b.example;nobody; d@e.example ", "a@b.example, d@e.example"),
        (f"a@b.example, {'c' * 90}@e.example", "a@b.example"),
    ],
)
def test_of_several_addresses_those_that_fit_are_kept(typed, sent):
    written = document(builders.invoice(), customer=link(email=typed))
    assert written["BillEmail"] == {"Address": sent}


def test_it_mails_the_invoice_only_where_the_settings_ask_for_it():
    written = document(builders.invoice(), mail_invoice=True, send_email=False)
    assert written["EmailStatus"] == "NeedToSend"
    assert written["BillEmail"] == {"Address": "billing@example.com"}
    with pytest.raises(NeedsOperator) as caught:
        document(builders.invoice(), customer=link(email=""), mail_invoice=True)
    assert (caught.value.code, caught.value.on) == ("missing_email", "customer")


def test_texts_are_cleaned_and_cut():
    line = builders.line(description="a\x00\x07b\r\nc " + "🚚" * 4100 + "\ud800")
    written = document(builders.invoice(line, memo="m" * 1200))
    description = written["Line"][0]["Description"]
    assert description.startswith("ab\nc 🚚")
    assert len(description) == 4000
    assert len(written["CustomerMemo"]["value"]) == 1000


def test_the_marker_is_added_to_the_frozen_document_the_same_way_each_time():
    frozen = document(builders.invoice())
    push = builders.push(builders.invoice(), link(), frozen, marker="hub_1/acc_1/inv_1")
    later = builders.push(
        builders.invoice(), link(), frozen, marker="hub_1/acc_1/inv_1", generation=2, key="k"
    )
    assert receipts.body(push) == receipts.body(later)
    assert receipts.carries(receipts.body(push), "hub_1/acc_1/inv_1")
    assert not receipts.carries(receipts.body(push), "hub_1/acc_1/inv_")
    assert "PrivateNote" in frozen
    assert "hub:" not in frozen["PrivateNote"]


@pytest.mark.parametrize(
    ("company", "country", "currency"),
    [(AMERICAN, "US", "USD"), (AMERICAN, "US", "EUR"), (BRITISH, "GB", "GBP")],
)
def test_intuits_own_schema_has_nothing_to_say(checker, company, country, currency):
    lines = (
        builders.line(1, tax=2000, service_date=date(2026, 11, 1)),
        builders.line(2, quantity=Decimal("0.3333"), unit_price=Decimal(10), amount=333),
        builders.line(3, amount=-500, quantity=Decimal(-1), unit_price=Decimal(5)),
    )
    invoice = builders.invoice(
        *lines, currency=currency, number="N" * 40, memo="Thanks", due_date=date(2026, 12, 1)
    )
    frozen = document(invoice, company, rate=Decimal("1.0842"), item_class="5")
    body = receipts.body(builders.push(invoice, link(currency), frozen))
    plain = canonical.loads(canonical.dumps(body))
    found = [
        one for one in checker.check("Invoice", plain, "create", country) if one.severity == "error"
    ]
    assert found == []
