"""What the code knows better than a person is written by docs/generate.py."""

import importlib.util
import shutil
import subprocess
import sys

import pytest

from tests.docs.reading import ROOT


@pytest.fixture(scope="module")
def generate():
    """docs/generate.py as a module; what it puts on the path to find its parts is taken off."""
    path = list(sys.path)
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path


@pytest.fixture
def copy(tmp_path, generate, monkeypatch):
    """A copy of the pages, which it reads and writes in place of ours."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for page in ("README.md", "ARCHITECTURE.md"):
        shutil.copy(ROOT / page, tmp_path / page)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    return tmp_path


def test_every_generated_part_is_as_it_would_be_written_now():
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_part_that_was_edited_by_hand_is_found_and_written_anew(copy, generate, capsys):
    page = copy / "docs" / "delivery.md"
    right = page.read_text("utf-8")
    page.write_text(right.replace("| 3 | 5 s |", "| 3 | 6 s |"), "utf-8")
    assert page.read_text("utf-8") != right

    assert generate.main(["--check"]) == 1
    assert "outdated: docs/delivery.md" in capsys.readouterr().out
    assert page.read_text("utf-8") != right

    assert generate.main([]) == 0
    assert page.read_text("utf-8") == right


def test_a_part_that_nothing_generates_is_an_error(copy, generate):
    with (copy / "README.md").open("a") as readme:
        readme.write("\n<!-- generated: weather -->\n<!-- end -->\n")
    with pytest.raises(generate.UnknownPart, match="nothing generates 'weather'"):
        generate.main(["--check"])


def test_an_unknown_argument_changes_nothing(copy, generate):
    page = copy / "docs" / "delivery.md"
    page.write_text(page.read_text("utf-8").replace("| 3 | 5 s |", "| 3 | 6 s |"), "utf-8")
    before = page.read_text("utf-8")
    assert generate.main(["--chek"]) == 2
    assert page.read_text("utf-8") == before
