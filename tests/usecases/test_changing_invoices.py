"""An invoice that was accepted: changed, cancelled, and whose it is."""

from decimal import Decimal

import pytest

from kable_hub.usecases import invoicing, linking
from kable_hub.usecases.errors import Conflict, Invalid, NotFound, Outdated
from tests.usecases.house import House, change, everywhere, line, states


def test_an_invoice_is_changed_while_it_stands_nowhere(home: House):
    everywhere(home)
    view = home.invoice(memo="old")
    home.force(view.deliveries[0].id, state="blocked", error_code="no_item", frozen=True)
    home.clock.advance(5)
    changed = change(home, view, 1, lines=(line("5.00"), line("7.00")), number="NEW")
    assert (changed.invoice.number, changed.invoice.total) == ("NEW", 1200)
    assert (changed.invoice.memo, changed.invoice.revision) == ("old", 2)
    assert changed.invoice.created_at < changed.invoice.updated_at
    assert set(states(changed).values()) == {"due"}
    found = invoicing.get_invoice(home.hub, home.scope, view.invoice.id).view
    assert found == changed


def test_a_change_moves_deliveries_between_rejected_and_due(home: House):
    everywhere(home)
    view = home.invoice(*[line()] * 4)
    assert states(view)["books"] == "rejected"
    fewer = change(home, view, lines=(line(),))
    assert states(fewer) == {"acme": "due", "books": "due"}
    credit = change(home, view, lines=(line("-1.00"),))
    assert states(credit) == {"acme": "rejected", "books": "rejected"}


def test_a_held_delivery_stays_held_whatever_is_changed(home: House):
    everywhere(home)
    view = home.invoice(*[line()] * 4, auto_push=False)
    assert states(view) == {"acme": "held", "books": "rejected"}
    assert set(states(change(home, view, lines=(line(),))).values()) == {"held"}


def test_what_waits_for_its_link_goes_on_waiting_after_a_change(home: House):
    home.connect("acme")
    home.customer()
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    view = home.invoice()
    assert change(home, view, memo="new").deliveries[0].error_code == "link_pending"


@pytest.mark.parametrize(
    "sent",
    [
        {"state": "delivered", "receipt": {"external_id": "D-1"}},
        {"state": "uncertain", "may_exist": True},
        {"state": "pushing", "may_exist": True},
        {"state": "blocked", "may_exist": True},
    ],
)
def test_an_invoice_that_may_stand_anywhere_is_not_changed(home: House, sent):
    everywhere(home)
    view = home.invoice()
    home.force(view.deliveries[1].id, **sent)
    for attempt in (
        lambda: change(home, view, memo="new"),
        lambda: invoicing.cancel(home.hub, home.scope, view.invoice.id),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "invoice_already_sent"
    found = invoicing.get_invoice(home.hub, home.scope, view.invoice.id).view
    assert (found.invoice.memo, found.invoice.revision) == ("", 1)
    assert found.deliveries[0].state == "due"


def test_a_change_of_an_outdated_revision_is_refused(home: House):
    home.customer()
    view = home.invoice()
    change(home, view, 1, memo="first")
    with pytest.raises(Outdated) as refused:
        change(home, view, 1, memo="second")
    assert refused.value.extras == {"revision": 2}


def test_a_change_to_a_taken_number_is_refused(home: House):
    home.customer()
    home.invoice(number="A")
    view = home.invoice(number="B")
    with pytest.raises(Conflict) as refused:
        change(home, view, number="A")
    assert refused.value.code == "duplicate_invoice_number"


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"customer": "c2"}, ("customer", "immutable")),
        ({"nonsense": 1}, ("nonsense", "immutable")),
        ({"currency": "JPY"}, ("lines", "required")),
        ({"lines": ()}, ("lines", "required")),
        ({"total": Decimal(1)}, ("total", "total_mismatch")),
    ],
)
def test_a_faulty_change_names_the_field_and_changes_nothing(home: House, values, fault):
    home.customer()
    view = home.invoice()
    with pytest.raises(Invalid) as refused:
        change(home, view, **values)
    assert [(one.field, one.code) for one in refused.value.errors] == [fault]
    assert change(home, view, 1, memo="still revision 1").invoice.revision == 2


def test_cancelling_gives_up_every_delivery_of_an_invoice(home: House):
    everywhere(home)
    view = home.invoice()
    cancelled = invoicing.cancel(home.hub, home.scope, view.invoice.id)
    assert set(states(cancelled).values()) == {"cancelled"}
    with pytest.raises(Conflict) as refused:
        invoicing.cancel(home.hub, home.scope, view.invoice.id)
    assert refused.value.code == "nothing_to_cancel"


def test_an_invoice_of_another_account_or_environment_does_not_exist(home: House):
    home.customer()
    invoice_id = home.invoice().invoice.id
    for scope in (home.live, home.other_account()):
        for ask in (
            lambda scope: invoicing.get_invoice(home.hub, scope, invoice_id),
            lambda scope: invoicing.change_invoice(home.hub, scope, invoice_id, {}),
            lambda scope: invoicing.push_by_hand(home.hub, scope, invoice_id),
            lambda scope: invoicing.cancel(home.hub, scope, invoice_id),
        ):
            with pytest.raises(NotFound):
                ask(scope)
