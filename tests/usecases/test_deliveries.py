import pytest

from kable_hub.store import outbox
from kable_hub.store.deliveries import DeliveryFilter
from kable_hub.usecases import connections, deliveries, linking
from kable_hub.usecases.errors import Conflict, Invalid, NotFound
from tests.usecases.house import House

BLOCKED = {"state": "blocked", "error_code": "no_item", "blocked_on": "settings"}


@pytest.fixture
def one(home: House):
    """One delivery to Acme."""
    home.connect("acme")
    home.customer("c1", "acme")
    made = home.invoice().deliveries[0]
    home.slept("acme")
    return made


def get(home: House, delivery_id: str):
    return deliveries.get_delivery(home.hub, home.scope, delivery_id).delivery


def test_deliveries_of_another_account_or_environment_do_not_exist(home: House, one):
    home.force(one.id, **BLOCKED)
    for scope in (home.live, home.other_account()):
        for ask in (
            deliveries.get_delivery,
            deliveries.retry,
            deliveries.cancel,
            deliveries.push,
            deliveries.void,
            lambda *args: deliveries.settle(*args, exists=False),
        ):
            with pytest.raises(NotFound):
                ask(home.hub, scope, one.id)
        assert deliveries.retry_many(home.hub, scope, DeliveryFilter()) == 0
        assert deliveries.list_deliveries(home.hub, scope).items == ()
    assert get(home, one.id).state == "blocked"


@pytest.mark.parametrize("state", ["blocked", "rejected"])
def test_what_is_stuck_is_tried_again_at_once(home: House, one, state: str):
    home.force(one.id, **{**BLOCKED, "state": state, "failures": 3})
    home.clock.advance(5)
    row = deliveries.retry(home.hub, home.scope, one.id)
    assert (row.state, row.due_at, row.failures) == ("due", home.hub.now(), 0)
    assert home.due_at("acme") == home.hub.now()


def test_what_may_exist_is_never_simply_sent_again(home: House, one):
    home.force(one.id, **BLOCKED, may_exist=True)
    assert deliveries.retry(home.hub, home.scope, one.id).state == "uncertain"


@pytest.mark.parametrize("state", ["delivered", "cancelled", "held", "pushing"])
def test_what_is_not_stuck_is_not_retried(home: House, one, state: str):
    home.force(one.id, state=state)
    with pytest.raises(Conflict) as refused:
        deliveries.retry(home.hub, home.scope, one.id)
    assert (refused.value.code, refused.value.extras) == ("not_retryable", {"state": state})


def test_many_are_retried_by_what_they_have_in_common(home: House):
    home.connect("acme")
    home.connect("books")
    home.customer("c1", "acme", "books")
    home.customer("c2", "acme")
    views = [home.invoice(), home.invoice(), home.invoice(customer="c2")]
    for view in views:
        for made in view.deliveries:
            home.force(made.id, **BLOCKED)
    home.force(views[0].deliveries[0].id, state="delivered")
    retried = lambda **wanted: deliveries.retry_many(  # noqa: E731
        home.hub, home.scope, DeliveryFilter(**wanted)
    )
    assert retried(code="other") == 0
    assert retried(state="rejected") == 0
    assert retried(customer="c2") == 1
    assert retried(provider="books") == 2
    assert retried() == 1
    assert retried() == 0
    with pytest.raises(NotFound):
        retried(customer="nobody")


def test_a_delivery_is_cancelled_only_while_nothing_can_exist(home: House, one):
    home.force(one.id, state="uncertain", may_exist=True)
    with pytest.raises(Conflict) as refused:
        deliveries.cancel(home.hub, home.scope, one.id)
    assert refused.value.code == "may_exist"
    home.force(one.id, state="pushing", may_exist=False)
    with pytest.raises(Conflict) as refused:
        deliveries.cancel(home.hub, home.scope, one.id)
    assert refused.value.code == "not_cancellable"
    home.force(one.id, state="blocked")
    assert deliveries.cancel(home.hub, home.scope, one.id).state == "cancelled"


def test_a_held_delivery_is_pushed_once(home: House):
    home.connect("acme")
    home.customer("c1", "acme")
    held = home.invoice(auto_push=False).deliveries[0]
    home.slept("acme")
    assert deliveries.push(home.hub, home.scope, held.id).state == "due"
    assert home.due_at("acme") == home.hub.now()
    with pytest.raises(Conflict) as refused:
        deliveries.push(home.hub, home.scope, held.id)
    assert refused.value.code == "not_held"


def test_a_person_settles_what_is_uncertain_as_delivered(home: House, one):
    home.force(one.id, state="uncertain", may_exist=True)
    with pytest.raises(Invalid) as refused:
        deliveries.settle(home.hub, home.scope, one.id, exists=True)
    assert refused.value.errors[0].field == "externalId"
    row = deliveries.settle(home.hub, home.scope, one.id, exists=True, external_id="D-9")
    assert (row.state, row.external_id, row.delivered_at) == ("delivered", "D-9", home.hub.now())


def test_a_person_settles_what_is_uncertain_as_absent(home: House, one):
    home.force(one.id, state="uncertain", may_exist=True)
    row = deliveries.settle(home.hub, home.scope, one.id, exists=False)
    assert (row.state, row.may_exist) == ("due", False)


def test_what_is_certain_needs_no_person(home: House, one):
    with pytest.raises(Conflict) as refused:
        deliveries.settle(home.hub, home.scope, one.id, exists=False)
    assert refused.value.code == "not_uncertain"


def test_an_asking_that_saw_less_than_an_event_overwrites_nothing(home: House, one):
    home.force(one.id, state="delivered", payment_status="paid", payment_as_of=2000)
    for as_of, told, standing in ((1000, "open", "paid"), (3000, "void", "void")):
        of_push = (one.connection_id, one.subject_id)
        with home.hub.database.write():
            outbox.tell_payment(home.scope, *of_push, told, {}, as_of)
        assert get(home, one.id).payment_status == standing


def test_a_void_is_opened_once_for_what_was_delivered(home: House, one):
    with pytest.raises(Conflict) as refused:
        deliveries.void(home.hub, home.scope, one.id)
    assert refused.value.code == "not_delivered"
    home.force(one.id, state="delivered", receipt={"external_id": "D-1"}, external_id="D-1")
    first = deliveries.void(home.hub, home.scope, one.id)
    assert (first.kind, first.state, first.subject_id) == ("void", "due", one.subject_id)
    assert deliveries.void(home.hub, home.scope, one.id).id == first.id
    with pytest.raises(Conflict):
        deliveries.void(home.hub, home.scope, first.id)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 3),
        ({"state": "blocked"}, 1),
        ({"provider": "books"}, 1),
        ({"provider": "nowhere"}, 0),
        ({"code": "no_item"}, 1),
        ({"kind": "void"}, 0),
        ({"customer": "c2"}, 1),
    ],
)
def test_deliveries_are_filtered(home: House, wanted, count: int):
    home.connect("acme")
    home.connect("books")
    home.customer("c1", "acme", "books")
    home.customer("c2", "acme")
    home.force(home.invoice().deliveries[0].id, **BLOCKED)
    home.invoice(customer="c2")
    page = deliveries.list_deliveries(home.hub, home.scope, DeliveryFilter(**wanted))
    assert len(page.items) == count


def test_deliveries_are_counted_by_provider_and_state(home: House, one):
    home.invoice()
    home.force(one.id, **BLOCKED)
    home.connect("books")
    counted = deliveries.count_by_state(home.hub, home.scope)
    assert counted == {"acme": {"blocked": 1, "due": 1}, "books": {}}


def test_what_waits_for_a_disconnected_provider_stays_blocked_until_it_is_back(home: House, one):
    connections.disconnect(home.hub, home.scope, "acme")
    assert get(home, one.id).error_code == "disconnected"
    home.connect("acme")
    assert get(home, one.id).state == "due"


def test_a_void_that_a_person_settled_is_shown_on_the_push(home: House, one):
    home.force(one.id, state="delivered", receipt={"external_id": "D-1"}, external_id="D-1")
    void = deliveries.void(home.hub, home.scope, one.id)
    home.force(void.id, state="uncertain", may_exist=True)
    deliveries.settle(home.hub, home.scope, void.id, exists=True, external_id="D-1")
    assert get(home, one.id).payment_status == "void"


def test_a_customer_that_may_exist_is_settled_by_linking_it(home: House):
    home.connect("acme")
    home.customer("c1")
    linking.create_at_provider(home.hub, home.scope, "c1", "acme")
    creation = home.deliveries(kind="create_customer")[0]
    home.force(creation.id, state="uncertain", may_exist=True)
    with pytest.raises(Conflict) as refused:
        deliveries.settle(home.hub, home.scope, creation.id, exists=True, external_id="A-1")
    assert refused.value.code == "link_instead"
    assert home.link("c1", "acme").state == "linked"
