"""The bounded part of the kill campaign: both stores and both providers, once each."""

import json
import os
import subprocess
import sys

import pytest

from tests.campaigns.kill import all_done, combinations, furthest_behind
from tests.conftest import need_postgres


@pytest.fixture
def campaign(tmp_path, repository):
    """Run the command over a table of its own; answers what it printed and the table's slices."""
    table = tmp_path / "kill.json"

    def run(*words):
        command = [sys.executable, "-m", "tests.campaigns.kill", "--table", str(table), *words]
        done = subprocess.run(
            command, cwd=repository, env=os.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, json.loads(table.read_text())["slices"]

    return run


@pytest.mark.timeout(240)
def test_kills_amid_pushes_and_requests_leave_each_invoice_once(campaign):
    need_postgres()
    said, slices = campaign("--slices", "2", "--kills", "4", "--invoices", "40", "--seed", "7")
    assert [(one["store"], one["provider"]) for one in slices] == [
        ("sqlite", "stripe"),
        ("postgres", "quickbooks"),
    ]
    assert [(one["seed"], one["kills"], one["invoices"]) for one in slices] == [
        (7, 4, 40),
        (8, 4, 40),
    ]
    assert all(one["faults"] == [] for one in slices)
    # A campaign that never meets anything in flight would prove nothing.
    assert sum(one["struck"] for one in slices) > 0, said
    assert sum(one["cut"] for one in slices) > 0, said
    assert "--store postgres --provider quickbooks --seed 8 --kills 4 --invoices 40" in said
    assert "no fault in this run" in said


def test_the_combination_that_is_furthest_behind_comes_next():
    rows = [{**one, "kills": 50, "faults": []} for one in combinations()]
    assert furthest_behind(rows[:1], combinations()) == combinations()[1]
    assert furthest_behind(rows[1:], combinations()) == combinations()[0]
    assert len({tuple(one.values()) for one in combinations()}) == 4


def test_all_is_done_when_every_combination_has_its_kills_and_invoices():
    rows = [{**one, "kills": 500, "invoices": 10_000, "faults": []} for one in combinations()]
    assert all_done(rows, combinations())
    assert not all_done([{**rows[0], "invoices": 9_999}, *rows[1:]], combinations())
    assert not all_done(rows[1:], combinations())
