"""A fresh checkout sets itself up in an empty home, from any folder, and stays clean."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run
from tests.packaging.helpers import ROOT, declared, repository_files

SET_UP = "import run; run.ensure_installed(run.Project(run.ROOT), 'test')"


@pytest.fixture
def checkout(tmp_path) -> run.Project:
    """The repository's files in a new place; its environment sees what is installed here."""
    root = tmp_path / "checkout"
    for file in repository_files():
        copy = root / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    git(root, "init", "-q")
    git(root, "add", ".")
    project = run.Project(root)
    run.make_venv(project)
    (place,) = project.venv.glob("lib/python*/site-packages")
    (place / "here.pth").write_text(str(Path(pytest.__file__).parents[1]))
    return project


def git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def in_empty_home(project: run.Project, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with nothing in its environment, from a folder elsewhere."""
    home = project.root.with_name("home")
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": os.defpath, "PYTHONPATH": str(project.root)}
    environment |= {"PIP_NO_INDEX": "1", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=home, env=environment, text=True, capture_output=True, check=False
    )


@pytest.mark.slow  # What `.ci/run` does on a clean checkout shows the greater part of it.
def test_it_installs_every_package_and_leaves_the_tree_clean(checkout):
    first = in_empty_home(checkout, sys.executable, "-c", SET_UP)
    assert first.returncode == 0, first.stdout + first.stderr

    names = [declared(folder)["name"] for folder in checkout.packages()]
    shown = in_empty_home(checkout, checkout.program("pip"), "list", "--editable").stdout
    assert [line for line in shown.splitlines() if str(checkout.root) in line]
    assert [name for name in names if name not in shown] == []
    assert git(checkout.root, "status", "--porcelain", "--untracked-files=all").count("??") == 0
    assert git(checkout.root, "diff", "--stat") == ""

    before = os.times().children_user
    second = in_empty_home(checkout, sys.executable, "-c", SET_UP)
    assert second.stdout == ""
    # Processor time: a busy machine does not make the second start slower.
    assert os.times().children_user - before < 1
