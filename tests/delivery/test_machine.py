"""Thousands of runs of the outbox under faults, crashes and people; `machine.py` says of what.

The machine itself is tested by products that are broken on purpose: each is caught within the
first runs. `python3 run.py campaign seeds` makes as many runs as one has time for.
"""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.campaigns import faults_mutants as broken
from tests.delivery.machine import OPERATIONS, World

SHARE = 500
SHARES = 4
MUTANTS = {
    "new key per attempt": broken.new_key,
    "mark not before send": broken.no_mark,
    "done before sent": broken.done_before_sent,
    "no find after unknown": broken.no_find,
    "believe absence at once": broken.believe_absence,
    "retry in the call": broken.retry_at_once,
    "edit what was sent": broken.edit_what_was_sent,
}


def run_all(world: World, seeds: range) -> None:
    for seed in seeds:
        world.run(seed)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One store for all runs: making one takes longer than a run."""
    logging.disable(logging.CRITICAL)  # what goes wrong here is meant to
    one = World(tmp_path_factory.mktemp("machine"))
    yield one
    one.close()
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("share", range(SHARES))
def test_every_invoice_stands_there_once_whatever_happens(world: World, share: int) -> None:
    run_all(world, range(share * SHARE, (share + 1) * SHARE))


def test_a_seed_repeats_its_run(world: World) -> None:
    world.run(7)
    first = list(world.trace)
    world.run(8)
    assert world.trace != first
    world.run(7)
    assert world.trace == first


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_product_is_caught(
    world: World, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[mutant](monkeypatch)
    with pytest.raises(AssertionError, match=r"^seed \d+: "):
        run_all(world, range(SHARE))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99)), max_size=9))
def test_no_order_of_operations_breaks_it(world: World, steps: list[tuple[str, int]]) -> None:
    """The same under hypothesis, which looks for other orders and makes a failing one short."""
    world.follow(steps)
