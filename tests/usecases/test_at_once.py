"""Requests that meet: nothing is lost between them and nothing is made twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from kable_hub.store import idempotency, outbox
from kable_hub.store import tables as t
from kable_hub.usecases import connections, customers, invoicing, linking
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.errors import Problem
from tests.usecases.house import House


def together(*uses: Callable[[], Any]) -> list[Any]:
    """What each came to, a Problem by its code."""

    def told(use: Callable[[], Any]) -> Any:
        try:
            return use()
        except Problem as problem:
            return problem.code

    with ThreadPoolExecutor(len(uses)) as threads:
        return [one.result() for one in [threads.submit(told, use) for use in uses]]


def test_an_invoice_number_is_given_to_one_of_many(home: House):
    home.customer()
    drafts = [home.draft(number="A-1") for _ in range(6)]
    create = lambda new: invoicing.create_invoice(home.hub, home.scope, new)  # noqa: E731
    told = together(*[lambda new=new: create(new) for new in drafts])
    assert told.count("duplicate_invoice_number") == 5
    assert len(invoicing.list_invoices(home.hub, home.scope).items) == 1


def test_a_client_id_is_given_to_one_of_many(home: House):
    new = NewCustomer("c1", "Northwind Traders", "USD")
    create = lambda: customers.create_customer(home.hub, home.scope, new)  # noqa: E731
    assert together(*[create] * 6).count("duplicate_client_id") == 5


def test_an_invoice_that_meets_its_link_is_delivered_all_the_same(home: House):
    home.connect("books")
    for place in range(8):
        client = f"c{place}"
        home.customer(client)
        drafts = [home.draft(customer=client) for _ in range(4)]
        reference = home.at["books"].add_customer()
        together(
            lambda client=client, reference=reference: linking.put_link(
                home.hub, home.scope, client, "books", reference
            ),
            *[
                lambda new=new: invoicing.create_invoice(home.hub, home.scope, new)
                for new in drafts
            ],
        )
    sent = {one.subject_id for one in home.deliveries(provider="books", kind="push")}
    made = invoicing.list_invoices(home.hub, home.scope, limit=100).items
    assert sent == {one.invoice.id for one in made}
    assert len(sent) == 32


def test_an_invoice_is_changed_by_one_of_two(home: House):
    home.customer()
    view = home.invoice()
    change = lambda memo: invoicing.change_invoice(  # noqa: E731
        home.hub, home.scope, view.invoice.id, {"memo": memo}, 1
    )
    told = together(lambda: change("a"), lambda: change("b"))
    assert told.count("revision_outdated") == 1
    kept = invoicing.get_invoice(home.hub, home.scope, view.invoice.id).view.invoice
    assert kept.revision == 2


def test_a_reference_goes_to_one_of_two_customers(home: House):
    home.connect("acme")
    home.customer("c1")
    home.customer("c2")
    reference = home.at["acme"].add_customer()
    link = lambda client: linking.put_link(  # noqa: E731
        home.hub, home.scope, client, "acme", reference
    )
    told = together(lambda: link("c1"), lambda: link("c2"))
    assert told.count("reference_in_use") == 1


def test_a_customer_is_created_at_a_provider_once(home: House):
    home.connect("acme")
    home.customer()
    create = lambda: linking.create_at_provider(home.hub, home.scope, "c1", "acme")  # noqa: E731
    assert {one.state for one in together(*[create] * 4)} == {"pending"}
    assert len(home.deliveries(kind="create_customer")) == 1


def test_two_who_connect_at_once_make_one_connection(home: House):
    together(*[lambda: home.connect("acme")] * 4)
    assert len(connections.list_connections(home.hub, home.scope)) == 1


def test_a_link_waits_for_the_edit_of_an_invoice_it_would_bring_along(home: House, monkeypatch):
    home.connect("books")
    home.customer()
    view = home.invoice()
    reference = home.at["books"].add_customer()
    discard, seen = outbox.discard_frozen, []
    with ThreadPoolExecutor(1) as threads:

        def linked_meanwhile(*given: Any) -> bool:
            answer = discard(*given)
            link = threads.submit(linking.put_link, home.hub, home.scope, "c1", "books", reference)
            seen.append(wait([link], 0.5).done)
            return answer

        monkeypatch.setattr(outbox, "discard_frozen", linked_meanwhile)
        change = {"memo": "new"}
        invoicing.change_invoice(home.hub, home.scope, view.invoice.id, change, 1)
    assert seen == [set()]
    assert [one.provider for one in home.deliveries()] == ["books"]


@pytest.mark.parametrize("given_back", [True, False])
def test_a_key_that_is_given_back_while_another_asks_for_it_is_taken(
    home: House, monkeypatch, given_back: bool
):
    with home.hub.database.write():
        first = idempotency.claim("acc", "key", "print", 1)
    assert isinstance(first, idempotency.Claim)
    get = t.IdempotentAnswer.get_or_none

    def given_back_first(*given: Any) -> Any:
        monkeypatch.undo()
        if given_back:
            idempotency.release(first)
        return get(*given)

    monkeypatch.setattr(t.IdempotentAnswer, "get_or_none", given_back_first)
    with home.hub.database.write():
        second = idempotency.claim("acc", "key", "print", 2)
    assert isinstance(second, idempotency.Claim) is given_back
