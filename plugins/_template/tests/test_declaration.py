"""What the hub reads before it talks to Acme."""

import re
import tomllib
from pathlib import Path

import kable_acme_payments as plugin
import pytest
from kable_acme_payments.simulator import AcmeSimulator

from kable_hub import Capability, Environment

FOLDER = Path(__file__).parents[1]
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
REQUIRED = {"provider", "connect", "link_customer", "plan_invoice", "push_invoice", "find_invoice"}


def test_the_hooks_are_the_required_ones_and_those_of_the_declared_capabilities():
    hooks = {name for name in dir(plugin) if hasattr(getattr(plugin, name), "kable_hub_impl")}
    optional = {one.value for one in plugin.provider().capabilities} - {Capability.CREATE_CUSTOMER}
    assert hooks == REQUIRED | optional


def test_the_package_names_plugin_and_simulator_by_the_slug():
    slug = plugin.provider().slug
    assert PROJECT["entry-points"]["kable_hub.providers"] == {slug: plugin.__name__}
    (simulator,) = PROJECT["entry-points"]["kable_hub.simulators"].items()
    assert simulator == (slug, f"{AcmeSimulator.__module__}:{AcmeSimulator.__name__}")


@pytest.mark.parametrize("text", ["cu_0001", "https://acme.example/customers/cu_0001?tab=a"])
def test_a_reference_is_taken_out_of_what_a_person_pastes(text):
    assert plugin.provider().reference.extract(text) == "cu_0001"


@pytest.mark.parametrize("text", ["", "0001", "cu_1", "cu_0001/../x", "cu_ÄÖÜÄ"])
def test_what_cannot_be_a_reference_is_refused(text):
    assert plugin.provider().reference.extract(text) is None


def test_the_example_of_a_reference_is_one():
    reference = plugin.provider().reference
    assert reference.extract(reference.example) == reference.example


def test_settings_acme_would_refuse_are_refused_when_saved():
    assert "footer" in plugin.provider().settings().validate({"footer": "x" * 501})


def test_the_simulator_points_a_hub_at_itself_in_every_environment(simulator):
    named = simulator.configuration().items()
    urls = [value for name, value in named if name.endswith("_API_URL")]
    assert urls == [simulator.url] * len(Environment)


def test_the_readme_names_files_and_facts_that_are_there():
    text, facts = (FOLDER / "README.md").read_text(), plugin.provider().facts
    named = re.findall(r"`(src/[^`]+|[a-zA-Z]+\.toml|LICENSE)`", text)
    assert len(named) == 9
    assert [name for name in named if not (FOLDER / name).is_file()] == []
    assert f"more than {facts.max_lines} lines" in text
    assert f"more than {facts.number_length} characters" in text
