"""Where a test run spends its time: a table by area, beside what each area may take.

Printed above pytest's last line when `run.py test` starts the run.
"""

import json
import os
from collections import defaultdict
from pathlib import PurePosixPath

import pytest

STEPS = "HUB_TESTS_STEPS"
CHECKS = "linters and types"
BUDGETS = {
    CHECKS: 60,
    "architecture": 25,
    "browser": 225,
    "cli": 150,
    "delivery": 200,
    "docs": 60,
    "faults": 165,
    "fuzz": 45,
    "kit": 15,
    "packaging": 80,
    "plugins": 105,
    "quickbooks": 115,
    "stores": 30,
    "stories": 170,
    "stripe": 115,
    "support": 30,
    "unit": 45,
    "usecases": 155,
    "web": 165,
}
FIRST = (
    "tests/e2e/",
    "tests/integration/",
    "tests/campaigns/",
    "tests/packaging/",
    "tests/docs/test_bench.py",
    "tests/web/fuzz/",
    "tests/delivery/test_machine.py",
    "tests/kit/",
)
"""Few tests, each long: where such a file came last, one worker would wait for the other."""
SAME = {"store": "stores", "integration": "stories", "e2e": "browser", "campaigns": "faults"}


def area_of(nodeid: str) -> str:
    """Name the area of a test by the innermost folder of its path that is one."""
    path = PurePosixPath(nodeid.partition("::")[0])
    folders = [SAME.get(part, part) for part in path.parts[:-1]]
    if folders[:1] == ["plugins"]:
        return "plugins"
    known = [folder for folder in folders if folder in BUDGETS]
    return known[-1] if known else "/".join(folders[1:2]) or "other"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, as `FIRST` has them; all else stays in its order."""
    items.sort(key=lambda item: place(item.nodeid))


def place(nodeid: str) -> int:
    """Where a test comes: that of its file in `FIRST`, or behind all of them."""
    found = [at for at, start in enumerate(FIRST) if nodeid.startswith(start)]
    return found[0] if found else len(FIRST)


class Areas:
    """Adds up what tests took; under xdist this is the sum over the workers."""

    def __init__(self, steps: list[dict[str, object]]) -> None:
        self.steps = steps
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tests: defaultdict[str, int] = defaultdict(int)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        area = area_of(report.nodeid)
        self.seconds[area] += report.duration
        self.tests[area] += report.when == "call" or report.outcome == "skipped"

    def lines(self) -> list[str]:
        """The table, slowest area first, then every check that failed."""
        if self.steps:
            self.seconds[CHECKS] = sum(float(str(step["seconds"])) for step in self.steps)
            self.tests[CHECKS] = len(self.steps)
        rows = [f"{'area':<20}{'tests':>7}{'seconds':>10}{'budget':>8}"]
        rows += [self.row(area) for area in sorted(self.seconds, key=self.by_time)]
        return rows + [f"FAILED {step['name']}" for step in self.steps if not step["ok"]]

    def by_time(self, area: str) -> float:
        return -self.seconds[area]

    def row(self, area: str) -> str:
        seconds, budget = self.seconds[area], BUDGETS.get(area)
        over = "  over budget" if budget and seconds > budget else ""
        return f"{area:<20}{self.tests[area]:>7}{seconds:>10.1f}{budget or '-':>8}{over}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("where the time went (summed over workers)")
        for line in self.lines():
            terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    if STEPS in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Areas(json.loads(os.environ[STEPS])), "areas")
