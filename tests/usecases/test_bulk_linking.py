import pytest

from kable_hub import ReconnectRequired
from kable_hub.usecases import customers, linking
from kable_hub.usecases.bulk_linking import LinkOutcome, make_links, preview_links
from kable_hub.usecases.errors import Invalid
from kable_hub.usecases.link_files import MOST, LinkWish, read_links
from tests.usecases.house import House


def rows(*lines: str) -> tuple[LinkWish, ...]:
    return read_links("\n".join(("clientId,provider,reference", *lines)).encode())


def told(outcomes: tuple[LinkOutcome, ...]) -> list[tuple[str, str]]:
    return [(one.wish.client_id, one.code or one.state) for one in outcomes]


def linked(home: House) -> dict[str, list[tuple[str, str]]]:
    """Provider and reference of every link, by clientId."""
    return {
        view.customer.client_id: [(one.provider, one.reference) for one in view.links]
        for view in customers.list_customers(home.hub, home.scope).items
    }


@pytest.fixture
def ready(at_home: House) -> House:
    """Acme and Books are connected; c1 and c2 are linked nowhere, A-1 to A-4 stand at Acme."""
    for slug in ("acme", "books"):
        at_home.connect(slug)
    for client_id in ("c1", "c2"):
        at_home.customer(client_id)
    for name in ("One", "Two", "Three", "Four"):
        at_home.at["acme"].add_customer(name=name)
    at_home.at["books"].add_customer(name="One in the books", currency="EUR")
    return at_home


def test_a_preview_shows_who_stands_behind_each_row_and_writes_nothing(ready: House):
    shown = preview_links(
        ready.hub, ready.scope, rows("c1,acme,A-1", "c1,Books,https://books.example/customers/A-1")
    )

    assert [(one.state, one.reference, one.title) for one in shown] == [
        ("ready", "A-1", "One"),
        ("ready", "A-1", "One in the books"),
    ]
    assert "EUR" in shown[1].warnings[0]
    assert shown[1].wish == LinkWish(3, "c1", "books", "A-1")
    assert linked(ready) == {"c1": [], "c2": []}


def test_confirmed_rows_are_linked_and_a_second_time_changes_nothing(ready: House):
    wishes = rows("c1,acme,A-1", "c2,acme,A-2")
    shown = [one.wish for one in preview_links(ready.hub, ready.scope, wishes)]

    assert told(make_links(ready.hub, ready.scope, shown)) == [("c1", "linked"), ("c2", "linked")]
    before = [linking.list_links(ready.hub, ready.scope, one) for one in ("c1", "c2")]
    ready.clock.advance(60)
    again = make_links(ready.hub, ready.scope, shown)

    assert told(again) == [("c1", "unchanged"), ("c2", "unchanged")]
    assert [linking.list_links(ready.hub, ready.scope, one) for one in ("c1", "c2")] == before


def test_every_row_that_cannot_be_linked_says_why_and_keeps_no_other_back(ready: House):
    shown = preview_links(
        ready.hub,
        ready.scope,
        rows(
            "nobody,acme,A-1",
            "c1,elsewhere,A-1",
            "c1,beta,A-1",
            "c1,acme,7",
            "c2,acme,A-99",
            "c2,acme,A-2",
            "c2,books,",
            ",acme,A-1",
        ),
    )
    assert told(shown) == [
        ("nobody", "not_found"),
        ("c1", "not_found"),
        ("c1", "not_connected"),
        ("c1", "bad_reference"),
        ("c2", "unknown_customer"),
        ("c2", "repeated"),
        ("c2", "bad_reference"),
        ("", "not_found"),
    ]
    assert all(one.message for one in shown)
    made = make_links(ready.hub, ready.scope, [*rows("nobody,acme,A-1", "c1,acme,A-1")])
    assert told(made) == [("nobody", "not_found"), ("c1", "linked")]


def test_a_provider_that_is_out_of_reach_is_told_for_its_rows_alone(ready: House):
    ready.acme.fails["link_customer"] = ReconnectRequired("sign in again")
    shown = preview_links(ready.hub, ready.scope, rows("c1,acme,A-1", "c1,books,A-1"))
    assert told(shown) == [("c1", "reconnect_required"), ("c1", "ready")]


def test_a_counterpart_of_others_is_linked_only_when_sharing_is_confirmed(ready: House):
    linking.put_link(ready.hub, ready.scope, "c1", "acme", "A-1")
    wishes = rows("c2,acme,A-1", "c1,books,A-1", "c2,books,A-1")
    shown = preview_links(ready.hub, ready.scope, wishes)
    assert [(one.state, one.linked_to) for one in shown] == [
        ("shares", ("c1",)),
        ("ready", ()),
        ("shares", ("c1",)),
    ]

    plan = [one.wish for one in shown]
    refused = make_links(ready.hub, ready.scope, plan)
    assert [one.code or one.state for one in refused] == [
        "reference_in_use",
        "linked",
        "reference_in_use",
    ]
    shared = make_links(ready.hub, ready.scope, plan, share=True, by="usr_1")
    assert [one.state for one in shared] == ["linked", "unchanged", "linked"]
    (link, _) = linking.list_links(ready.hub, ready.scope, "c2")
    assert (link.shared_with, link.confirmed_by) == (("c1",), "usr_1")


def test_a_link_that_changed_after_the_preview_is_left_alone(ready: House):
    linking.put_link(ready.hub, ready.scope, "c1", "acme", "A-1")
    shown = preview_links(ready.hub, ready.scope, rows("c1,acme,A-2", "c2,acme,A-4"))
    assert [one.replaces for one in shown] == ["A-1", ""]
    linking.put_link(ready.hub, ready.scope, "c1", "acme", "A-3")

    made = make_links(ready.hub, ready.scope, [one.wish for one in shown])

    assert told(made) == [("c1", "overtaken"), ("c2", "linked")]
    assert "A-3" in made[0].message
    assert linked(ready) == {"c1": [("acme", "A-3")], "c2": [("acme", "A-4")]}


def test_a_link_is_replaced_by_the_one_of_the_file(ready: House):
    linking.put_link(ready.hub, ready.scope, "c1", "acme", "A-1")
    same, other = rows("c1,acme,A-1"), rows("c1,acme,A-2")
    assert told(preview_links(ready.hub, ready.scope, same)) == [("c1", "unchanged")]
    plan = [one.wish for one in preview_links(ready.hub, ready.scope, other)]
    assert told(make_links(ready.hub, ready.scope, plan)) == [("c1", "linked")]
    assert linked(ready)["c1"] == [("acme", "A-2")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "missing_column"),
        (b"clientId,provider,reference\n\n", "empty"),
        (b"clientId,provider\nc1,acme\n", "missing_column"),
        (b"clientId,provider,reference\nc\xff,acme,A-1", "not_utf8"),
        (b'clientId,provider,reference\n"c1,acme,A-1', "bad_csv"),
        (b"clientId,provider,reference" + b"\nc1,acme,A-1" * (MOST + 1), "too_many"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, code: str):
    with pytest.raises(Invalid) as refused:
        read_links(content)
    assert [(one.field, one.code) for one in refused.value.errors] == [("file", code)]


def test_a_spreadsheets_ways_of_writing_the_file_are_understood():
    content = "\ufeffReference; Provider;client_id\r\n A-1 ;Acme;c1\r\n;;\r\nA-2;Acme\r\n"
    assert read_links(content.encode()) == (
        LinkWish(2, "c1", "Acme", "A-1"),
        LinkWish(4, "", "Acme", "A-2"),
    )
