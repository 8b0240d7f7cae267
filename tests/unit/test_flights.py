"""Threads that want the same at once: one goes, and all share what came of it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kable_hub.errors import LeaseLost, ReconnectRequired, Transient
from kable_hub.sync import flights
from kable_hub.sync.flights import Flights


class Trip:
    """A flight that is held until as many as wanted are waiting."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self.outcomes, self.flown, self.brought = list(outcomes), 0, None
        self.off, self.land = threading.Event(), threading.Event()

    def there(self) -> str | None:
        return self.brought

    def go(self) -> str:
        self.flown += 1
        self.off.set()
        self.land.wait(60)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        self.brought = outcome
        return outcome


def all_at_once(trip: Trip, many: int) -> list[object]:
    """What many threads come to that wanted it while the first was under way."""
    shared, waiting = Flights(), threading.Barrier(many)

    def want() -> object:
        waiting.wait(60)
        try:
            return shared.fly("one", trip.there, trip.go)
        except Exception as error:
            return error

    with ThreadPoolExecutor(many) as threads:
        asked = [threads.submit(want) for _ in range(many)]
        assert trip.off.wait(60)
        trip.land.set()
        return [one.result() for one in asked]


def test_one_flies_and_the_others_take_what_it_brought():
    trip = Trip("tokens", "never asked for")
    assert all_at_once(trip, 4) == ["tokens"] * 4
    assert trip.flown == 1


@pytest.mark.parametrize("error", [Transient("away"), ReconnectRequired("ended")])
def test_who_waits_shares_a_failure_and_who_comes_later_flies_again(error):
    shared, trip, off = Flights(), Trip(error, "tokens"), threading.Event()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(shared.fly, "one", trip.there, trip.go)
        assert trip.off.wait(60)

        def second() -> str:
            off.set()
            return shared.fly("one", trip.there, trip.go)

        waits = threads.submit(second)
        assert off.wait(60)
        while not shared.waiting("one"):
            off.wait(0.001)
        trip.land.set()
        assert (first.exception(), waits.exception()) == (error, error)
    assert trip.flown == 1
    assert shared.fly("one", trip.there, trip.go) == "tokens"


def test_a_failure_that_concerns_one_alone_is_not_shared():
    trip = Trip(LeaseLost("mine"), "tokens")
    came = all_at_once(trip, 2)
    assert (trip.flown, "tokens" in came) == (2, True)


def test_a_wait_that_takes_too_long_is_no_wait_for_ever(monkeypatch):
    monkeypatch.setattr(flights, "PATIENCE", 0.01)
    shared, trip = Flights(), Trip("tokens")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(shared.fly, "one", trip.there, trip.go)
        assert trip.off.wait(60)
        with pytest.raises(Transient, match="too long"):
            shared.fly("one", trip.there, trip.go)
        assert shared.fly("another", lambda: "here", trip.go) == "here"
        trip.land.set()
        assert first.result() == "tokens"
