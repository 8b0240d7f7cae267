"""Limits kept by counting calls, in virtual time."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from kable_hub import Environment, Kind, Limit, Provider, RateLimited, Reference
from kable_hub.clock import ManualClock
from kable_hub.sync.budget import Budget, Slots, Spender

LIVE = Environment.LIVE


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


def spender(*limits: Limit, connection: str = "con_1", app: str = "") -> Spender:
    provider = Provider(
        slug="acme",
        title="Acme",
        kind=Kind.PAYMENTS,
        urls={},
        reference=Reference("x", "", "x"),
        connect_methods=(),
        limits=limits,
    )
    return Spender(provider, LIVE, connection, app)


def call(
    budget: Budget,
    who: Spender,
    name: str = "x",
    *,
    patience: float = 60.0,
    sends: bool = True,
    stop: threading.Event | None = None,
) -> None:
    with budget.take(who, name, patience, stop or threading.Event()) as passage:
        if sends:
            passage.go()
            passage.answered = True


def test_calls_are_held_back_to_what_every_limit_permits(clock: ManualClock) -> None:
    who = spender(Limit("all", requests=10), Limit("narrow", requests=2, calls=("x",)))
    budget = Budget(clock)
    for _ in range(6):
        call(budget, who)
    assert 2.0 < clock.monotonic() < 3.0
    before = clock.monotonic()
    for _ in range(4):
        call(budget, who, "y")
    assert clock.monotonic() - before < 0.5


def test_connections_share_what_is_limited_for_the_app_and_nothing_else(
    clock: ManualClock,
) -> None:
    mine, shared = Limit("mine", requests=1), Limit("shared", requests=1, scope="app")
    for limit, least in ((mine, 0), (shared, 2)):
        budget, before = Budget(clock), clock.monotonic()
        for name in ("con_1", "con_2", "con_3"):
            call(budget, spender(limit, connection=name, app="a"))
        assert least <= clock.monotonic() - before < least + 0.1


def test_all_connections_of_this_machine_share_a_limit_by_address(clock: ManualClock) -> None:
    limit = Limit("address", scope="ip", requests=4)
    one = spender(limit, connection="con_1", app="app_1")
    other = spender(limit, connection="con_2", app="app_2")
    budget = Budget(clock)
    for _ in range(20):
        call(budget, one)
        call(budget, other)
    assert 9.0 < clock.monotonic() < 10.0


def test_what_takes_longer_than_patience_is_refused_at_once(clock: ManualClock) -> None:
    who = spender(Limit("narrow", requests=1, per=timedelta(minutes=1)))
    budget = Budget(clock)
    call(budget, who)
    with pytest.raises(RateLimited) as caught:
        call(budget, who, patience=10)
    assert (clock.monotonic(), caught.value.limit) == (0, "narrow")
    assert caught.value.retry_after is not None
    assert 59 < caught.value.retry_after.total_seconds() < 62
    call(budget, who, patience=70)
    assert 60 < clock.monotonic() < 61


def test_a_turn_that_was_not_used_is_anothers(clock: ManualClock) -> None:
    who = spender(Limit("narrow", requests=1))
    budget = Budget(clock)
    for _ in range(5):
        call(budget, who, sends=False)
    assert clock.monotonic() < 5
    call(budget, who)
    assert clock.monotonic() < 5


def test_a_paused_limit_holds_its_calls_alone(clock: ManualClock) -> None:
    who = spender(Limit("x", requests=10, calls=("x",)), Limit("y", requests=10, calls=("y",)))
    budget = Budget(clock)
    budget.pause(who, "x", timedelta(seconds=7))
    call(budget, who, "y")
    assert clock.monotonic() == 0
    call(budget, who, "x")
    assert clock.monotonic() == 7
    budget.pause(who, "unknown", None)
    with pytest.raises(RateLimited):
        call(budget, who, "y", patience=10)


def test_whoever_stops_waits_for_a_short_turn_and_for_no_long_one(clock: ManualClock) -> None:
    who = spender(Limit("narrow", requests=1))
    budget, stop = Budget(clock), threading.Event()
    stop.set()
    call(budget, who, stop=stop)
    call(budget, who, stop=stop)
    assert 1 < clock.monotonic() < 2
    budget.pause(who, "narrow", timedelta(seconds=30))
    with pytest.raises(RateLimited):
        call(budget, who, stop=stop)
    assert clock.monotonic() < 2


def test_no_more_calls_at_once_than_declared(clock: ManualClock) -> None:
    who = spender(Limit("few", concurrency=2))
    budget, stop = Budget(clock), threading.Event()
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(budget.take(who, "x", 1.0, stop))
        with pytest.raises(RateLimited):
            call(budget, who, patience=0.01)
    call(budget, who, patience=0.01)


def test_how_near_a_turn_is_can_be_asked_without_taking_it(clock: ManualClock) -> None:
    who = spender(Limit("narrow", requests=1), Limit("few", concurrency=2))
    budget = Budget(clock)
    assert budget.comes_within(who, "x", 0)
    assert budget.comes_within(who, "x", 0)
    with budget.take(who, "x", 60.0, threading.Event()) as passage:
        passage.go()
        assert not budget.comes_within(who, "x", 30)
    assert not budget.comes_within(who, "x", 0.5)
    assert budget.comes_within(who, "x", 1.1)


def shared(*, requests: int = 0, concurrency: int = 0, per: int = 1) -> Spender:
    length = timedelta(seconds=per)
    return spender(
        Limit("app", scope="app", requests=requests, per=length, concurrency=concurrency), app="a"
    )


def seconds(budget: Budget, clock: ManualClock, who: Spender, calls: int) -> float:
    began = clock.monotonic()
    for _ in range(calls):
        call(budget, who)
    return clock.monotonic() - began


@pytest.mark.parametrize(
    ("requests", "processes", "rate"), [(12, 1, 12), (12, 3, 4), (12, 5, 2), (2, 4, 0.5)]
)
def test_a_limit_of_the_app_is_shared_out_by_the_processes_that_drain(
    clock: ManualClock, requests: int, processes: int, rate: float
) -> None:
    budget, who = Budget(clock), shared(requests=requests)
    budget.share(processes, 0.0)
    seconds(budget, clock, who, 2 * requests)
    assert seconds(budget, clock, who, 24) == pytest.approx(24 / rate, rel=0.05)


def test_a_limit_of_the_connection_is_not_shared(clock: ManualClock) -> None:
    budget, who = Budget(clock), spender(Limit("all", requests=10))
    budget.share(5, 60.0)
    assert seconds(budget, clock, who, 50) < 5.1


def test_a_newcomer_waits_until_the_others_know_of_it_and_their_calls_are_forgotten(
    clock: ManualClock,
) -> None:
    budget, who = Budget(clock), shared(requests=10, per=5)
    budget.share(2, 6.0)
    assert seconds(budget, clock, who, 1) == pytest.approx(11.0)


def test_who_stays_uses_what_another_left_once_that_ones_calls_are_forgotten(
    clock: ManualClock,
) -> None:
    budget, who = Budget(clock), shared(requests=10, per=5)
    budget.share(2, 0.0)
    call(budget, who)
    clock.advance(60)
    budget.share(1, 0.0)
    assert seconds(budget, clock, who, 6) == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize(
    ("processes", "token", "evenly"),
    [(2, 9, True), (2, 8, False), (1, 9, False)],
    ids=["another process held it", "nobody else did", "there is no other"],
)
def test_a_connection_that_comes_from_another_process_goes_on_evenly(
    clock: ManualClock, processes: int, token: int, evenly: bool
) -> None:
    who = spender(Limit("all", requests=10))
    budget = Budget(clock)
    budget.share(processes, 0.0)
    budget.hold("con_1", 7)
    seconds(budget, clock, who, 1)
    clock.advance(60)
    budget.hold("con_1", token)
    first = clock.monotonic()
    call(budget, who)
    assert clock.monotonic() == first
    took = seconds(budget, clock, who, 9)
    assert took == pytest.approx(0.9 if evenly else 0.72, abs=0.01)


def test_a_limit_that_is_met_later_knows_of_the_other_process_too(clock: ManualClock) -> None:
    budget, who = Budget(clock), spender(Limit("all", requests=10))
    budget.share(2, 0.0)
    budget.hold("con_1", 7)
    assert seconds(budget, clock, who, 10) == pytest.approx(0.9, abs=0.01)


def test_a_share_of_slots_is_kept_and_grows_while_somebody_waits(clock: ManualClock) -> None:
    budget, who = Budget(clock), shared(concurrency=4)
    budget.share(2, 0.0)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(budget.take(who, "x", 60.0, threading.Event()))
        with pytest.raises(RateLimited), budget.take(who, "x", 0.01, threading.Event()):
            raise AssertionError("three at once")
        budget.share(1, 0.0)
        for _ in range(2):
            held.enter_context(budget.take(who, "x", 1.0, threading.Event()))
    assert Slots(1).acquire(0.0)


def test_fewer_slots_than_processes_leave_one_to_each(clock: ManualClock) -> None:
    budget, who = Budget(clock), shared(concurrency=2)
    budget.share(5, 0.0)
    call(budget, who)
