"""Plugins as pip installs them, and what stands in a folder of packages."""

import os
import subprocess
import sys
from pathlib import Path

from kable_hub import plugins as plugins_module

SOUND = """
from kable_hub import *

@hookimpl
def provider():
    return Provider(
        slug="{slug}", title="{slug}".title(), kind=Kind.ACCOUNTING,
        urls={{Environment.LIVE: {{"api": "https://api.example.com"}}}},
        reference=Reference("c_[0-9]+", "", "c_1"),
        connect_methods=(ConnectMethod("key", "Paste a key"),),
    )

@hookimpl
def connect(request): ...

@hookimpl
def link_customer(connection): ...

@hookimpl
def plan_invoice(connection): ...

@hookimpl
def push_invoice(connection): ...

@hookimpl
def find_invoice(connection): ...
"""

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.3"

[project.entry-points."kable_hub.providers"]
{slug} = "{module}"
"""

DISCOVER = """
from kable_hub.plugins import discover
from kable_hub.settings import Settings

for report in discover(Settings.load({})).reports:
    print(report.name, report.distribution, report.version, report.state, report.reason, sep="|")
"""


def install(folder: Path, slug: str, source: str, distribution: str = "") -> Path:
    """Build a wheel of one module and install it into a folder of its own."""
    distribution = distribution or f"kable-{slug}"
    module = distribution.replace("-", "_")
    project, target = folder / f"src-{distribution}", folder / f"lib-{distribution}"
    (project / module).mkdir(parents=True)
    (project / module / "__init__.py").write_text(source.format(slug=slug), "utf-8")
    text = PROJECT.format(slug=slug, distribution=distribution, module=module)
    (project / "pyproject.toml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*command, str(project)], check=True, capture_output=True, timeout=100)
    return target


def discovered(*folders: Path) -> dict[str, list[str]]:
    """The reports of a fresh interpreter, as lists of their fields, by distribution."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    done = subprocess.run(
        [sys.executable, "-c", DISCOVER], env=environ, check=True, capture_output=True, text=True
    )
    rows = [line.split("|", 4) for line in done.stdout.splitlines()]
    return {row[1]: row for row in rows}


def test_an_installed_third_plugin_is_found_and_a_broken_one_beside_it_is_quarantined(tmp_path):
    sound = install(tmp_path, "acme", SOUND)
    broken = install(tmp_path, "bolt", "import a_client_that_nobody_installed\n")
    found = discovered(sound, broken)
    assert found["kable-acme"] == ["acme", "kable-acme", "0.3", "admitted", ""]
    assert found["kable-bolt"][:4] == ["bolt", "kable-bolt", "0.3", "quarantined"]
    assert "No module named 'a_client_that_nobody_installed'" in found["kable-bolt"][4]


def test_two_installed_plugins_of_one_name_are_both_refused(tmp_path):
    one, two = (install(tmp_path, "acme", SOUND, name) for name in ("acme-one", "acme-two"))
    found = discovered(one, two)
    assert [found[name][3] for name in ("acme-one", "acme-two")] == ["quarantined"] * 2
    assert "acme-one and acme-two" in found["acme-one"][4]


def written_metadata(folder: Path, entry_points: str) -> Path:
    info = folder / "kable_cargo-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kable-cargo\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    return folder


def test_entry_points_that_cannot_be_read_quarantine_their_distribution(tmp_path):
    folder = written_metadata(tmp_path, f"[{plugins_module.GROUP}]\ncargo\n")
    assert discovered(folder)["kable-cargo"][3:] == [
        "quarantined",
        "its entry points cannot be read",
    ]


def test_a_distribution_installed_twice_is_taken_once_from_the_front_of_the_path(tmp_path):
    text = f"[{plugins_module.GROUP}]\ncargo = nowhere_{{}}\n"
    front = written_metadata(tmp_path / "front", text.format("front"))
    back = written_metadata(tmp_path / "back", text.format("back"))
    assert "nowhere_front" in discovered(front, back)["kable-cargo"][4]
