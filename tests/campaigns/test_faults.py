"""The campaign of faults, bounded, and that it would notice a product that is broken."""

from pathlib import Path

import pytest

from tests import stores
from tests.campaigns.faults_mutants import MUTANTS, Mutant
from tests.campaigns.faults_run import Outcome, campaign
from tests.campaigns.faults_sides import SIDES
from tests.conftest import fresh


def run(mutant: Mutant, folder: Path) -> Outcome:
    return campaign(
        folder,
        mutant.provider,
        seed=mutant.seed,
        invoices=mutant.invoices,
        rate=mutant.rate,
        kinds=mutant.kinds,
        portions=mutant.portions,
        world=mutant.world,
    )


@pytest.mark.breaks_contract
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


@pytest.mark.parametrize("store", stores.KINDS)
@pytest.mark.parametrize("provider", sorted(SIDES))
def test_whatever_goes_wrong_each_invoice_stands_there_once_and_the_hub_knows_it(
    provider: str, store: str, tmp_path: Path
) -> None:
    for url in fresh(store, tmp_path, stores.migrated):
        environ = {"DATABASE_URL": url}
        done = campaign(tmp_path, provider, seed=11, invoices=14, rate=0.3, world=0.2, **environ)
        assert done.found == []
        assert len(done.struck) > 5
