"""The tutorial says what its package does: every piece of its code stands in the example."""

import re

import pytest

from kable_hub.testing.contract import rules
from tests.packaging.helpers import ROOT

EXAMPLE = ROOT / "plugins" / "_pebble"
BLOCKS = re.findall(
    r"```(python|toml)\n(.*?)```", (ROOT / "docs" / "tutorial.md").read_text(), re.DOTALL
)
SOURCES = "\n".join(path.read_text() for path in sorted(EXAMPLE.rglob("*.py")))
MANIFEST = (EXAMPLE / "pyproject.toml").read_text()


@pytest.mark.parametrize("block", BLOCKS, ids=[str(place) for place in range(len(BLOCKS))])
def test_what_the_tutorial_shows_is_the_examples_code(block):
    kind, text = block
    assert text in (MANIFEST if kind == "toml" else SOURCES)


def test_the_assignment_that_brings_the_rules_is_all_a_test_file_needs(monkeypatch):
    page = (ROOT / "docs" / "contract-rules.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.syspath_prepend(str(ROOT / "plugins" / "_template" / "src"))
    made: dict[str, object] = {}
    exec(code, made)
    assert len(list(rules(made["TestAcme"]))) >= 40


def test_the_example_is_under_two_hundred_lines_without_its_simulator():
    package = EXAMPLE / "src" / "kable_pebble_payments"
    files = [path for path in package.glob("*.py") if path.name != "simulator.py"]
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert 0 < len(lines) <= 200
