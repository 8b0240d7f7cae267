"""Every edge case of the list has a test that carries its number."""

import re
from pathlib import Path

EDGES = 53
NAMED = re.compile(r"^ *def test_(\d\d)_(\w+)\(", re.MULTILINE)
PLACES = ("tests/quickbooks", "plugins/quickbooks_ledger/tests")


def test_each_edge_case_has_a_test_of_its_number(repository: Path):
    found: dict[int, list[str]] = {}
    for place in PLACES:
        for file in sorted((repository / place).glob("test_*.py")):
            for number, sentence in NAMED.findall(file.read_text()):
                found.setdefault(int(number), []).append(sentence)
    assert sorted(found) == list(range(1, EDGES + 1))
    sentences = [one for several in found.values() for one in several]
    assert len(sentences) == len(set(sentences))
