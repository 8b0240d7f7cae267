"""`check-provider` on the contract: the level, and each broken rule with its page."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from kable_hub import Capability
from kable_hub.cli import contract_checking
from kable_hub.testing.contract import Verdict, rules
from tests.docs.test_links import anchors
from tests.unit.conftest import declaration

ROOT = Path(__file__).resolve().parents[2]
SOUND = (ROOT / "tests" / "docs" / "cookbook" / "meadow.py").read_text("utf-8")
BREAKS = {
    # bronze: the draft of a lost answer is left behind
    'return Unfinished({"transaction": one["id"]})': "return None",
    # silver: state that threads would share
    "class KeyForm(Schema):": "SEEN = []\n\n\nclass KeyForm(Schema):",
}
PAGE = re.compile(r"docs/contract-rules\.md#([\w-]+)")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The operator's folder of plugins; only those in it are known."""
    monkeypatch.setenv("KABLE_PLUGINS_DIR", str(tmp_path))
    return tmp_path


def written(folder, *breaks):
    text = SOUND
    for one in breaks:
        assert one in text
        text = text.replace(one, BREAKS[one])
    (folder / "meadow.py").write_text(text)


def test_a_plugin_that_breaks_rules_is_told_each_with_its_page_and_earns_no_level(cli, folder):
    written(folder, *BREAKS)
    done = cli("check-provider", "meadow")
    assert done.code == 1
    assert "It can be connected." in done.out
    assert re.search(r"^The contract: \d+ of \d+ rules are kept: no level\.$", done.out, re.M)
    assert "\n  silver, it keeps no mutable state in its modules: RuleBroken: " in done.out
    assert re.search(r"^  bronze, .+: ", done.out, re.M)
    known = anchors(ROOT / "docs" / "contract-rules.md")
    pages = PAGE.findall(done.out)
    assert len(pages) >= 2
    assert set(pages) <= known


def test_as_data_a_broken_rule_has_its_level_text_page_and_what_was_seen():
    found = [
        Verdict("test_the_declaration_is_the_same_each_time", "bronze", "The same."),
        Verdict("test_a_page_is_read", "silver", "Page by page.", "RuleBroken: it was not"),
        Verdict("test_it_is_quick", "gold", "Quick."),
    ]
    assert contract_checking.as_json(found) == {
        "level": "bronze",
        "rules": 3,
        "broken": [
            {
                "rule": "test_a_page_is_read",
                "level": "silver",
                "text": "Page by page.",
                "said": "RuleBroken: it was not",
                "page": "docs/contract-rules.md#a-page-is-read",
            }
        ],
    }
    assert contract_checking.is_sound(found)
    assert not contract_checking.is_sound([Verdict("test_x", "bronze", "X.", "broken")])


@pytest.mark.parametrize("capability", Capability)
def test_every_capability_that_is_declared_is_used_by_a_rule(capability):
    """So a hook that is declared and does nothing is named by the rules that call it."""
    bare = declaration()
    able = replace(bare, capabilities=frozenset({capability}))
    brought = [one for _, one in rules() if one.applies(able) and not one.applies(bare)]
    assert brought


def test_a_plugin_without_a_simulator_is_told_that_its_rules_were_not_tried(cli, folder):
    (folder / "meadow.py").write_text(SOUND.replace("\nSIMULATOR = MeadowSimulator\n", ""))
    done = cli("check-provider", "meadow")
    assert (done.code, contract_checking.NO_SIMULATOR in done.out) == (0, True)
    assert cli.ok("check-provider", "meadow")["contract"] is None


def test_a_hook_that_stands_there_undeclared_is_named(cli, folder):
    more = "\n\n@hookimpl\ndef search_customers(connection, query):\n    return []\n"
    (folder / "meadow.py").write_text(SOUND + more)
    done = cli("check-provider", "meadow")
    assert done.code == 1
    assert "it has the hook search_customers but does not declare the capability" in done.err
