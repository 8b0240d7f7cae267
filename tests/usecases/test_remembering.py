"""What a plugin remembers of a connection: read once, for as long as nobody may have changed it."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from kable_hub import ContractViolation, RateLimited, Rejected, Transient
from kable_hub.usecases import connections, deliveries
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.hub import open_hub
from tests.usecases.house import House

HOUR = 3600


def choices(home: House, scope=None):
    return connections.setting_choices(home.hub, scope or home.scope, "books", "item").choices


def connected(home: House) -> House:
    home.connect("books")
    home.books.reads = 0
    connections.put_settings(home.hub, home.scope, "books", {"item": "7"})
    return home


def test_a_fact_is_read_once_within_its_time_and_then_anew(home: House):
    connected(home)
    assert [one.label for one in choices(home)] == ["Services", "Goods"]
    home.clock.advance(HOUR - 1)
    assert [one.value for one in choices(home)] == ["7", "8"]
    assert home.books.reads == 1
    home.clock.advance(1)
    choices(home)
    assert home.books.reads == 2


def test_another_process_knows_it_too(home: House):
    choices(connected(home))
    home.hub.close()
    home.hub = open_hub(home.hub.settings, clock=home.clock, registry=home.hub.registry)
    choices(home)
    assert home.books.reads == 1


def test_every_connection_remembers_for_itself(home: House):
    choices(connected(home))
    others = (home.live, home.other_account())
    for at, scope in enumerate(others):
        home.books.granted = lambda grant, at=at: replace(grant, external_id=f"shop-{at}")
        home.connect("books", scope)
    home.books.reads = 0
    home.books.read = lambda: [["9", "Rent"]]
    home.clock.advance(HOUR)
    for scope in others:
        assert [one.value for one in choices(home, scope)] == ["9"]
    assert home.books.reads == 2
    connections.check(home.hub, home.live, "books")
    choices(home, others[1])
    assert home.books.reads == 2


def save(home: House) -> None:
    connections.put_settings(home.hub, home.scope, "books", {"item": "8"})


def check(home: House) -> None:
    connections.check(home.hub, home.scope, "books")


def reconnect(home: House) -> None:
    home.connect("books")


def end_and_reconnect(home: House) -> None:
    connections.disconnect(home.hub, home.scope, "books")
    home.connect("books")


def retry(home: House) -> None:
    deliveries.retry(home.hub, home.scope, home.deliveries(provider="books")[0].id)


def retry_many(home: House) -> None:
    deliveries.retry_many(home.hub, home.scope, deliveries.ANY)


CHANGES = [save, check, reconnect, end_and_reconnect, retry, retry_many]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_whatever_a_person_may_have_changed_is_read_anew(at_home: House, change):
    connected(at_home).customer("c1", "books")
    at_home.force(at_home.invoice().deliveries[0].id, state="blocked")
    choices(at_home)
    change(at_home)
    choices(at_home)
    assert at_home.books.reads == 2


def test_what_was_read_before_the_hub_forgot_is_not_kept_after(home: House):
    connected(home)

    def overtaken():
        save(home)
        return [["1", "Old"]]

    home.books.read = overtaken
    assert [one.value for one in choices(home)] == ["1"]
    home.books.read = lambda: [["2", "New"]]
    assert [one.value for one in choices(home)] == ["2"]


def test_a_failure_is_not_remembered(home: House):
    connected(home)

    def fail():
        raise Transient("it is away")

    kept, home.books.read = home.books.read, fail
    with pytest.raises(Problem):
        choices(home)
    home.books.read = kept
    assert [one.value for one in choices(home)] == ["7", "8"]


def away(_error=Transient):
    def fail():
        raise _error("it is away")

    return fail


def test_where_it_cannot_be_read_the_older_answer_serves_and_is_tried_again_later(home: House):
    choices(connected(home))
    home.books.read = away(RateLimited)
    home.clock.advance(2 * HOUR)
    assert [one.value for one in choices(home)] == ["7", "8"]
    asked = home.books.reads
    assert [one.value for one in choices(home)] == ["7", "8"]
    assert home.books.reads == asked
    home.books.read = lambda: [["9", "Rent"]]
    home.clock.advance(301)
    assert [one.value for one in choices(home)] == ["9"]


def test_another_error_than_of_reading_passes_though_an_older_answer_is_known(home: House):
    choices(connected(home))
    home.books.read = away(Rejected)
    home.clock.advance(2 * HOUR)
    with pytest.raises(Problem):
        choices(home)


def test_what_is_older_than_forty_days_or_forgotten_meanwhile_serves_no_more(home: House):
    choices(connected(home))
    kept = home.books.read

    def forgotten():
        connections.put_settings(home.hub, home.scope, "books", {"item": "8"})
        raise Transient("it is away")

    home.clock.advance(2 * HOUR)
    home.books.read = forgotten
    with pytest.raises(Problem):
        choices(home)
    home.books.read = kept
    choices(home)
    home.books.read = away()
    home.clock.advance(41 * 24 * HOUR)
    with pytest.raises(Problem):
        choices(home)


def test_of_several_threads_one_reads_and_the_others_wait(at_home: House):
    connected(at_home)
    reading, go_on = threading.Event(), threading.Event()

    def slowly():
        reading.set()
        if at_home.books.reads == 1:
            assert go_on.wait(60)
        return [["7", "Services"]]

    at_home.books.read = slowly
    first, second = (threading.Thread(target=choices, args=(at_home,)) for _ in range(2))
    first.start()
    assert reading.wait(60)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    go_on.set()
    for thread in (first, second):
        thread.join(60)
    assert at_home.books.reads == 1


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ([["7", 1.5]], "no JSON"),
        ([["7", Decimal("NaN")]], "no JSON"),
        ([["7", "x" * 4_000_001]], "larger than"),
        ([["7", "it is token-1"]], "holds a secret"),
    ],
)
def test_what_no_fact_can_be_is_refused_loudly_and_not_kept(at_home: House, fact, said):
    connected(at_home)
    at_home.books.read = lambda: fact
    row = at_home.connection("books")
    for _ in range(2):
        with pytest.raises(ContractViolation, match=said) as refused:
            at_home.hub.asking.ask(row, "setting_choices", field="item")
        assert "token-1" not in str(refused.value)
    assert at_home.books.reads == 2


@pytest.mark.parametrize("name", ["", "n" * 201])
def test_a_fact_needs_a_name_of_bounded_length(at_home: House, name):
    connected(at_home).books.fact = name
    with pytest.raises(ContractViolation, match="1 to 200 characters"):
        at_home.hub.asking.ask(at_home.connection("books"), "setting_choices", field="item")
