"""Threads for work that may never come back."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from kable_hub.sync.pool import Pool
from tests.delivery.test_engine import until


class Block:
    """Work that hangs until it is let go."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.begun = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        self.free.wait(60)
        return "back"


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(2, "t")
    yield made
    made.close(5)


def hang(pool: Pool) -> tuple[Block, "Future[str]"]:
    block = Block()
    future = pool.submit(block)
    assert block.begun.wait(5)
    return block, future


def alive() -> int:
    """How many threads of the pool there are; who has begun to hang is one for certain."""
    return sum(one.name == "t" for one in threading.enumerate())


def waits(future: "Future[str]") -> bool:
    return not future.done() and not future.running()


def test_work_is_done_in_order_and_no_more_at_once_than_there_are_threads(pool: Pool) -> None:
    first, second = hang(pool), hang(pool)
    third = pool.submit(str, 3)
    assert waits(third)
    first[0].free.set()
    assert (first[1].result(5), third.result(5)) == ("back", "3")
    second[0].free.set()


def test_an_error_is_the_futures_even_one_that_ends_the_interpreter(pool: Pool) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        pool.submit(leave).result(5)
    assert pool.submit(str, 1).result(5) == "1"


def test_a_lost_thread_is_replaced_until_it_comes_back(pool: Pool) -> None:
    lost = [hang(pool), hang(pool)]
    waiting = pool.submit(str, 1)
    for _, future in lost:
        pool.lose(future)
    assert waiting.result(5) == "1"
    assert (pool.lost, pool.exhausted) == (2, False)
    for block, future in lost:
        block.free.set()
        assert future.result(5) == "back"
    again = [hang(pool), hang(pool)]
    assert pool.lost == 0
    assert waits(pool.submit(str, 2))
    until(lambda: alive() == 2)
    for block, _ in again:
        block.free.set()


def test_no_more_are_replaced_than_there_were(pool: Pool) -> None:
    lost = []
    for _ in range(4):
        lost.append(hang(pool))
        pool.lose(lost[-1][1])
    assert waits(pool.submit(str, 1))
    assert alive() == 4
    last = pool.submit(str, 2)
    pool.lose(last)
    assert (pool.lost, pool.exhausted) == (4, True)
    lost[0][0].free.set()
    assert last.result(5) == "2"
    for block, _ in lost:
        block.free.set()


def test_closing_waits_for_so_long_and_begins_nothing_more(pool: Pool) -> None:
    block, future = hang(pool)
    other, _ = hang(pool)
    waiting = pool.submit(str, 1)
    assert not pool.close(0.01)
    with pytest.raises(CancelledError):
        waiting.result(5)
    with pytest.raises(RuntimeError):
        pool.submit(str, 1)
    block.free.set()
    other.free.set()
    assert pool.close(5)
    assert future.result(5) == "back"
