"""What the README shows runs, and its table names the settings there are."""

import re
import textwrap
from pathlib import Path

from kable_quickbooks_ledger.declaration import Settings

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_simulator_example_runs(capsys):
    block = re.search(r"\n\n((?:    from .*\n)(?:(?:    .*)?\n)+)", README)
    assert block is not None
    exec(textwrap.dedent(block.group(1)), {})
    assert "KABLE_QUICKBOOKS_TEST_API_URL" in capsys.readouterr().out


def test_the_table_names_every_setting_and_no_other():
    rows = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(Settings().fields)
