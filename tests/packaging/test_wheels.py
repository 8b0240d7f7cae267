"""What `pip install` brings is complete: all code, templates and static files, and no tests."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.packaging.helpers import PACKAGES, declared, repository_files

OFFLINE = ["--no-deps", "--no-build-isolation", "--no-index"]


@pytest.fixture(scope="module", params=PACKAGES, ids=lambda folder: declared(folder)["name"])
def folder(request) -> Path:
    """Every package of the repository, one by one."""
    return request.param


@pytest.fixture(scope="module")
def name(folder) -> str:
    """The name of its distribution."""
    return declared(folder)["name"]


@pytest.fixture(scope="module")
def wheel(folder, tmp_path_factory) -> zipfile.ZipFile:
    """It, built."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", *OFFLINE, "-w", str(out), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr[-2000:], pytrace=False)
    (file,) = out.iterdir()
    return zipfile.ZipFile(file)


def source(folder: Path, name: str) -> Path:
    """The folder that holds the import package of a distribution."""
    inner = folder / "src" if (folder / "src").exists() else folder
    return inner / name.replace("-", "_")


def test_every_file_of_the_package_is_in_its_wheel(wheel, folder, name):
    package = source(folder, name)
    files = [file for file in repository_files() if package in file.parents]
    names = {file.relative_to(package.parent).as_posix() for file in files}

    assert names
    assert names - set(wheel.namelist()) == set()


def test_nothing_else_is_in_its_wheel(wheel, folder, name):
    package = source(folder, name).name
    tops = {entry.partition("/")[0] for entry in wheel.namelist()}

    assert {top for top in tops if top != package and not top.endswith(".dist-info")} == set()


def test_the_wheel_states_licence_python_and_read_me(wheel):
    (entry,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(entry).decode())

    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_types_of_a_package_are_for_everybody(wheel, folder, name):
    assert f"{source(folder, name).name}/py.typed" in wheel.namelist()
