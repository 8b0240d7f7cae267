"""Every edge case of a provider's list has a test that carries its number."""

import re
from pathlib import Path

import pytest

NAMED = re.compile(r"^ *def test_(\d\d)_(\w+)\(", re.MULTILINE)


@pytest.mark.parametrize(
    ("edges", "places"),
    [
        (48, ("tests/stripe", "plugins/stripe_payments/tests")),
        (53, ("tests/quickbooks", "plugins/quickbooks_ledger/tests")),
    ],
    ids=["stripe", "quickbooks"],
)
def test_each_edge_case_has_a_test_of_its_number(repository: Path, edges, places):
    found: dict[int, list[str]] = {}
    for place in places:
        for file in sorted((repository / place).glob("test_*.py")):
            for number, sentence in NAMED.findall(file.read_text()):
                found.setdefault(int(number), []).append(sentence)
    assert sorted(found) == list(range(1, edges + 1))
    sentences = [one for several in found.values() for one in several]
    assert len(sentences) == len(set(sentences))
