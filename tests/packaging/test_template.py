"""The template of a plugin is a package: built, installed beside a hub, at work there."""

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.packaging.helpers import ROOT, repository_files

TEMPLATE = ROOT / "plugins" / "_template"
PIP = [sys.executable, "-m", "pip"]
OFFLINE = ["-q", "--no-deps", "--no-index", "--disable-pip-version-check"]
TRIED = """
import json
from kable_hub.plugins import discover
from kable_hub.settings import Settings

reports = discover(Settings.load({})).reports
print(json.dumps({one.name: [one.distribution, one.state, one.reason] for one in reports}))
"""


def run(*command: str, cwd: str | None = None, **environ: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder in which pip installed the template's wheel, and nothing else."""
    folder, wheels = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("wheels")
    run(*PIP, "wheel", *OFFLINE, "--no-build-isolation", "-w", str(wheels), str(TEMPLATE))
    (wheel,) = wheels.iterdir()
    run(*PIP, "install", *OFFLINE, "--target", str(folder), str(wheel))
    return folder


def unpacked(package: Path, folder: Path) -> Path:
    """Build a package's wheel without pip and unpack it, which is all that pip would do."""
    wheels = folder.with_name(f"{folder.name}-wheels")
    build = ("-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels))
    run(sys.executable, *build, cwd=str(package))
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


@pytest.fixture
def beside(installed) -> dict[str, str]:
    """The environment of a process that sees the hub and the installed template."""
    return {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT}", "COLUMNS": "200"}


def test_the_wheel_holds_the_package_with_its_types_and_its_licence(installed):
    tops = {path.name for path in installed.iterdir()}
    assert tops == {"kable_acme_payments", "kable_acme_payments-0.1.0.dist-info"}
    package = TEMPLATE / "src" / "kable_acme_payments"
    for file in package.glob("*.py*"):
        assert (installed / "kable_acme_payments" / file.name).is_file()
    assert (installed / "kable_acme_payments" / "py.typed").is_file()
    (info,) = installed.glob("*.dist-info")
    assert (info / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_hub_admits_it_where_it_is_installed(beside):
    reports = json.loads(run(sys.executable, "-c", TRIED, **beside))
    assert reports["acme"] == ["kable-acme-payments", "admitted", ""]


def test_the_hub_does_not_see_it_in_the_checkout():
    reports = json.loads(run(sys.executable, "-c", TRIED))
    assert reports
    assert "acme" not in reports


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A package that an installed hub rendered, and the environment of a process in which its
    wheel is installed beside the hub's, and nothing of the checkout is."""
    folder = tmp_path_factory.mktemp("stranger")
    hub = unpacked(ROOT, folder / "hub")
    python, alone = sys.executable, {"cwd": str(folder), "PYTHONPATH": str(hub)}
    place = run(python, "-c", "import kable_hub; print(kable_hub.__file__)", **alone)
    assert Path(place.strip()) == hub / "kable_hub" / "__init__.py"
    run(python, "-m", "kable_hub", "new-provider", "zeta", "--kind", "accounting", **alone)
    package = folder / "kable-zeta-ledger"
    site = unpacked(package, folder / "site")
    beside = {"PYTHONPATH": f"{site}{os.pathsep}{hub}", "COLUMNS": "200", "cwd": str(folder)}
    return package, beside


def test_an_installed_hub_renders_every_file_and_admits_the_package(stranger):
    package, beside = stranger
    made = [path for path in package.rglob("*") if path.is_file()]
    known = [one for one in repository_files() if TEMPLATE in one.parents]
    assert len(made) == len([one for one in known if not one.name.startswith("oauth2.")])
    reports = json.loads(run(sys.executable, "-c", TRIED, **beside))
    assert reports["zeta"] == ["kable-zeta-ledger", "admitted", ""]


def test_a_rendered_packages_tests_are_green_at_once(stranger):
    package, beside = stranger
    # Plugins of pytest that happen to be installed here take seconds to load.
    alone = {**beside, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    said = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package), **alone
    )
    assert " passed" in said
    assert "skipped" not in said


def test_a_rendered_package_earns_gold(stranger):
    _, beside = stranger
    said = json.loads(
        run(sys.executable, "-m", "kable_hub", "check-provider", "zeta", "--json", **beside)
    )
    assert (said["connectable"], said["contract"]["level"]) == (True, "gold")
    assert said["contract"]["broken"] == []
    assert said["contract"]["rules"] >= 40


def test_an_unchanged_hub_plays_its_demo_with_a_rendered_package(stranger):
    _, beside = stranger
    said = run(sys.executable, "-m", "kable_hub", "demo", "--once", "--port", "0", **beside)
    assert "connected Zeta: Lighthouse Software" in said
    assert "Everything came out as expected." in said


def test_it_depends_on_nothing_that_a_hub_does_not_bring(installed):
    (found,) = metadata.distributions(path=[str(installed)])
    hub = metadata.distribution("kable-hub")
    assert needs(found)
    assert needs(found) <= needs(hub) | {"kable-hub"}


def needs(distribution: metadata.Distribution) -> set[str]:
    """The names of what a distribution requires, extras left out."""
    wanted = [one for one in distribution.requires or [] if "extra ==" not in one]
    return {re.split(r"[^\w.-]", one)[0] for one in wanted}
