import pytest

from kable_hub import Address, Rejected, Transient
from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.usecases import customers, linking
from kable_hub.usecases.customers import CustomerChange, CustomerFilter, NewCustomer
from kable_hub.usecases.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from tests.usecases.house import House

NORTHWIND = NewCustomer("c1", "Northwind Traders", "USD", "billing@example.com")


def create(home: House, new: NewCustomer = NORTHWIND, **options) -> customers.CustomerView:
    return customers.create_customer(home.hub, home.scope, new, **options)


def faults(error: Invalid) -> set[tuple[str, str]]:
    return {(one.field, one.code) for one in error.errors}


def nothing_was_written(home: House) -> bool:
    return customers.list_customers(home.hub, home.scope).items == ()


def test_a_customer_is_found_by_its_hub_id_and_by_its_client_id(home: House):
    made = create(home)
    found = [customers.get_customer(home.hub, home.scope, one) for one in (made.customer.id, "c1")]
    assert found == [made, made]
    assert made.customer.id.startswith("cus_")
    assert made.customer.status == "ACTIVE"


def test_customers_of_another_account_or_environment_are_not_found(home: House):
    made = create(home)
    for scope in (home.live, home.other_account()):
        with pytest.raises(NotFound):
            customers.get_customer(home.hub, scope, made.customer.id)
        with pytest.raises(NotFound):
            customers.change_customer(home.hub, scope, "c1", CustomerChange(email=""))


def test_all_faults_of_a_customer_are_told_at_once(home: House):
    new = NewCustomer("", "x" * 501, "usd", "nobody", Address(city="a\x00b", country="Germany"))
    with pytest.raises(Invalid) as refused:
        create(home, new, links={"nowhere": "1", "acme": "A-1"}, create_at=["books"])
    assert faults(refused.value) == {
        ("clientId", "required"),
        ("companyName", "too_long"),
        ("currency", "unknown_currency"),
        ("email", "bad_email"),
        ("billingAddress.city", "control_character"),
        ("billingAddress.country", "bad_country"),
        ("nowhereCustomerId", "unknown_provider"),
        ("acmeCustomerId", "not_connected"),
        ("books", "not_connected"),
    }
    assert nothing_was_written(home)


def test_a_second_customer_with_the_same_client_id_is_refused_and_told_the_first(home: House):
    first = create(home)
    with pytest.raises(Conflict) as refused:
        create(home)
    assert refused.value.code == "duplicate_client_id"
    assert refused.value.extras == {"customerId": first.customer.id}


def test_the_same_client_id_may_stand_in_both_environments(home: House):
    create(home)
    other = customers.create_customer(home.hub, home.live, NORTHWIND)
    assert other.customer.client_id == "c1"


def test_a_customer_is_linked_to_what_a_pasted_address_names(home: House):
    home.connect("acme")
    reference = home.at["acme"].add_customer(name="Northwind", currency="USD")
    made = create(home, links={"acme": f"https://acme.example/customers/{reference}"})
    assert [(one.provider, one.state, one.reference) for one in made.links] == [
        ("acme", "linked", reference)
    ]
    assert made.links[0].title == "Northwind"
    assert made.links[0].warnings == ()


def test_a_reference_of_the_wrong_form_is_refused_by_its_field(home: House):
    home.connect("acme")
    with pytest.raises(Invalid) as refused:
        create(home, links={"acme": "seven"})
    assert faults(refused.value) == {("acmeCustomerId", "bad_reference")}
    assert nothing_was_written(home)


def test_a_reference_the_provider_does_not_know_refuses_the_customer(home: House):
    home.connect("acme")
    with pytest.raises(Refused) as refused:
        create(home, links={"acme": "A-404"})
    assert refused.value.code == "unknown_customer"
    assert refused.value.errors[0].field == "acmeCustomerId"
    assert nothing_was_written(home)


def test_a_provider_that_is_away_refuses_the_customer_for_now(home: House):
    home.connect("acme")
    home.acme.fails["link_customer"] = Transient("it is away")
    with pytest.raises(Unavailable) as refused:
        create(home, links={"acme": "A-1"})
    assert refused.value.extras == {"retryAfter": 30}
    assert nothing_was_written(home)


def test_a_reference_that_is_in_use_refuses_the_customer(home: House):
    home.connect("acme")
    home.customer("first", "acme")
    with pytest.raises(Conflict) as refused:
        create(home, links={"acme": "A-1"})
    assert refused.value.code == "reference_in_use"
    assert refused.value.errors[0].field == "acmeCustomerId"
    with pytest.raises(NotFound):
        customers.get_customer(home.hub, home.scope, "c1")


def test_a_customer_to_be_created_elsewhere_has_a_pending_link_and_an_operation(home: House):
    home.connect("acme")
    home.slept("acme")
    made = create(home, create_at=["acme", "acme"])
    assert [(one.provider, one.state) for one in made.links] == [("acme", "pending")]
    operations = home.deliveries(kind="create_customer")
    assert [(one.state, one.subject_id) for one in operations] == [("due", made.customer.id)]
    assert home.due_at("acme") == home.hub.now()


def test_creating_is_skipped_where_a_reference_is_given(home: House):
    home.connect("acme")
    reference = home.at["acme"].add_customer(name="Northwind")
    made = create(home, links={"acme": reference}, create_at=["acme"])
    assert made.links[0].state == "linked"
    assert home.deliveries(kind="create_customer") == []


def test_what_runs_with_the_customer_takes_it_back_when_it_fails(home: House):
    def fail(view):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        create(home, also=fail)
    assert nothing_was_written(home)


def test_a_change_keeps_what_it_does_not_name(home: House):
    create(home)
    home.clock.advance(60)
    change = CustomerChange(company_name="Southwind", billing_address=Address(city="Oslo"))
    changed = customers.change_customer(home.hub, home.scope, "c1", change).customer
    assert (changed.company_name, changed.email) == ("Southwind", "billing@example.com")
    assert changed.updated_at == changed.created_at + 60_000
    assert customers.resolve_customer(home.hub, home.scope, "c1") == changed


def test_the_client_id_may_be_repeated_but_never_changed(home: House):
    create(home)
    customers.change_customer(home.hub, home.scope, "c1", CustomerChange(client_id="c1"))
    with pytest.raises(Conflict) as refused:
        customers.change_customer(home.hub, home.scope, "c1", CustomerChange(client_id="c2"))
    assert refused.value.code == "client_id_immutable"


def test_the_currency_changes_only_while_there_are_no_invoices(home: House):
    create(home)
    customers.change_customer(home.hub, home.scope, "c1", CustomerChange(currency="EUR"))
    home.invoice()
    with pytest.raises(Conflict) as refused:
        customers.change_customer(home.hub, home.scope, "c1", CustomerChange(currency="USD"))
    assert refused.value.code == "currency_in_use"


def test_a_faulty_change_names_the_field(home: House):
    create(home)
    with pytest.raises(Invalid) as refused:
        customers.change_customer(home.hub, home.scope, "c1", CustomerChange(status="GONE"))
    assert faults(refused.value) == {("status", "unknown_value")}


def test_customers_are_listed_newest_first_page_by_page(home: House):
    for place in range(5):
        create(home, NewCustomer(f"c{place}", "Northwind", "USD"))
        home.clock.advance(1)
    seen, cursor = [], ""
    while True:
        page = customers.list_customers(home.hub, home.scope, cursor=cursor, limit=2)
        seen += [one.customer.client_id for one in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert sorted(seen) == ["c0", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CustomerFilter(client_id="c1"), ["c1"]),
        (CustomerFilter(status="CANCELLED"), ["c2"]),
        (CustomerFilter(search="South"), ["c2"]),
        (CustomerFilter(search="c"), ["c1", "c2"]),
        (CustomerFilter(search="%"), []),
        (CustomerFilter(search="wind"), ["c1", "c2"]),
        (CustomerFilter(search="bookkeeper@south"), ["c2"]),
    ],
)
def test_customers_are_filtered(home: House, wanted: CustomerFilter, found: list[str]):
    create(home)
    create(home, NewCustomer("c2", "Southwind", "USD", "bookkeeper@south.example"))
    customers.change_customer(home.hub, home.scope, "c2", CustomerChange(status="CANCELLED"))
    page = customers.list_customers(home.hub, home.scope, wanted)
    assert sorted(one.customer.client_id for one in page.items) == found


def test_customers_are_filtered_by_how_they_stand(home: House):
    for slug in ("acme", "books"):
        home.connect(slug)
    for client_id, linked in {"both": ("acme", "books"), "money": ("acme",), "nowhere": ()}.items():
        home.customer(client_id, *linked)
    home.customer("gone", "acme")
    with home.hub.database.write():
        t.Link.update(state="broken").where(t.Link.title == "gone").execute()
    home.customer("new")
    linking.create_at_provider(home.hub, home.scope, "new", "books")
    for client_id in ("both", "new"):
        home.invoice(customer=client_id)
    for one in home.deliveries(provider="books", kind="push"):
        home.force(one.id, state="blocked")
    other = home.other_account()
    customers.create_customer(home.hub, other, NewCustomer("stranger", "Stranger", "USD"))

    everybody = ["both", "gone", "money", "new", "nowhere"]
    expected = {
        ("linked", ""): ["both", "money", "new"],
        ("linked", "acme"): ["both", "money"],
        ("linked", "books"): ["both", "new"],
        ("not_linked", ""): ["gone", "nowhere"],
        ("not_linked", "books"): ["gone", "money", "nowhere"],
        ("blocked", ""): ["both", "new"],
        ("blocked", "acme"): [],
        ("blocked", "books"): ["both", "new"],
        ("linked", "beta"): [],
        ("not_linked", "beta"): everybody,
        ("", "books"): everybody,
    }
    found = {
        (standing, provider): sorted(
            one.customer.client_id
            for one in customers.list_customers(
                home.hub, home.scope, CustomerFilter(standing=standing, provider=provider)
            ).items
        )
        for standing, provider in expected
    }
    assert found == expected


def test_a_name_that_no_store_can_hold_is_simply_not_found(home: House):
    for name in ("a\x00b", "\ud800"):
        with pytest.raises(NotFound):
            customers.get_customer(home.hub, Scope(home.account, Environment.TEST), name)


def test_a_refusal_of_the_provider_keeps_its_reasons(home: House):
    from kable_hub import Reason

    home.connect("acme")
    reasons = [Reason("it is closed", "status", "closed")]
    home.acme.fails["link_customer"] = Rejected("no", code="inactive_customer", reasons=reasons)
    with pytest.raises(Refused) as refused:
        create(home, links={"acme": "A-1"})
    assert refused.value.extras["reasons"] == [
        {"field": "status", "code": "closed", "message": "it is closed"}
    ]
