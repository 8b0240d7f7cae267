"""The contract's rules bite: a broken copy of the template fails the rule that it breaks."""

import sys

import pytest

from kable_hub.testing.contract import rules
from tests.kit import mutants
from tests.kit.mutants import build
from tests.kit.signing_in import SIGNING_IN

MUTANTS = (*mutants.MUTANTS, *SIGNING_IN)


def failing(contract, names):
    """Those of the named rules that the contract's plugin breaks."""
    found = set()
    for name in names:
        one = contract()
        one.setup_method()
        try:
            getattr(one, name)()
        except Exception:
            found.add(name)
        finally:
            one.teardown_method()
    return found


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Builds a mutant's contract; its modules are forgotten after the test."""
    before = set(sys.modules)
    yield lambda mutant, name: build(mutant, name, tmp_path, monkeypatch)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_there_are_enough_mutants_and_no_rule_twice():
    assert len(MUTANTS) >= 25
    assert len({one.rule for one in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.rule for one in MUTANTS])
def test_a_mutant_fails_the_rule_that_it_breaks(mutant, broken):
    contract = broken(mutant, f"broken{MUTANTS.index(mutant)}")
    assert failing(contract, [mutant.rule]) == {mutant.rule}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.rule for one in MUTANTS])
def test_a_mutant_fails_no_other_rule(mutant, broken):
    contract = broken(mutant, f"broken{MUTANTS.index(mutant)}")
    names = [name for name, _ in rules(contract)]
    assert failing(contract, names) - mutant.also == {mutant.rule}
