import subprocess
import sys

import pytest

import kable_hub
from tests.architecture.tree import ROOT, Source, entry_points, hub, plugin_tests, plugins

MAY_USE_THE_KIT = ("kable_hub/testing/", "kable_hub/cli", "kable_hub/demo")
OPEN_TO_PLUGINS = ("kable_hub", "kable_hub.testing")


def lint(*options: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_go_down_only():
    done = lint()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_an_import_upwards_would_be_found(tmp_path):
    upside_down = tmp_path / ".importlinter"
    upside_down.write_text(
        "[importlinter]\nroot_package = kable_hub\n[importlinter:contract:one]\n"
        "name = upside down\ntype = layers\ncontainers = kable_hub\nlayers =\n  domain\n  store\n"
    )
    done = lint("--config", str(upside_down))
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize("source", hub(), ids=lambda source: source.name)
def test_no_module_of_the_hub_imports_a_plugin(source):
    modules = {value.split(".")[0] for value in entry_points().values()}
    assert not [name for name in source.imports() if name.split(".")[0] in modules]


def test_only_cli_and_demo_use_the_test_kit():
    found = [
        source.name
        for source in hub()
        if not source.name.startswith(MAY_USE_THE_KIT)
        and any(name.startswith("kable_hub.testing") for name in source.imports())
    ]
    assert found == []


def closed_to_plugins(source: Source) -> list[str]:
    """Imports that reach into the hub past its two open doors."""
    return [
        name
        for name in source.imports()
        if name.split(".")[0] == "kable_hub"
        and name.rpartition(".")[0] not in OPEN_TO_PLUGINS
        and name not in OPEN_TO_PLUGINS
        and not name.startswith("kable_hub.testing.")
    ]


@pytest.mark.parametrize("source", [*plugins(), *plugin_tests()], ids=lambda source: source.name)
def test_a_plugin_imports_of_the_hub_only_its_public_world(source):
    assert closed_to_plugins(source) == []
    taken = {name for name in source.imports() if name.rpartition(".")[0] == "kable_hub"}
    assert taken <= {f"kable_hub.{name}" for name in (*kable_hub.__all__, "testing")}


@pytest.mark.parametrize("source", plugins(), ids=lambda source: source.name)
def test_a_plugin_imports_no_other_plugin(source):
    own = source.name.split("/")[3]
    others = {value for value in entry_points().values() if value != own}
    assert not [name for name in source.imports() if name.split(".")[0] in others]
