"""Whatever order and however often webhooks come in, the hub ends with what stands at Stripe."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kable_stripe_payments.simulator import events

from tests.stripe.stage import stage

LEADS_TO = {
    "pay": "paid",
    "decline": "payment_failed",
    "confirm": "requires_action",
    "void": "void",
    "uncollectible": "uncollectible",
}
FINAL = ("paid", "void", "uncollectible")
DECLINES = {"decline": "insufficient_funds", "confirm": "authentication_required"}
KINDS = {"void": "invoice.voided", "uncollectible": "invoice.marked_uncollectible"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with stage(tmp_path_factory.mktemp("orders")) as one:
        one.connect()
        one.customer()
        yield one


def act(shop, invoice, action, state):
    """What people and Stripe do with an invoice that is open; answers how it stands then."""
    if state in FINAL:
        return state
    if action in KINDS:
        invoice["status"] = LEADS_TO[action]
        shop.stripe.emit(shop.ledger(), KINDS[action], invoice)
    else:
        shop.leave_card(invoice["customer"], declines=DECLINES.get(action, ""))
        shop.stripe.collect()
    return LEADS_TO[action]


def deliver(shop, order):
    for event in order:
        answer = shop.send(event)
        assert answer.status_code == 200, answer.text
        shop.pass_time(1)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    tries=st.lists(st.sampled_from(sorted(DECLINES)), max_size=3),
    end=st.sampled_from(sorted(LEADS_TO)),
    chance=st.integers(0, 2**32).map(random.Random),
)
def test_any_order_and_any_repetition_ends_in_the_state_at_stripe(shop, tries, end, chance):
    made = shop.push()
    invoice, before = shop.invoices()[-1], len(shop.stripe.events)
    assert invoice["metadata"]["hub_invoice_id"] == made["id"]
    shop.stripe.emit(shop.ledger(), "invoice.updated", invoice)
    state = "open"
    for action in [*tries, end]:
        if chance.random() < 0.3:
            deliver(shop, shop.stripe.events[before:])
        state = act(shop, invoice, action, state)
    told = shop.stripe.events[before:]
    thin = [events.as_thin(one) for one in told if chance.random() < 0.3]
    order = [*told, *thin, *chance.choices(told, k=3)]
    chance.shuffle(order)
    deliver(shop, order)
    assert shop.delivery(made)["paymentStatus"] == state
    invoice["auto_advance"] = False
