"""Linking a customer: by its id, or by making it once."""

import kable_acme_payments as plugin
import pytest

from kable_hub import Environment, NeedsOperator, OutcomeUnknown, Rejected
from kable_hub.testing import Fault, builders

TEST, LIVE = Environment.TEST, Environment.LIVE


def link(desk, reference=None, customer=None, key="key-1"):
    customer = customer or builders.customer()
    return plugin.link_customer(desk.connection(), customer, reference, key)


def test_a_customer_that_is_there_is_linked_and_nothing_is_written(desk):
    found = link(desk, desk.customer)
    assert (found.reference, found.title) == (desk.customer, "Northwind Traders")
    assert not any(call.writes for call in desk.guard.calls)


def test_a_customer_that_is_not_there_is_refused(desk):
    with pytest.raises(Rejected) as caught:
        link(desk, "cu_9999")
    assert caught.value.code == "unknown_customer"


def test_a_customer_of_the_other_environment_is_not_there(desk):
    with pytest.raises(Rejected) as caught:
        link(desk, desk.simulator.add_customer(LIVE, "Northwind Traders"))
    assert caught.value.code == "unknown_customer"


def test_a_closed_customer_is_refused(desk):
    with pytest.raises(Rejected) as caught:
        link(desk, desk.simulator.add_customer(TEST, "Gone", active=False))
    assert caught.value.code == "inactive_customer"


def test_a_new_customer_is_made_with_what_the_hub_knows(desk):
    customer = builders.customer(company_name="Čaj & Söhne", email="a@example.com")
    made = link(desk, customer=customer)
    assert (made.title, made.email) == ("Čaj & Söhne", "a@example.com")
    assert desk.simulator.customers[made.reference]["external_id"] == customer.id


def test_a_customer_that_was_made_before_is_found_though_the_key_is_another(desk):
    first, again = link(desk), link(desk, key="key-2")
    assert first == again
    assert len(desk.simulator.customers) == 2


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_lost_answer_never_makes_a_second_customer(desk, stage):
    desk.simulator.fault(Fault(path="/customers", method="POST", stage=stage, reset=True))
    with pytest.raises(OutcomeUnknown):
        link(desk)
    made = link(desk)
    assert list(desk.simulator.customers) == [desk.customer, made.reference]


def test_of_several_candidates_a_person_picks_one(desk):
    customer, desk.simulator.page = builders.customer(), 1
    ids = [desk.simulator.add_customer(TEST, name, external_id=customer.id) for name in "AB"]
    with pytest.raises(NeedsOperator) as caught:
        link(desk)
    assert [one.value for one in caught.value.choices] == ids
    assert (caught.value.on, caught.value.scope) == ("link", "customer")
