"""What the code knows better than a person is written by docs/generate.py."""

import shutil
import subprocess
import sys

import pytest

from tests.docs.reading import ROOT


def generate(root, *arguments):
    command = [sys.executable, str(root / "docs" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copy(tmp_path):
    """A copy of the pages and of what writes them."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for page in ("README.md", "ARCHITECTURE.md"):
        shutil.copy(ROOT / page, tmp_path / page)
    return tmp_path


def test_every_generated_part_is_as_it_would_be_written_now():
    done = generate(ROOT, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_part_that_was_edited_by_hand_is_found_and_written_anew(copy):
    page = copy / "docs" / "delivery.md"
    right = page.read_text("utf-8")
    page.write_text(right.replace("| 3 | 5 s |", "| 3 | 6 s |"), "utf-8")
    assert page.read_text("utf-8") != right

    checked = generate(copy, "--check")
    assert checked.returncode == 1
    assert "outdated: docs/delivery.md" in checked.stdout
    assert page.read_text("utf-8") != right

    assert generate(copy).returncode == 0
    assert page.read_text("utf-8") == right


def test_a_part_that_nothing_generates_is_an_error(copy):
    with (copy / "README.md").open("a") as readme:
        readme.write("\n<!-- generated: weather -->\n<!-- end -->\n")
    done = generate(copy, "--check")
    assert done.returncode == 1
    assert "nothing generates 'weather'" in done.stderr


def test_an_unknown_argument_changes_nothing(copy):
    assert generate(copy, "--chek").returncode == 2
