"""Linking: check what a person gave, or make a customer and never a second."""

from dataclasses import replace

import kable_stripe_payments as plugin
import pytest

from kable_hub import Address, Environment, NeedsOperator, OutcomeUnknown, Rejected, Transient
from kable_hub.testing import Fault, builders

TEST, LIVE = Environment.TEST, Environment.LIVE


def link(desk, reference, **settings):
    connection = desk.connection(**settings)
    return plugin.link_customer(
        connection, builders.customer(), reference, "key-1", connection.now()
    )


def create(desk, customer=None, since=None, key="key-1"):
    connection = desk.connection()
    since = since or connection.now()
    return plugin.link_customer(connection, customer or builders.customer(), None, key, since)


def made(desk):
    """The customers at Stripe that the hub made."""
    rows = desk.stripe.accounts[desk.account].test.of("customer").values()
    return [one for one in rows if "hub_customer_id" in one["metadata"]]


def test_a_good_reference_is_linked_with_name_and_address(desk):
    linked = link(desk, desk.customer)
    assert (linked.reference, linked.title) == (desk.customer, "Northwind Traders")
    assert linked.email == "billing@example.com"
    assert linked.warnings == ()


def test_a_customer_without_a_card_is_linked_with_a_warning(desk):
    bare = desk.stripe.add_customer(desk.account, TEST, email="", with_card=False)
    assert "no default payment method" in link(desk, bare).warnings[0]
    assert "no e-mail" in link(desk, bare, collection_method="send_invoice").warnings[0]


def test_an_unknown_reference_is_refused(desk):
    with pytest.raises(Rejected) as caught:
        link(desk, "cus_nobody")
    assert caught.value.code == "unknown_customer"


def test_a_deleted_customer_is_refused(desk):
    desk.stripe.delete_customer(desk.account, TEST, desk.customer)
    with pytest.raises(Rejected) as caught:
        link(desk, desk.customer)
    assert caught.value.code == "inactive_customer"


def test_a_live_customer_in_test_mode_is_explained(desk):
    live = desk.stripe.add_customer(desk.account, LIVE)
    with pytest.raises(Rejected, match="exists in live mode, and this is test mode") as caught:
        link(desk, live)
    assert caught.value.code == "wrong_environment"


def test_an_answer_of_the_wrong_mode_is_refused_as_well(desk):
    desk.stripe.customer(desk.account, TEST, desk.customer)["livemode"] = True
    with pytest.raises(Rejected) as caught:
        link(desk, desk.customer)
    assert caught.value.code == "wrong_environment"


def test_another_refusal_is_passed_on(desk):
    body = '{"error": {"type": "invalid_request_error", "message": "No."}}'
    desk.stripe.fault(Fault("customers/", status=400, body=body))
    with pytest.raises(Rejected, match="No"):
        link(desk, desk.customer)


def test_one_click_in_live_mode_serves_test_customers_too(desk):
    assert link(desk, desk.customer).reference == desk.customer
    live = desk.stripe.add_customer(desk.account, LIVE)
    connection = desk.connection(LIVE)
    customer = builders.customer()
    linked = plugin.link_customer(connection, customer, live, "key-1", connection.now())
    assert linked.reference == live


def test_a_customer_is_made_with_the_hubs_marks(desk):
    address = Address("1 Pier Road", "", "Cork", "", "T12", "IE")
    linked = create(desk, builders.customer(billing_address=address, email="a@x.test, b@x.test"))
    (one,) = made(desk)
    assert one["id"] == linked.reference
    assert one["metadata"] == {"hub_customer_id": "cus_1", "hub_client_id": "client-1"}
    assert one["email"] == "a@x.test"
    assert one["address"] == {
        "line1": "1 Pier Road",
        "city": "Cork",
        "postal_code": "T12",
        "country": "IE",
    }


def test_making_it_again_gives_the_same_customer(desk):
    assert create(desk).reference == create(desk, key="key-2").reference
    assert len(made(desk)) == 1


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_lost_answer_makes_one_customer_in_the_end(desk, stage):
    since = desk.clock.now()
    desk.stripe.fault(Fault("customers$", "POST", stage=stage, reset=True))
    with pytest.raises(OutcomeUnknown):
        create(desk, since=since)
    create(desk, since=since)
    assert len(made(desk)) == 1


def test_a_customer_made_two_days_ago_is_found_even_with_another_address(desk):
    since = desk.clock.now()
    first = create(desk, since=since)
    desk.clock.advance(48 * 3600)
    changed = builders.customer(email="other@example.com")
    assert create(desk, changed, since, key="key-2").reference == first.reference
    assert len(made(desk)) == 1


def test_a_customer_corrected_after_a_refusal_is_made(desk):
    since = desk.clock.now()
    body = '{"error": {"type": "invalid_request_error", "message": "Bad e-mail."}}'
    desk.stripe.fault(Fault("customers$", "POST", stage="after", status=400, body=body))
    with pytest.raises(Rejected):
        create(desk, builders.customer(email="nonsense"), since)
    made(desk)[0]["metadata"].clear()
    linked = create(desk, builders.customer(email="right@example.com"), since)
    assert linked.email == "right@example.com"


def test_an_index_that_lags_makes_no_second_customer(desk):
    desk.stripe.search_lag = 3600
    create(desk)
    create(desk, key="key-2")
    assert len(made(desk)) == 1


def test_customers_without_address_are_told_apart_by_their_mark(desk):
    first = create(desk, builders.customer(email=""))
    second = create(desk, builders.customer(id="cus_2", email=""), key="key-2")
    assert first.reference != second.reference


def test_two_candidates_are_offered_never_guessed(desk):
    create(desk)
    (one,) = made(desk)
    twin = {name: value for name, value in one.items() if name != "id"}
    desk.stripe.accounts[desk.account].test.add("customer", "cus", twin)
    with pytest.raises(NeedsOperator) as caught:
        create(desk)
    assert caught.value.on == "link"
    assert len(caught.value.choices) == 2


def test_stripe_away_while_looking_is_transient_and_makes_nothing(desk):
    desk.stripe.fault(Fault("customers$", "GET", stage="before", status=503))
    with pytest.raises(Transient):
        create(desk)
    assert made(desk) == []


def test_a_customer_made_long_before_and_unlinked_is_taken_up_again(desk):
    first = create(desk)
    desk.clock.advance(90 * 86400)
    assert create(desk, key="key-2").reference == first.reference
    assert len(made(desk)) == 1


def test_search_finds_by_part_of_name_or_address_and_by_id(desk):
    other = desk.stripe.add_customer(desk.account, TEST, 'Cedar "Sons"', "office@cedar.example")
    connection = desk.connection()

    def search(query):
        return [one.reference for one in plugin.search_customers(connection, query)]

    assert search("north") == [desk.customer]
    assert search('"sons"') == [other]
    assert search("@cedar") == [other]
    assert search(other) == [other]
    assert search("cus_nobody") == search("cus_../x") == search("  ") == search("zz") == []


def test_a_customer_found_through_a_key_of_the_account_itself(desk):
    connection = desk.with_key()
    linked = plugin.link_customer(
        connection, builders.customer(), desk.customer, "key-1", connection.now()
    )
    assert linked.reference == desk.customer
    assert desk.stripe.requests[-1].header("stripe-account") == ""
    wrong = replace(connection, credentials={"mode": "key", "key": "rk_test_no"})
    with pytest.raises(Exception, match="no longer accepts"):
        plugin.check_connection(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cus_QXg1o8vcGmoR32", "cus_QXg1o8vcGmoR32"),
        (" cus_QXg1o8vcGmoR32 ", "cus_QXg1o8vcGmoR32"),
        ("https://dashboard.stripe.com/test/customers/cus_QXg1o8vcGmoR32", "cus_QXg1o8vcGmoR32"),
        ("https://dashboard.stripe.com/acct_1/customers/cus_QXg1?tab=x", "cus_QXg1"),
        ("acct_123", None),
        ("cus_", None),
        ("cus_a/b", None),
    ],
)
def test_a_reference_is_read_from_an_id_or_a_pasted_address(text, expected):
    assert plugin.provider().reference.extract(text) == expected
