"""The cookbook's recipes stand in plugins that keep the whole contract: the files here, the
tutorial's package and the template, whose own tests hold them to it."""

import pytest

from kable_hub import Rejected
from kable_hub.plugins import in_folder
from kable_hub.testing import ProviderContract
from kable_hub.testing.desk import Desk
from tests.docs.reading import ROOT, blocks

FOLDER = ROOT / "tests" / "docs" / "cookbook"
FILES = {one.name: one.load() for one in in_folder(FOLDER)}
PACKAGES = [ROOT / "plugins" / name / "src" for name in ("_pebble", "_template")]
SOURCES = [
    path.read_text("utf-8") for folder in (FOLDER, *PACKAGES) for path in folder.rglob("*.py")
]
RECIPES = blocks("docs/cookbook.md", "python")


@pytest.mark.parametrize("recipe", RECIPES, ids=[str(place) for place in range(len(RECIPES))])
def test_every_recipe_is_code_of_a_plugin_that_is_tested(recipe):
    assert any(recipe.text in source for source in SOURCES), recipe.text


class TestMeadow(ProviderContract):
    plugin = FILES["meadow"]
    simulator = FILES["meadow"].SIMULATOR


class TestCrate(ProviderContract):
    plugin = FILES["crate"]
    simulator = FILES["crate"].SIMULATOR


def test_a_draft_whose_total_differs_is_removed_before_it_is_billed():
    meadow = FILES["meadow"]
    with Desk(meadow, meadow.SIMULATOR) as desk:
        desk.simulator.rounds = 1
        with pytest.raises(Rejected) as refused:
            desk.send(desk.push())
        assert refused.value.code == "total_mismatch"
        assert (desk.simulator.documents(), desk.simulator.drafts()) == ([], [])
