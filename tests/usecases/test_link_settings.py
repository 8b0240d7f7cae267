from dataclasses import replace

import pytest

from kable_hub import Facts, Lift
from kable_hub.store import tables as t
from kable_hub.tryout import Refused, try_out
from kable_hub.usecases import connections, invoicing, linking, previewing
from kable_hub.usecases.errors import Conflict, Invalid, NotFound
from kable_hub.usecases.errors import Refused as RefusedThere
from kable_hub.usecases.link_settings import get_link_settings, put_link_settings
from tests.usecases.house import BOOKS, Books, House, line, states


@pytest.fixture
def linked(home: House) -> House:
    home.connect("books")
    home.customer("c1", "books")
    return home


def put(home: House, client_id: str = "c1", slug: str = "books", **values):
    return put_link_settings(home.hub, home.scope, client_id, slug, values)


def test_a_customer_may_have_settings_of_its_own_over_the_connections(linked: House):
    saved = put(linked, terms=7)
    assert saved.values == {"terms": 7}
    assert saved.effective == {"item": "7", "terms": 7, "long": False}
    assert [one.name for one in saved.fields] == ["terms", "long"]
    assert get_link_settings(linked.hub, linked.scope, "c1", "books") == saved
    (shown,) = linking.list_links(linked.hub, linked.scope, "c1")
    assert shown.settings == {"terms": 7}


def test_null_and_absent_mean_the_connections_value(linked: House):
    put(linked, terms=7, long=True)
    assert put(linked, terms=None).values == {}
    connections.put_settings(linked.hub, linked.scope, "books", {"terms": 14})
    assert get_link_settings(linked.hub, linked.scope, "c1", "books").effective["terms"] == 14


def test_unknown_unfit_and_wrong_values_are_refused_by_name(linked: House):
    with pytest.raises(Invalid) as refused:
        put(linked, colour="red", item="8")
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("settings.colour", "invalid"),
        ("settings.item", "not_per_customer"),
    ]
    with pytest.raises(Invalid) as refused:
        put(linked, terms="soon")
    assert [one.field for one in refused.value.errors] == ["settings.terms"]
    assert get_link_settings(linked.hub, linked.scope, "c1", "books").values == {}


def test_only_a_linked_customer_of_a_connected_provider_has_settings_there(linked: House):
    linked.customer("c2")
    for client_id, slug in (("c2", "books"), ("c9", "books"), ("c1", "nobody")):
        with pytest.raises(NotFound):
            put(linked, client_id, slug, terms=7)
    with pytest.raises(Conflict) as refused:
        put(linked, "c1", "acme", terms=7)
    assert refused.value.code == "not_connected"
    with pytest.raises(NotFound):
        put_link_settings(linked.hub, linked.other_account(), "c1", "books", {"terms": 7})


def test_saving_plans_anew_and_wakes_what_waited_for_settings_or_the_customer(linked: House):
    linked.customer("c2", "books")
    mine, waiting, elsewhere = linked.invoice(), linked.invoice(), linked.invoice()
    theirs = linked.invoice(customer="c2")
    linked.force(mine.deliveries[0].id, frozen=True)
    blocked = {"state": "blocked", "error_code": "waits", "frozen": True}
    linked.force(waiting.deliveries[0].id, **blocked, blocked_on="customer")
    linked.force(elsewhere.deliveries[0].id, **blocked, blocked_on="provider")
    linked.force(theirs.deliveries[0].id, **blocked, blocked_on="settings")
    linked.slept("books")
    put(linked, terms=7)
    with linked.hub.database.read():
        rows = list(t.Delivery.select().order_by(t.Delivery.id))
    assert [row.state for row in rows] == ["due", "due", "blocked", "blocked"]
    assert [bool(row.frozen) for row in rows] == [False, False, False, True]
    assert [row.plan_version > 0 for row in rows] == [True, True, True, False]
    assert linked.due_at("books") == linked.hub.now()


def test_own_settings_stay_when_the_customer_is_linked_to_something_else(linked: House):
    put(linked, terms=7)
    assert linked.link("c1", "books").settings == {"terms": 7}
    linking.remove_link(linked.hub, linked.scope, "c1", "books")
    assert linked.link("c1", "books").settings == {}


def test_a_setting_lifts_a_fact_for_one_customer_or_for_all(linked: House):
    assert states(linked.invoice(*[line()] * 4)) == {"books": "rejected"}
    put(linked, long=True)
    assert states(linked.invoice(*[line()] * 4)) == {"books": "due"}
    put(linked)
    connections.put_settings(linked.hub, linked.scope, "books", {"long": True})
    assert states(linked.invoice(*[line()] * 4)) == {"books": "due"}
    assert states(linked.invoice(*[line()] * 4, number="N" * 22)) == {"books": "rejected"}
    put(linked, long=False)
    assert states(linked.invoice(*[line()] * 4)) == {"books": "rejected"}


def test_a_lifted_fact_holds_for_previews_edits_and_earlier_invoices_alike(linked: House):
    long = linked.invoice(*[line()] * 4)
    with pytest.raises(RefusedThere):
        previewing.preview_invoice(linked.hub, linked.scope, long.invoice.id, "books")
    put(linked, long=True, terms=7)
    preview = previewing.preview_invoice(linked.hub, linked.scope, long.invoice.id, "books")
    assert preview.document == {"lines": 4, "terms": 7}
    changed = invoicing.change_invoice(linked.hub, linked.scope, long.invoice.id, {"memo": "x"})
    assert states(changed) == {"books": "due"}
    linked.customer("c3")
    linked.invoice(*[line()] * 4, customer="c3")
    linked.link("c3", "books")
    assert linked.deliveries(provider="books")[-1].state == "rejected"
    connections.put_settings(linked.hub, linked.scope, "books", {"long": True})
    linked.customer("c4")
    linked.invoice(*[line()] * 4, customer="c4")
    linked.link("c4", "books")
    assert linked.deliveries(provider="books")[-1].state == "due"


@pytest.mark.parametrize(
    ("lift", "said"),
    [
        (Lift("colours", "long", True), "no fact"),
        (Lift("max_lines", "short", True), "does not declare"),
    ],
)
def test_a_lift_of_what_is_not_declared_is_refused(lift, said):
    with pytest.raises(Refused, match=said):
        try_out("books", lambda: Books(replace(BOOKS, lifts=(lift,))))


def test_what_was_declared_later_takes_its_default():
    assert BOOKS.settings_for({"terms": 3}) == {"item": "", "terms": 3, "long": False}
    assert BOOKS.settings_for({}, {"item": "9", "terms": 3})["item"] == ""
    assert replace(BOOKS, settings=None).settings_for({"x": 1}, {"x": 2}) == {"x": 1}
    assert BOOKS.facts_for({"long": True}) == replace(BOOKS.facts, max_lines=Facts().max_lines)
