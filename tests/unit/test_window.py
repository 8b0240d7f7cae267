"""What a provider's limiter would see: in virtual time, whatever way and work take."""

import math
import random
from collections import deque
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kable_hub.provider import Limit
from kable_hub.sync.budget import part
from kable_hub.sync.window import ENOUGH, RECOVERY, Quickest, Window


class Limiter:
    """A strict sliding window over arrivals, as providers keep it."""

    def __init__(self, most: int, per: float) -> None:
        self.most, self.per = most, per
        self.arrivals: deque[float] = deque()
        self.refused = 0

    def arrive(self, at: float) -> None:
        while self.arrivals and self.arrivals[0] <= at - self.per:
            self.arrivals.popleft()
        self.refused += len(self.arrivals) >= self.most
        self.arrivals.append(at)


def play(window: Window, limiter: Limiter, delays: list[tuple[float, float, float]]) -> float:
    """Calls of (lag of this machine, way there, work and way back), as many at once as the
    window lets go; the moment of the last arrival."""
    calls, under_way, arrivals, now = deque(delays), [], [], 0.0
    waiting = None
    while calls or under_way:
        if waiting is None and calls:
            waiting = window.book(now)
        leaves = waiting.at if waiting is not None else None
        ends = min((one[1] for one in under_way), default=None)
        if leaves is not None and (ends is None or leaves <= ends):
            lag, way, work = calls.popleft()
            now = max(now, leaves)
            sent = now + lag
            arrivals.append(sent + way)
            under_way.append((sent, sent + way + work))
            waiting = None
        else:
            done = min(under_way, key=lambda one: one[1])
            under_way.remove(done)
            now = max(now, done[1])
            window.used("call", *done, answered=True)
    for at in sorted(arrivals):
        limiter.arrive(at)
    return max(arrivals)


SHARES = st.floats(0, 0.4, allow_nan=False)
BASE = 0.05


def warmed_up(most: int, per: float) -> Window:
    """A window that knows how quick an undisturbed call is."""
    window = Window(Limit("x", requests=most, per=timedelta(seconds=per)))
    for at in (-10.0, -5.0):
        window.used("call", at, at + 2 * BASE, answered=True)
    window._free = [-math.inf] * most
    return window


@settings(deadline=None)
@given(
    st.integers(1, 12),
    st.sampled_from([1, 60]),
    st.lists(st.tuples(SHARES, SHARES), min_size=20, max_size=120),
    st.booleans(),
)
def test_no_window_ever_holds_more_than_declared(most, per, jitter, on_the_way) -> None:
    """Late on this machine and on the way there, or late in the answer; now and then in time."""
    limiter = Limiter(most, per)
    delays = [
        (lag * per, BASE + other * per, BASE) if on_the_way else (lag * per, BASE, BASE + other)
        for lag, other in jitter
    ]
    delays[9::10] = [(0.0, BASE, BASE)] * len(delays[9::10])
    play(warmed_up(most, per), limiter, delays)
    assert limiter.refused == 0


@pytest.mark.parametrize(("most", "per"), [(25, 1), (100, 1), (500, 60)])
def test_a_backlog_goes_out_at_nearly_what_is_permitted(most: int, per: int) -> None:
    limiter = Limiter(most, per)
    window = Window(Limit("x", requests=most, per=timedelta(seconds=per)))
    chance = random.Random(7)
    count = most * 60
    delays = [(chance.expovariate(1000), 0.1, chance.expovariate(200)) for _ in range(count)]
    last = play(window, limiter, delays)
    assert limiter.refused == 0
    assert count / last > 0.98 * most / per


def test_a_call_without_an_answer_holds_its_slot_until_it_is_given_up() -> None:
    window = Window(Limit("x", requests=1))
    told: list[int] = []
    first = window.book(0.0)
    second = window.book(0.0, lambda: told.append(1))
    third = window.book(0.0)
    assert (first.at, second.at, third.at, told) == (0.0, None, None, [])
    window.used("call", 0.0, 30.0, answered=False)
    assert told == [1]
    assert second.at is not None
    assert second.at > 31.0
    assert third.at is None
    window.unused(third, 30.0)
    window.unused(second, 30.0)
    assert window.book(40.0).at == 40.0


def test_turns_come_evenly() -> None:
    window = Window(Limit("x", requests=25))
    moments = [window.book(5.0).at or 0.0 for _ in range(25)]
    gaps = [round(after - before, 4) for before, after in pairwise(moments)]
    assert set(gaps) == {0.032}


def test_a_throttled_limit_pauses_goes_on_slowly_and_recovers() -> None:
    window = Window(Limit("x", requests=10))
    window.throttle(0.0, 7.0)
    assert window.book(0.0).at == 7.0
    assert window.stretch(7.0) == 1.25
    window.throttle(7.0, 8.0)
    assert window.stretch(8.0) == 1.25**2
    assert 1 < window.stretch(8.0 + RECOVERY / 2) < 1.25**2
    assert window.stretch(8.0 + RECOVERY) == 1.0
    for _ in range(50):
        window.throttle(8.0, 9.0)
    assert window.stretch(9.0) == 4.0


def test_how_quickly_a_provider_answers_is_learnt_over_all_its_limits_and_not_from_a_few() -> None:
    quickest = Quickest()
    for count in range(ENOUGH):
        windows = [Window(Limit("x", requests=1), quickest) for _ in range(2)]
        for window in windows:
            window.used("call", 3.0 * count, 3.0 * count + 0.5, answered=True)
            window._free.pop(0)
            held = round((window.book(3.0 * count + 0.5).at or 0.0) - 3.0 * count, 1)
            assert held == (1.5 if 2 * count + 1 + windows.index(window) < ENOUGH else 1.0)


def test_a_provider_that_became_slower_is_believed_after_a_while() -> None:
    window = Window(Limit("x", requests=1))
    for _ in range(ENOUGH):
        window.used("call", 0.0, 0.1, answered=True)
    window._free.clear()
    held = []
    for minute in range(4):
        sent = 60.0 * minute + 3
        window.used("call", sent, sent + 0.5, answered=True)
        held.append((window.book(sent + 0.5).at or 0.0) - sent)
    assert [round(one, 1) for one in held] == [1.4, 1.4, 1.0, 1.0]


def calls_of(window: Window, since: float, until: float) -> list[float]:
    """One after the other, as soon as the window lets go; when each arrived."""
    arrivals: list[float] = []
    now = since
    while True:
        turn = window.book(now)
        assert turn.at is not None
        if turn.at >= until:
            window.unused(turn, now)
            return arrivals
        arrivals.append(turn.at)
        now = turn.at + 0.001
        window.used("call", turn.at, now, answered=True)


@settings(deadline=None, max_examples=40)
@given(st.integers(5, 40), st.sampled_from([1, 60]), st.integers(2, 5), st.floats(1.0, 3.0))
def test_processes_that_come_and_go_never_make_more_than_the_limit_together(
    most: int, per: int, sharers: int, stays: float
) -> None:
    limit = Limit("x", scope="app", requests=most, per=timedelta(seconds=per))
    incumbent, others = Window(limit), [Window(limit) for _ in range(sharers - 1)]
    known, gone = 2.0 * per, (3.0 + stays) * per
    share = part(limit, sharers)
    arrivals = calls_of(incumbent, 0.0, known)
    incumbent.resize(*share, known + per, known)
    for one in others:
        one.resize(*share, known, known)
        one.paused_until = known + per
        arrivals += calls_of(one, known, gone)
    arrivals += calls_of(incumbent, known, gone)
    incumbent.resize(most, float(per), gone + per, gone)
    arrivals += calls_of(incumbent, gone, gone + 3 * per)
    limiter = Limiter(most, per)
    for at in sorted(arrivals):
        limiter.arrive(at)
    assert limiter.refused == 0


def test_a_window_that_shrinks_while_all_is_in_use_shrinks_as_calls_end() -> None:
    window = Window(Limit("x", requests=2))
    turns = [window.book(10.0) for _ in range(3)]
    assert [one.at is None for one in turns] == [False, False, True]
    window.resize(1, 1.0, 10.0, 10.0)
    window.used("call", 10.0, 10.1, answered=True)
    assert turns[2].at is None
    window.used("call", 10.4, 10.5, answered=True)
    assert turns[2].at == pytest.approx(11.5, abs=0.1)
