"""The README's first minute is what a newcomer sees."""

import re

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

from tests.docs.reading import ROOT, blocks
from tests.forking import forked
from tests.packaging.helpers import PACKAGES

README = (ROOT / "README.md").read_text("utf-8")


def test_the_demo_prints_what_the_readme_quotes(tmp_path):
    (quoted,) = blocks("README.md", "text")
    # A terminal narrower than the pages would fold the lines.
    environ = {"PATH": "", "HOME": str(tmp_path), "COLUMNS": "200"}
    with forked(["demo", "--once", "--port", "0"], environ) as process:
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, out + err
    said = out.splitlines()
    assert [line for line in quoted.text.splitlines() if line not in said] == []


def test_the_readme_can_be_read_in_five_minutes():
    assert len(README.splitlines()) <= 150
    assert len(re.findall(r"\w+", README)) <= 1300


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_every_package_tells_that_its_readme_is_markdown(folder):
    metadata = ProjectMetadata(str(folder), PluginManager())
    assert metadata.core.readme_content_type == "text/markdown"
    assert metadata.core.readme.strip()
