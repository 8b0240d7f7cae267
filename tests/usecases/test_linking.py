from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from kable_hub import Candidate, NeedsOperator, ReconnectRequired
from kable_hub.usecases import connections, invoicing, linking
from kable_hub.usecases.errors import Conflict, Invalid, NotFound
from tests.usecases.house import House, line, states


def pushes(home: House, provider: str) -> dict[str, str]:
    """State by invoice number."""
    numbers = {
        view.invoice.id: view.invoice.number
        for view in invoicing.list_invoices(home.hub, home.scope).items
    }
    return {
        numbers[one.subject_id]: one.state
        for one in home.deliveries(provider=provider, kind="push")
    }


def test_linking_needs_a_connection(home: House):
    home.customer()
    with pytest.raises(Conflict) as refused:
        linking.put_link(home.hub, home.scope, "c1", "acme", "A-1")
    assert refused.value.code == "not_connected"
    with pytest.raises(NotFound):
        linking.put_link(home.hub, home.scope, "c1", "nowhere", "A-1")


def test_a_link_is_replaced_by_the_next_one_and_keeps_its_id(home: House):
    home.connect("acme")
    home.customer()
    first, second = home.link("c1", "acme"), home.link("c1", "acme")
    assert (first.id, first.reference) == (second.id, "A-1")
    assert second.reference == "A-2"
    assert linking.list_links(home.hub, home.scope, "c1") == (second,)


def test_a_reference_is_shared_only_when_confirmed(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    home.customer("c2")
    with pytest.raises(Conflict) as refused:
        linking.put_link(home.hub, home.scope, "c2", "acme", "A-1")
    assert refused.value.code == "reference_in_use"
    assert refused.value.extras == {"customers": ["c1"]}
    shared = linking.put_link(home.hub, home.scope, "c2", "acme", "A-1", confirm=True)
    assert shared.reference == "A-1"


def test_another_currency_at_the_provider_is_a_warning_on_the_link(home: House):
    home.connect("acme")
    home.customer()
    reference = home.at["acme"].add_customer(currency="EUR")
    link = linking.put_link(home.hub, home.scope, "c1", "acme", reference)
    assert "USD" in link.warnings[0]
    assert "EUR" in link.warnings[0]


def test_a_reference_of_the_wrong_form_is_refused(home: House):
    home.connect("acme")
    home.customer()
    with pytest.raises(Invalid) as refused:
        linking.put_link(home.hub, home.scope, "c1", "acme", "seven")
    assert refused.value.errors[0].code == "bad_reference"


def test_several_candidates_are_offered_and_nothing_is_guessed(home: House):
    home.connect("acme")
    home.customer()
    home.acme.fails["link_customer"] = NeedsOperator(
        "two stand there", code="ambiguous", choices=[Candidate("A-1", "one")]
    )
    with pytest.raises(Conflict) as refused:
        linking.put_link(home.hub, home.scope, "c1", "acme", "A-1")
    assert refused.value.code == "ambiguous"
    assert refused.value.extras == {"choices": [{"value": "A-1", "label": "one"}]}
    assert linking.list_links(home.hub, home.scope, "c1") == ()


def test_a_provider_that_refuses_us_pauses_the_connection(home: House):
    home.connect("acme")
    home.customer()
    home.acme.fails["link_customer"] = ReconnectRequired("taken back")
    with pytest.raises(Conflict) as refused:
        linking.put_link(home.hub, home.scope, "c1", "acme", "A-1")
    assert refused.value.code == "reconnect_required"
    assert home.connection("acme").pauses == {"reconnect": "taken back"}


def test_a_linked_accounting_provider_gets_the_earlier_invoices(home: House):
    home.connect("books")
    home.customer()
    home.invoice()
    home.invoice(auto_push=False)
    home.invoice(line("100", quantity=Decimal("0.3")))
    home.slept("books")
    home.link("c1", "books")
    assert pushes(home, "books") == {"INV-1": "due", "INV-2": "held", "INV-3": "rejected"}
    assert home.due_at("books") == home.hub.now()


@pytest.mark.parametrize(
    ("setting", "gone_out"),
    [("all", ["INV-1", "INV-2"]), ("since", ["INV-2"]), ("none", [])],
)
def test_which_earlier_invoices_go_out_is_a_setting(home: House, setting: str, gone_out: list[str]):
    home.connect("books")
    connections.put_settings(home.hub, home.scope, "books", {}, setting, date(2026, 2, 1))
    home.customer()
    home.invoice(issue_date=date(2026, 1, 31))
    home.invoice(issue_date=date(2026, 2, 1))
    home.link("c1", "books")
    assert sorted(pushes(home, "books")) == gone_out


def test_what_was_cancelled_everywhere_does_not_come_back_by_a_link(home: House):
    home.connect("books")
    home.connect("acme")
    home.customer("c1", "acme")
    given_up = home.invoice()
    invoicing.cancel(home.hub, home.scope, given_up.invoice.id)
    home.invoice()
    home.link("c1", "books")
    assert sorted(pushes(home, "books")) == ["INV-2"]


def test_linking_twice_does_not_send_earlier_invoices_twice(home: House):
    home.connect("books")
    home.customer()
    home.invoice()
    home.link("c1", "books")
    home.link("c1", "books")
    assert len(home.deliveries(provider="books")) == 1


def test_a_payments_provider_gets_no_earlier_invoice_by_itself(home: House):
    home.connect("acme")
    home.customer()
    home.invoice()
    home.link("c1", "acme")
    assert pushes(home, "acme") == {}


def test_earlier_invoices_go_to_a_payments_provider_as_they_were_shown(home: House):
    home.connect("acme")
    home.customer()
    home.invoice(line("10.00"))
    home.invoice(line("5.50"))
    home.invoice(line("7"), currency="JPY")
    home.invoice(line("-3.00"))
    home.link("c1", "acme")
    shown = linking.preview_push_earlier(home.hub, home.scope, "c1", "acme")
    assert (shown.count, shown.refused) == (3, 1)
    assert shown.totals == {"USD": 1550, "JPY": 7}
    assert set(shown.numbers) == {"INV-1", "INV-2", "INV-3"}
    assert pushes(home, "acme") == {}
    home.slept("acme")
    pushed = linking.push_earlier(home.hub, home.scope, "c1", "acme", shown.confirm)
    assert pushed == shown
    sent = pushes(home, "acme")
    assert sent == {"INV-1": "due", "INV-2": "due", "INV-3": "due", "INV-4": "rejected"}
    assert home.due_at("acme") == home.hub.now()
    assert linking.preview_push_earlier(home.hub, home.scope, "c1", "acme").count == 0


def test_nobody_is_charged_for_more_than_was_shown(home: House):
    home.connect("acme")
    home.customer()
    first = home.invoice()
    home.link("c1", "acme")
    shown = linking.preview_push_earlier(home.hub, home.scope, "c1", "acme")
    change = {"lines": (line("1.00"),)}
    invoicing.change_invoice(home.hub, home.scope, first.invoice.id, change)
    with pytest.raises(Conflict) as refused:
        linking.push_earlier(home.hub, home.scope, "c1", "acme", shown.confirm)
    assert refused.value.code == "preview_outdated"
    fresh = linking.preview_push_earlier(home.hub, home.scope, "c1", "acme")
    assert refused.value.extras == {"confirm": fresh.confirm, "count": 1}
    assert pushes(home, "acme") == {}


def test_earlier_invoices_that_another_payments_provider_takes_are_not_offered(home: House):
    home.connect("acme")
    home.connect("beta")
    home.customer("c1", "beta")
    home.invoice()
    home.link("c1", "acme")
    assert linking.preview_push_earlier(home.hub, home.scope, "c1", "acme").count == 0


def test_pushing_earlier_needs_a_link(home: House):
    home.connect("acme")
    home.customer()
    with pytest.raises(Conflict) as refused:
        linking.preview_push_earlier(home.hub, home.scope, "c1", "acme")
    assert refused.value.code == "not_linked"


def test_unlinking_blocks_what_was_not_sent_and_linking_wakes_it(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    waiting, sent = home.invoice(), home.invoice()
    home.force(sent.deliveries[0].id, state="uncertain", may_exist=True)
    linking.remove_link(home.hub, home.scope, "c1", "acme")
    blocked, uncertain = home.deliveries()
    assert (blocked.subject_id, blocked.state) == (waiting.invoice.id, "blocked")
    assert (blocked.error_code, blocked.blocked_on) == ("not_linked", "link")
    assert uncertain.state == "uncertain"
    home.link("c1", "acme")
    assert [one.state for one in home.deliveries()] == ["due", "uncertain"]


def test_a_link_that_is_not_there_cannot_be_removed(home: House):
    home.connect("acme")
    home.customer()
    for slug in ("acme", "books"):
        with pytest.raises(NotFound):
            linking.remove_link(home.hub, home.scope, "c1", slug)


def test_a_new_link_outdates_what_was_planned_for_the_old_one(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    planned = home.invoice().deliveries[0]
    home.force(planned.id, frozen=True)
    home.link("c1", "acme")
    from kable_hub.store import tables as t

    with home.hub.database.read():
        assert t.Delivery.get_by_id(planned.id).frozen is False


def test_creating_at_a_provider_is_one_operation_however_often_it_is_asked(home: House):
    home.connect("acme")
    home.customer()
    links = [linking.create_at_provider(home.hub, home.scope, "c1", "acme") for _ in "ab"]
    assert [one.state for one in links] == ["pending", "pending"]
    assert [one.state for one in home.deliveries(kind="create_customer")] == ["due"]


def test_invoices_wait_for_a_pending_link(home: House):
    home.connect("acme")
    home.connect("books")
    home.customer()
    home.invoice()
    for slug in ("acme", "books"):
        linking.create_at_provider(home.hub, home.scope, "c1", slug)
    view = home.invoice()
    assert states(view) == {"acme": "blocked", "books": "blocked"}
    assert {one.error_code for one in view.deliveries} == {"link_pending"}
    assert pushes(home, "books") == {"INV-1": "blocked", "INV-2": "blocked"}


def test_a_linked_customer_is_not_created_again(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    assert linking.create_at_provider(home.hub, home.scope, "c1", "acme").state == "linked"
    assert home.deliveries(kind="create_customer") == []


def test_a_pending_link_says_why_it_does_not_get_on_and_asking_again_retries(home: House):
    home.connect("acme")
    home.customer()
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    operation = home.deliveries(kind="create_customer")[0]
    home.force(operation.id, state="rejected", error_code="bad_name", error_message="too odd")
    link = linking.list_links(home.hub, home.scope, "c1")[0]
    assert (link.error_code, link.error_message) == ("bad_name", "too odd")
    again = linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    assert (again.state, again.error_code) == ("pending", "")
    assert home.deliveries(kind="create_customer")[0].state == "due"


def test_a_link_by_hand_ends_the_creation_under_way(home: House):
    home.connect("acme")
    home.customer()
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    home.invoice()
    assert home.link("c1", "acme").state == "linked"
    assert {one.kind: one.state for one in home.deliveries()} == {
        "create_customer": "cancelled",
        "push": "due",
    }


def test_a_customer_can_be_created_anew_after_it_was_unlinked(home: House):
    home.connect("acme")
    home.customer()
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    linking.remove_link(home.hub, home.scope, "c1", "acme")
    assert home.deliveries(kind="create_customer")[0].state == "cancelled"
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    assert home.deliveries(kind="create_customer")[0].state == "due"


def test_what_a_provider_does_not_offer_is_refused(home: House):
    home.connect("acme")
    home.customer()
    with pytest.raises(Conflict) as refused:
        linking.search_at_provider(home.hub, home.scope, "acme", "north")
    assert refused.value.code == "not_offered"


def test_customers_at_the_provider_are_suggested(home: House):
    home.connect("books")
    found = linking.search_at_provider(home.hub, home.scope, "books", "north")
    assert [one.title for one in found] == ["found for north"]


def test_links_of_the_other_environment_do_not_exist(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    with pytest.raises(NotFound):
        linking.list_links(home.hub, home.live, "c1")


def test_a_link_to_a_broken_counterpart_blocks_new_invoices(home: House):
    from kable_hub.store import tables as t

    home.connect("acme")
    home.customer("c1", "acme")
    with home.hub.database.write():
        t.Link.update(state="broken").execute()
    view = home.invoice()
    assert replace(view.deliveries[0]).error_code == "customer_gone"
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    assert linking.list_links(home.hub, home.scope, "c1")[0].state == "pending"
