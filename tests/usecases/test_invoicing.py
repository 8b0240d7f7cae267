from datetime import date
from decimal import Decimal

import pytest

from kable_hub.usecases import connections, customers, invoicing
from kable_hub.usecases.customers import CustomerChange
from kable_hub.usecases.errors import Conflict, Invalid, NotFound
from kable_hub.usecases.invoicing import InvoiceFilter, NewLine
from tests.usecases.house import House, everywhere, line, states


def test_an_invoice_goes_to_every_linked_accounting_and_one_payments_provider(home: House):
    everywhere(home)
    home.slept("acme")
    view = home.invoice()
    assert states(view) == {"acme": "due", "books": "due"}
    assert view.not_linked == ()
    assert view.client_id == "c1"
    assert home.due_at("acme") == home.hub.now()


def test_an_invoice_of_an_unlinked_customer_goes_nowhere_and_says_so(home: House):
    home.connect("acme")
    home.connect("books")
    home.customer()
    view = home.invoice()
    assert view.deliveries == ()
    assert view.not_linked == ("acme", "books")


def test_an_invoice_is_kept_exactly_as_it_was_sent(home: House):
    home.customer()
    made = home.invoice(
        NewLine(
            description="Café\nup to 5 kg",
            quantity=Decimal("2.50"),
            unit_price=Decimal("10.004"),
            amount=Decimal("25.01"),
            tax_amount=Decimal("5.00"),
            tax_rate=Decimal("20"),
            tax_code="VAT",
            product_code="P-1",
            service_date=date(2026, 10, 1),
        ),
        line("-1.00"),
        total=Decimal("29.01"),
        due_date=date(2026, 1, 1),
        memo="thanks",
        metadata={"order": "77"},
    )
    row = invoicing.get_invoice(home.hub, home.scope, made.invoice.id).view.invoice
    assert (row.subtotal, row.tax, row.total) == (2401, 500, 2901)
    assert (row.due_date, row.memo, row.metadata) == (date(2026, 1, 1), "thanks", {"order": "77"})
    first, second = row.lines
    assert (first.description, first.quantity, first.unit_price) == (
        "Café\nup to 5 kg",
        Decimal("2.50"),
        Decimal("10.004"),
    )
    assert str(first.quantity) == "2.50"
    assert (first.amount, first.tax, first.tax_rate) == (2501, 500, Decimal(20))
    assert (first.tax_code, first.product_code, first.service_date) == (
        "VAT",
        "P-1",
        date(2026, 10, 1),
    )
    assert second.amount == -100


def test_a_held_invoice_waits_until_it_is_pushed_by_hand(home: House):
    everywhere(home)
    held = home.invoice(auto_push=False)
    assert states(held) == {"acme": "held", "books": "held"}
    pushed = invoicing.push_by_hand(home.hub, home.scope, held.invoice.id, "books")
    assert states(pushed) == {"acme": "held", "books": "due"}
    assert states(invoicing.push_by_hand(home.hub, home.scope, held.invoice.id))["acme"] == "due"
    with pytest.raises(Conflict) as refused:
        invoicing.push_by_hand(home.hub, home.scope, held.invoice.id)
    assert refused.value.code == "nothing_held"


def test_a_credit_note_is_accepted_and_rejected_for_providers_that_take_none(home: House):
    everywhere(home)
    view = home.invoice(line("-10.00"))
    assert states(view) == {"acme": "rejected", "books": "rejected"}
    assert {one.error_code for one in view.deliveries} == {"unsupported"}
    assert "-10.00" in view.deliveries[0].error_message


@pytest.mark.parametrize(
    ("lines", "changes", "fact"),
    [
        ([line()] * 4, {}, "max_lines"),
        ([line()], {"number": "N" * 22}, "number_length"),
        ([line()], {"currency": "GBP"}, "currencies"),
        ([line("10.00", quantity=Decimal("0.5"))], {}, "fractional_quantities"),
        ([line("10.00"), line("-1.00")], {}, "negative_lines"),
    ],
)
def test_what_a_provider_has_excluded_is_rejected_by_name_and_reaches_the_others(
    home: House, lines, changes, fact
):
    everywhere(home)
    view = home.invoice(*lines, **changes)
    assert states(view) == {"acme": "due", "books": "rejected"}
    books = next(one for one in view.deliveries if one.provider == "books")
    assert (books.error_code, books.error_details) == ("unsupported", ({"fact": fact},))
    assert fact not in books.error_message


def test_several_payments_links_need_one_to_be_named(home: House):
    everywhere(home)
    home.link("c1", "beta")
    with pytest.raises(Invalid) as refused:
        home.invoice()
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("paymentProvider", "payment_provider_required")
    ]
    assert states(home.invoice(payment_provider="beta")) == {"beta": "due", "books": "due"}


@pytest.mark.parametrize("named", ["beta", "books", "nowhere"])
def test_a_named_payments_provider_has_to_be_linked(home: House, named: str):
    everywhere(home)
    with pytest.raises(Invalid) as refused:
        home.invoice(payment_provider=named)
    assert refused.value.errors[0].code == "not_linked"
    assert invoicing.list_invoices(home.hub, home.scope).items == ()


def test_a_number_is_used_once_in_an_account_and_environment(home: House):
    home.customer()
    first = home.invoice(number="A-1")
    with pytest.raises(Conflict) as refused:
        home.invoice(number="A-1")
    assert refused.value.code == "duplicate_invoice_number"
    assert refused.value.extras == {"invoiceId": first.invoice.id}
    assert refused.value.errors[0].field == "number"


def test_an_unknown_and_a_cancelled_customer_get_no_invoice(home: House):
    with pytest.raises(Invalid) as refused:
        home.invoice()
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("customer", "unknown_customer")
    ]
    home.customer()
    cancelled = CustomerChange(status="CANCELLED")
    customers.change_customer(home.hub, home.scope, "c1", cancelled)
    with pytest.raises(Conflict) as refused:
        home.invoice()
    assert refused.value.code == "customer_cancelled"


def test_a_bulk_answers_for_each_invoice_by_itself(home: House):
    everywhere(home)
    drafts = [
        home.draft(number="A"),
        home.draft(line(amount=Decimal("1.001"), unit_price=None), number="B"),
        home.draft(number="A"),
        home.draft(customer="nobody", number="D"),
        home.draft(number="E"),
    ]
    results = invoicing.create_invoices(home.hub, home.scope, drafts)
    assert [one.index for one in results] == [0, 1, 2, 3, 4]
    assert [one.invoice.invoice.number if one.invoice else "" for one in results] == [
        "A",
        "",
        "",
        "",
        "E",
    ]
    assert [one.problem.code if one.problem else "" for one in results] == [
        "",
        "validation_error",
        "duplicate_invoice_number",
        "validation_error",
        "",
    ]
    fault = results[1].problem.errors[0]
    assert (fault.field, fault.code) == ("lines.0.amount", "too_many_decimals")
    assert len(home.deliveries()) == 4


def test_a_refused_invoice_does_not_take_its_number_from_the_next_one(home: House):
    everywhere(home)
    home.link("c1", "beta")
    drafts = [home.draft(number="A"), home.draft(number="A", payment_provider="acme")]
    results = invoicing.create_invoices(home.hub, home.scope, drafts)
    assert results[0].problem.code == "validation_error"
    assert results[1].invoice is not None


def test_a_thousand_invoices_are_taken_at_once_and_not_one_more(home: House):
    everywhere(home)
    drafts = [home.draft() for _ in range(1001)]
    with pytest.raises(Invalid) as refused:
        invoicing.create_invoices(home.hub, home.scope, drafts)
    assert refused.value.errors[0].code == "too_many"
    results = invoicing.create_invoices(home.hub, home.scope, drafts[:1000])
    assert all(one.invoice for one in results)
    assert len({one.id for one in home.deliveries(provider="acme")}) == 1000


def test_the_timeline_tells_everything_in_its_order(home: House):
    from kable_hub.store import tables as t

    home.connect("acme")
    home.customer("c1", "acme")
    view = home.invoice()
    delivery = view.deliveries[0]
    made = view.invoice.created_at
    own = {"account_id": home.account, "environment": "test", "delivery_id": delivery.id}
    home.force(
        delivery.id, state="delivered", delivered_at=made + 20, external_id="D-1", receipt={}
    )
    with home.hub.database.write():
        t.Attempt.create(
            **own,
            id="att_1",
            step="push",
            outcome="Transient",
            code="transient",
            message="it is away",
            calls=[{"name": "docs.create", "ms": 5}],
            started_at=made + 10,
            duration_ms=5,
        )
        t.Signal.create(
            **own, id="sig_1", kind="payment", message="paid", as_of=made + 30, created_at=made
        )
    told = invoicing.get_invoice(home.hub, home.scope, view.invoice.id).timeline
    assert [(one.kind, one.provider, one.message) for one in told] == [
        ("created", "", ""),
        ("opened", "acme", "push"),
        ("attempt", "acme", "it is away"),
        ("delivered", "acme", "D-1"),
        ("signal", "acme", "paid"),
    ]
    assert told[2].attempt.calls == ({"name": "docs.create", "ms": 5},)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (InvoiceFilter(), {"A-1", "A-2", "B_1"}),
        (InvoiceFilter(customer="c2"), {"B_1"}),
        (InvoiceFilter(number="A-"), {"A-1", "A-2"}),
        (InvoiceFilter(number="B%"), set()),
        (InvoiceFilter(state="held"), {"A-2"}),
        (InvoiceFilter(provider="acme"), {"A-1", "A-2"}),
        (InvoiceFilter(provider="acme", state="due"), {"A-1"}),
        (InvoiceFilter(provider="books"), set()),
        (InvoiceFilter(issued_from=date(2026, 2, 1)), {"A-2", "B_1"}),
        (InvoiceFilter(issued_to=date(2026, 2, 1)), {"A-1", "A-2"}),
    ],
)
def test_invoices_are_filtered(home: House, wanted: InvoiceFilter, found: set[str]):
    home.connect("acme")
    home.customer("c1", "acme")
    home.customer("c2")
    home.invoice(number="A-1", issue_date=date(2026, 1, 1))
    home.invoice(number="A-2", issue_date=date(2026, 2, 1), auto_push=False)
    home.invoice(number="B_1", issue_date=date(2026, 3, 1), customer="c2")
    page = invoicing.list_invoices(home.hub, home.scope, wanted)
    assert {one.invoice.number for one in page.items} == found


def test_invoices_are_listed_newest_first_page_by_page(home: House):
    home.customer()
    made = []
    for _ in range(5):
        made.append(home.invoice().invoice.id)
    seen, cursor = [], ""
    while True:
        page = invoicing.list_invoices(home.hub, home.scope, cursor=cursor, limit=2)
        seen += [one.invoice.id for one in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == sorted(made, reverse=True)


def test_invoices_of_an_unknown_customer_cannot_be_listed(home: House):
    with pytest.raises(NotFound):
        invoicing.list_invoices(home.hub, home.scope, InvoiceFilter(customer="nobody"))


def test_a_disconnected_provider_gets_no_new_invoice(home: House):
    from kable_hub.usecases import connections

    everywhere(home)
    connections.disconnect(home.hub, home.scope, "acme")
    view = home.invoice()
    assert states(view) == {"books": "due"}
    assert view.not_linked == ("beta",)


def test_an_invoice_made_while_the_books_are_disconnected_goes_there_once_they_are_back(
    home: House,
):
    home.connect("books")
    home.customer("c1", "books")
    connections.disconnect(home.hub, home.scope, "books")
    made = home.invoice().deliveries[0]
    assert (made.state, made.error_code) == ("blocked", "disconnected")
    home.connect("books")
    assert [one.state for one in home.deliveries()] == ["due"]


def test_a_disconnected_payments_provider_collects_nothing_later(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    connections.disconnect(home.hub, home.scope, "acme")
    assert home.invoice().deliveries == ()
    home.connect("acme")
    assert home.deliveries() == []
