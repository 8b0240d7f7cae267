"""The campaign of faults, bounded, and that it would notice a product that is broken."""

from pathlib import Path

import pytest

from tests.campaigns.faults_mutants import MUTANTS, Mutant
from tests.campaigns.faults_run import Outcome, campaign


def run(mutant: Mutant, folder: Path) -> Outcome:
    return campaign(
        folder,
        mutant.provider,
        seed=mutant.seed,
        invoices=mutant.invoices,
        rate=mutant.rate,
        kinds=mutant.kinds,
        portions=mutant.portions,
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.name for one in MUTANTS])
def test_a_broken_product_is_caught_and_the_sound_one_passes_the_same_seed(
    mutant: Mutant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = run(mutant, tmp_path / "sound")
    assert sound.found == []
    assert any(one.times for one in sound.struck.values())
    mutant.patch(monkeypatch)
    found = run(mutant, tmp_path / "broken").found
    assert any(mutant.says in said for said in found), found
