"""How long a drain keeps its thread, where many processes share what there is to drain."""

import threading
from collections.abc import Iterator

import pytest

from kable_hub.sync.drain import Pace
from kable_hub.sync.lanes import Lanes
from kable_hub.testing import Fault
from tests.delivery.stage import Stage

SHORT = Pace(slice_seconds=0.05, lease_seconds=5, width=1)


@pytest.fixture
def lanes(at_work: Stage) -> Iterator[Lanes]:
    made = Lanes(
        at_work.rooms, SHORT, slots=2, pushes=2, stop=threading.Event(), ended=lambda _one: None
    )
    yield made
    assert made.close(10)


@pytest.mark.parametrize(("share", "left"), [(0, True), (1, False)])
def test_a_drain_above_the_share_of_its_process_ends_with_its_slice(
    at_work: Stage, lanes: Lanes, share: int, left: bool
) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", delay=0.04, times=99))
    invoices = [at_work.invoice() for _ in range(6)]
    lanes.fair = {"acme": share}
    drained = lanes.begin("acme", "con_1")
    assert drained is not None
    drained.result(30)
    states = {at_work.delivery(one).state for one in invoices}
    assert ("due" in states) == left
    assert (lanes.free("acme"), lanes.runs("con_1")) == (2, False)
