import json
import os
import subprocess
import sys

from tests import stores
from tests.campaigns.machine import PROVIDERS, lines
from tests.campaigns.troubles import TROUBLES, possible


def test_a_clock_that_jumps_leaves_each_invoice_once(tmp_path, repository):
    table = tmp_path / "machine.json"
    chosen = ["--trouble", "clock", "--store", "sqlite", "--provider", "quickbooks"]
    chosen += ["--times", "2", "--seed", "3", "--slices", "1"]
    command = [sys.executable, "-m", "tests.campaigns.machine", "--table", str(table), *chosen]
    done = subprocess.run(
        command, cwd=repository, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(table.read_text())["slices"]
    assert (row["trouble"], row["kills"], row["invoices"], row["faults"]) == ("clock", 2, 75, [])
    assert "--store sqlite --provider quickbooks --seed 3 --times 2" in done.stdout


def test_each_trouble_has_its_turn_on_each_store_with_each_provider():
    turns = [tuple(one.values()) for one in lines()]
    assert len(turns) == len(set(turns))
    for name, one in TROUBLES.items():
        met = {(store, provider) for trouble, store, provider in turns if trouble == name}
        wanted = {(store, provider) for store in one.stores for provider in PROVIDERS}
        assert met == (wanted if possible(name) else set())
        assert set(one.stores) <= set(stores.KINDS)
