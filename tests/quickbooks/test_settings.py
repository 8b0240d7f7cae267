"""Settings of a connection to QuickBooks: their form, their choices, what they wake."""

import pytest

from tests.quickbooks.stage import GB
from tests.web.site import invoice

PATH = "/connections/quickbooks/settings"


def form(shop):
    return {one["name"]: one for one in shop.get(PATH)["fields"]}


def choices(shop, name):
    found = shop.get(f"{PATH}/{name}/choices")
    return [one["label"] for one in found["items"]], found["default"]


def reads(shop):
    return len(shop.calls("GET"))


def test_a_first_connect_chooses_the_item_and_a_reconnect_leaves_what_a_person_chose(shop):
    assert shop.get(PATH)["values"]["default_item"] == "1"
    shop.settings(default_item="3", term="2")
    shop.consent(shop.realm)
    values = shop.get(PATH)["values"]
    assert (values["default_item"], values["term"]) == ("3", "2")


def test_the_form_has_a_field_for_everything_with_labels_for_both_sides_of_a_map(shop):
    fields = form(shop)
    items = fields["items"]
    assert (items["type"], items["label"], items["keyLabel"]) == ("map", "Item", "Product code")
    assert items["fromProvider"]
    assert fields["tax_codes"]["keyLabel"] == "Your tax code"
    assert [one["value"] for one in fields["many_lines"]["choices"]] == ["refuse", "combine"]
    own = {name for name, one in fields.items() if one["perCustomer"]}
    assert own == {"item_class", "department", "term", "send_email", "mail_invoice"}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("default_item", ["Services", "Hours", "Goods"]),
        ("items", ["Services", "Hours", "Goods"]),
        ("term", ["Net 30", "Net 15", "Due on receipt"]),
        ("item_class", ["Software"]),
        ("department", ["Head office"]),
        ("tax_codes", ["TAX", "NON"]),
    ],
)
def test_choices_come_from_the_company(shop, name, labels):
    assert choices(shop, name)[0] == labels


def test_choices_are_remembered_until_a_check(shop):
    choices(shop, "default_item")
    before = reads(shop)
    shop.books().tables["Item"]["2"]["Name"] = "Days"
    assert choices(shop, "items")[0] == ["Services", "Hours", "Goods"]
    assert reads(shop) == before
    shop.made("/connections/quickbooks/check")
    assert choices(shop, "items")[0] == ["Services", "Days", "Goods"]


def test_each_wrong_pair_of_a_map_is_refused_by_name(shop):
    answer = shop.call("PUT", PATH, {"values": {"items": {"API": 7, "": "1", "OK": "1"}}})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json["errors"]} == {
        "settings.items.API",
        "settings.items.",
    }


def test_a_product_code_is_booked_to_its_item_and_class_location_and_terms_are_set(ready):
    ready.settings(items={"API": "2"}, item_class="1", department="1", term="2")
    lines = [
        {"description": one or "work", "quantity": 1, "unitPrice": "5", "productCode": one}
        for one in ("API", "", "OTHER")
    ]
    ready.push(lines=lines)
    row = ready.the_invoice()
    details = [one["SalesItemLineDetail"] for one in row["Line"][:3]]
    assert [one["ItemRef"]["value"] for one in details] == ["2", "1", "1"]
    assert [one["ClassRef"]["value"] for one in details] == ["1", "1", "1"]
    assert (row["DepartmentRef"]["value"], row["SalesTermRef"]["value"]) == ("1", "2")
    assert row["DueDate"] == "2026-12-07"


def test_classes_go_where_the_company_keeps_them_and_what_it_would_drop_waits(bare):
    bare.books().classes = "invoice"
    bare.connect(item_class="1")
    bare.customer()
    bare.push()
    row = bare.the_invoice()
    assert row["ClassRef"] == {"value": "1"}
    assert "ClassRef" not in row["Line"][0]["SalesItemLineDetail"]
    bare.books().classes = ""
    told = bare.made("/connections/quickbooks/check")["warnings"]
    assert any("Class tracking is off" in one for one in told)
    made = bare.push()
    assert bare.standing(made) == ("blocked", "tracking_off")
    bare.books().classes = "line"
    bare.made("/connections/quickbooks/check")
    bare.work()
    assert bare.standing(made) == ("delivered", "")


def test_a_missing_item_is_named_and_goes_on_once_it_is_chosen(ready):
    ready.settings(default_item="")
    made = ready.push()
    assert ready.standing(made) == ("blocked", "missing_setting")
    assert "default_item" in ready.delivery(made)["errorMessage"]
    assert ready.calls("POST") == []
    ready.settings(default_item="2")
    ready.work()
    assert ready.standing(made) == ("delivered", "")


def test_one_customers_terms_may_differ(ready):
    ready.settings(term="1")
    path = "/customers/c1/links/quickbooks/settings"
    answer = ready.call("PUT", path, {"values": {"term": "3"}})
    assert answer.status_code == 200, answer.text
    ready.push()
    assert ready.bodies()[0]["SalesTermRef"] == {"value": "3"}


def test_a_preference_changed_in_quickbooks_holds_after_a_check_or_a_retry(ready):
    ready.push("A-1")
    ready.books().custom_numbers = False
    ready.push("A-2")
    ready.made("/connections/quickbooks/check")
    ready.push("A-3")
    assert ["DocNumber" in body for body in ready.bodies()] == [True, True, False]


@pytest.mark.parametrize(("customer", "currency", "cost"), [("28", "USD", 2), ("29", "EUR", 3)])
def test_a_hundred_invoices_cost_the_company_its_preferences_and_a_rate(
    shop, customer, currency, cost
):
    shop.customer("c1", customer)
    shop.made("/connections/quickbooks/check")
    before = reads(shop)
    many = [invoice(f"N-{at}", currency=currency) for at in range(100)]
    assert shop.made("/invoices/bulk", {"invoices": many})["accepted"] == 100
    shop.work()
    assert len(shop.invoices()) == 100
    assert reads(shop) - before == cost


@pytest.mark.parametrize("multicurrency", [False, True])
def test_home_currency_is_named_only_where_there_are_several(bare, multicurrency):
    bare.books(GB).multicurrency = multicurrency
    bare.connect(GB, tax_code="1", no_tax_code="2")
    bare.customer()
    bare.push(currency="GBP")
    assert ("CurrencyRef" in bare.bodies()[0]) is multicurrency
    assert "ExchangeRate" not in bare.bodies()[0]
