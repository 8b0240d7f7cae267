"""The template of a plugin is a package: built, installed beside a hub, at work there."""

import json
import os
import re
import subprocess
import sys
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


def install(package: Path, folder: Path) -> Path:
    """Build a package and install its wheel, without what it depends on, into a folder."""
    wheels = folder.with_name(f"{folder.name}-wheels")
    run(*PIP, "wheel", *OFFLINE, "--no-build-isolation", "-w", str(wheels), str(package))
    (wheel,) = wheels.iterdir()
    run(*PIP, "install", *OFFLINE, "--target", str(folder), str(wheel))
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder in which the template's wheel is installed, and nothing else."""
    return install(TEMPLATE, tmp_path_factory.mktemp("site"))


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


def test_an_unchanged_hub_plays_its_demo_with_it(beside):
    said = run(sys.executable, "-m", "kable_hub", "demo", "--once", "--port", "0", **beside)
    assert "connected Acme: Lighthouse Software" in said
    assert "collected by acme" in said
    assert "Everything came out as expected." in said


def test_an_installed_hub_renders_it_for_a_provider_that_is_admitted_there(tmp_path):
    hub = install(ROOT, tmp_path / "hub")
    python, beside = sys.executable, {"cwd": str(tmp_path), "PYTHONPATH": str(hub)}
    place = run(python, "-c", "import kable_hub; print(kable_hub.__file__)", **beside)
    assert Path(place.strip()) == hub / "kable_hub" / "__init__.py"
    run(python, "-m", "kable_hub", "new-provider", "zeta", "--kind", "accounting", **beside)
    package = tmp_path / "kable-zeta-ledger"
    made = [path for path in package.rglob("*") if path.is_file()]
    assert len(made) == len([one for one in repository_files() if TEMPLATE in one.parents])
    site = install(package, tmp_path / "site")
    reports = json.loads(run(python, "-c", TRIED, PYTHONPATH=f"{site}{os.pathsep}{hub}"))
    assert reports["zeta"] == ["kable-zeta-ledger", "admitted", ""]


def test_it_depends_on_nothing_that_a_hub_does_not_bring(installed):
    (found,) = metadata.distributions(path=[str(installed)])
    hub = metadata.distribution("kable-hub")
    assert needs(found)
    assert needs(found) <= needs(hub) | {"kable-hub"}


def needs(distribution: metadata.Distribution) -> set[str]:
    """The names of what a distribution requires, extras left out."""
    wanted = [one for one in distribution.requires or [] if "extra ==" not in one]
    return {re.split(r"[^\w.-]", one)[0] for one in wanted}
