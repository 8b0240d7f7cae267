"""The table of where the time went."""

import pytest

from tests.areas import BUDGETS, CHECKS, Areas, area_of, pytest_collection_modifyitems


class Report:
    outcome = "passed"

    def __init__(self, nodeid, when, duration):
        self.nodeid, self.when, self.duration = nodeid, when, duration


@pytest.mark.parametrize(
    ("nodeid", "area"),
    [
        ("tests/unit/test_money.py::test_a", "unit"),
        ("tests/unit/store/test_outbox.py::test_a", "stores"),
        ("tests/integration/test_first_invoice.py::test_a", "stories"),
        ("tests/integration/faults/test_crash.py::test_a", "faults"),
        ("tests/e2e/test_dashboard.py::test_a", "browser"),
        ("tests/architecture/test_layers.py::test_a", "architecture"),
        ("plugins/stripe_payments/tests/unit/test_client.py::test_a", "plugins"),
        ("test_alone.py::test_a", "other"),
    ],
)
def test_a_test_counts_for_its_innermost_area(nodeid, area):
    assert area_of(nodeid) == area


def test_times_of_set_up_call_and_tear_down_add_up():
    areas = Areas([])
    for when in ("setup", "call", "teardown"):
        areas.pytest_runtest_logreport(Report("tests/unit/test_money.py::test_a", when, 25.0))

    assert areas.lines()[1].split() == ["unit", "1", "75.0", str(BUDGETS["unit"]), "over", "budget"]


def test_failed_checks_stand_below_the_table():
    areas = Areas(
        [{"name": "mypy", "seconds": 4, "ok": False}, {"name": "ruff", "seconds": 1, "ok": True}]
    )

    assert areas.lines()[1].split() == ["linters", "and", "types", "2", "5.0", str(BUDGETS[CHECKS])]
    assert areas.lines()[2:] == ["FAILED mypy"]


class Item:
    def __init__(self, nodeid):
        self.nodeid = nodeid


def test_long_files_come_first_and_all_else_stays_in_its_order():
    names = ["plugins/b.py::b", "tests/web/a.py::a", "tests/web/fuzz/c.py::c", "tests/e2e/d.py::d"]
    items = [Item(name) for name in names]
    pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == [names[3], names[2], names[0], names[1]]
