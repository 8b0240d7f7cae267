"""`.ci/run` runs the whole check, with a browser where one can be had."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.helpers import ROOT

SCRIPT = ROOT / ".ci" / "run"


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


@pytest.fixture
def machine(tmp_path) -> Path:
    """A search path of a machine without a browser, whose Python only says what it was asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "env", "dirname", "timeout", "sh"):
        (folder / name).symlink_to(shutil.which(name) or "")
    program(folder, "python3", 'echo "python3 $@ in $(pwd)"')
    program(folder, "id", "echo 0")
    return folder


def ci(machine: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(SCRIPT), *arguments],
        cwd=machine,
        env={"PATH": str(machine), "LOG": str(machine / "log")},
        text=True,
        capture_output=True,
        check=False,
    )


def log(machine: Path) -> list[str]:
    file = machine / "log"
    return file.read_text().splitlines() if file.exists() else []


def test_it_runs_all_tests_from_the_root_whatever_the_folder(machine):
    done = ci(machine, "-k", "money")

    assert done.returncode == 0
    assert done.stdout == f"python3 run.py test -k money in {ROOT}\n"
    assert os.access(SCRIPT, os.X_OK)


def test_it_installs_a_browser_where_it_may(machine):
    program(machine, "apt-get", 'echo "$@" >> "$LOG"')
    done = ci(machine)

    assert log(machine) == ["-qq update", "-qq install --yes --no-install-recommends chromium"]
    assert done.stdout == f"python3 run.py test in {ROOT}\n"


def test_a_browser_that_cannot_be_installed_stops_nothing(machine):
    program(machine, "apt-get", "exit 100")
    done = ci(machine)

    assert done.returncode == 0
    assert "browser tests will be skipped" in done.stdout
    assert "python3 run.py test" in done.stdout


@pytest.mark.parametrize("hindrance", ["chromium", "id"])
def test_it_installs_nothing_beside_a_browser_or_without_being_root(machine, hindrance):
    program(machine, "apt-get", 'echo "$@" >> "$LOG"')
    program(machine, hindrance, "echo 1000")
    ci(machine)

    assert log(machine) == []


def test_its_exit_code_is_that_of_the_tests(machine):
    program(machine, "python3", "exit 3")

    assert ci(machine).returncode == 3
