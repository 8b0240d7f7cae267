"""Customers: the right one, an active one, and never a second."""

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import simulator_customers
from kable_quickbooks_ledger.declaration import PROVIDER

from kable_hub import Address, NeedsOperator, OutcomeUnknown, Rejected, Transient
from kable_hub.testing import Fault, builders


def check(connection, reference, **customer):
    return plugin.link_customer(connection, builders.customer(**customer), reference, "key-1")


def create(connection, key="key-1", **customer):
    return plugin.link_customer(connection, builders.customer(**customer), None, key)


def test_a_customer_is_linked_with_name_and_currency(world):
    linked = check(world.connection(), "28")
    assert (linked.reference, linked.title, linked.currency) == ("28", "Drivr App", "USD")
    assert linked.email == "billing@drivr.example"
    assert linked.warnings == ()
    assert linked.parts == {}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("28", "28"),
        (" 28 ", "28"),
        ("https://app.qbo.intuit.com/app/customerdetail?nameId=28", "28"),
        ("https://app.sandbox.qbo.intuit.com/app/customerdetail?a=1&nameId=28&b=2", "28"),
        ("abc", None),
        ("28;29", None),
        ("", None),
        ("0", None),
        ("https://app.qbo.intuit.com/app/customerdetail?nameId=", None),
    ],
)
def test_what_a_person_pastes_becomes_a_reference_or_nothing(typed, found):
    assert PROVIDER.reference.extract(typed) == found


def test_an_unknown_id_is_refused(world):
    with pytest.raises(Rejected) as caught:
        check(world.connection(), "4711")
    assert caught.value.code == "unknown_customer"


def test_a_vendors_id_is_refused_by_name(world):
    with pytest.raises(Rejected) as caught:
        check(world.connection(), "31")
    assert caught.value.code == "unknown_customer"
    assert caught.value.message == "31 is the vendor Paper Supplies, not a customer."


def test_an_inactive_customer_is_refused(world):
    with pytest.raises(Rejected) as caught:
        check(world.connection(), "32")
    assert caught.value.code == "inactive_customer"


def test_a_project_and_a_parent_are_told_and_the_currency_is_its_own(world):
    world.book.tables["Customer"]["29"].update(Job=True, BillWithParent=True)
    linked = check(world.connection(), "29", currency="GBP")
    assert len(linked.warnings) == 2
    assert linked.currency == "EUR"


def test_a_customer_is_created_with_what_the_hub_knows(world, checker):
    linked = create(
        world.connection(),
        company_name="Acme: North\tYard ",
        currency="EUR",
        billing_address=Address("1 Quay", "", "Riga", "", "LV-1010", "LV"),
    )
    (body,) = world.bodies("/customer")
    assert linked.title == body["DisplayName"] == "Acme North Yard"
    assert linked.currency == "EUR"
    assert body["BillAddr"] == {
        "Line1": "1 Quay",
        "City": "Riga",
        "PostalCode": "LV-1010",
        "Country": "LV",
    }
    assert [one for one in checker.check("Customer", body) if one.severity == "error"] == []


def test_a_lost_answer_to_a_create_makes_no_second_customer(world):
    connection = world.connection()
    world.simulator.fault(Fault(path="/customer$", method="POST", stage="after", reset=True))
    with pytest.raises(OutcomeUnknown):
        create(connection)
    world.book.replies.clear()
    linked = create(connection)
    names = [row["DisplayName"] for row in world.book.tables["Customer"].values()]
    assert names.count("Northwind Traders") == 1
    assert world.book.tables["Customer"][linked.reference]["DisplayName"] == "Northwind Traders"


def test_a_customer_of_that_name_is_offered_never_taken(world):
    with pytest.raises(NeedsOperator) as caught:
        create(world.connection(), company_name="drivr app")
    assert (caught.value.code, caught.value.on) == ("duplicate_name", "link")
    assert [(one.value, one.label) for one in caught.value.choices] == [("28", "Drivr App")]
    assert world.simulator.seen("POST", "/customer$") == []


def test_an_inactive_customer_of_that_name_is_offered_too(world):
    with pytest.raises(NeedsOperator) as caught:
        create(world.connection(), company_name="Closed Shop")
    assert caught.value.choices[0].label == "Closed Shop (deleted) (inactive)"


def test_a_vendor_of_that_name_is_told(world):
    with pytest.raises(NeedsOperator) as caught:
        create(world.connection(), company_name="Paper Supplies")
    assert caught.value.code == "duplicate_name"
    assert caught.value.choices == ()


def test_a_customer_that_appeared_in_between_is_offered(world):
    def appear(name, _writes):
        if name == "customer.create":
            simulator_customers.add(world.book, "Northwind Traders", world.clock.now())

    world.guard.before = appear
    with pytest.raises(NeedsOperator) as caught:
        create(world.connection())
    assert caught.value.choices[0].label == "Northwind Traders"


def test_our_own_customer_that_shows_up_late_is_taken(world):
    def appear(name, _writes):
        if name == "customer.create":
            simulator_customers.add(
                world.book, "Northwind Traders", world.clock.now(), Notes="Customer x hub:key-1"
            )

    world.guard.before = appear
    linked = create(world.connection())
    assert world.book.tables["Customer"][linked.reference]["DisplayName"] == "Northwind Traders"


def test_a_foreign_customer_needs_multicurrency(world):
    world.simulator.seed_demo(multicurrency=False)
    with pytest.raises(NeedsOperator) as caught:
        create(world.connection(), currency="EUR")
    assert caught.value.code == "multicurrency_off"
    assert create(world.connection()).currency == "USD"
    assert "CurrencyRef" not in world.bodies("/customer")[0]


def test_quickbooks_away_is_no_unknown_customer(world):
    connection = world.connection()
    world.simulator.fault(Fault(path="/customer", status=503, times=2))
    with pytest.raises(Transient):
        check(connection, "28")
    with pytest.raises(OutcomeUnknown):
        create(connection)


def test_quotes_and_backslashes_in_a_name_are_escaped(world):
    name = "O'Brien \\ Sons"
    connection = world.connection()
    create(connection, company_name=name)
    again = create(connection, company_name=name)
    assert again.title == name
    found = plugin.search_customers(connection, "o'brien \\")
    assert [one.title for one in found] == [name]


def test_search_finds_active_customers_by_a_part_of_the_name(world):
    connection = world.connection()
    found = plugin.search_customers(connection, "a")
    assert [one.title for one in found] == ["Baltic Cargo", "Drivr App", "Thames Books"]
    assert plugin.search_customers(connection, "closed") == []


def test_choices_are_read_and_a_service_is_the_default_item(world):
    connection = world.connection()
    items = plugin.setting_choices(connection, "default_item")
    assert items.default == "1"
    assert [one.label for one in items.choices] == ["Services", "Hours", "Goods"]
    world.book.tables["Item"]["1"]["Active"] = False
    connection = world.connection()
    assert plugin.setting_choices(connection, "default_item").default == "2"
    terms = plugin.setting_choices(connection, "term")
    assert [one.label for one in terms.choices] == ["Net 30", "Net 15", "Due on receipt"]
    mapped = plugin.setting_choices(connection, "items")
    assert ([one.label for one in mapped.choices], mapped.default) == (["Hours", "Goods"], "")
    assert plugin.setting_choices(connection, "numbers").choices == ()


def test_one_list_serves_every_setting_that_names_the_same_kind(world):
    connection = world.connection()
    for name in ("default_item", "items", "tax_code", "no_tax_code", "tax_codes", "tax_code"):
        plugin.setting_choices(connection, name)
    assert world.guard.names() == ["choices.read", "choices.read"]
    world.clock.advance(600)
    plugin.setting_choices(connection, "items")
    assert len(world.guard.names()) == 3


def test_every_setting_with_choices_has_them(world):
    connection = world.connection()
    assert PROVIDER.settings is not None
    asked = [
        name for name, one in PROVIDER.settings().fields.items() if one.metadata.get("choices")
    ]
    assert len(asked) == 8
    assert all(plugin.setting_choices(connection, name).choices for name in asked)


def test_more_than_a_page_of_choices_is_read_to_the_end(world):
    for number in range(1005):
        row = {"Name": f"Item {number}", "Type": "Service", "Active": True}
        world.book.add("Item", row, world.clock.now())
    choices = plugin.setting_choices(world.connection(), "default_item").choices
    assert len(choices) == 1008
