"""Every link within the repository leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.reading import PAGES, ROOT, name

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PLUGINS = sorted((ROOT / "plugins").glob("[!_]*/README.md"))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken(page: Path, text: str) -> list[str]:
    """The links of a page's text that lead nowhere."""
    found = []
    for link in LINK.findall(text):
        address, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", [*PAGES, *PLUGINS], ids=name)
def test_every_link_leads_somewhere(page):
    assert broken(page, page.read_text("utf-8")) == []


def test_a_link_that_leads_nowhere_would_be_found():
    text = "[a](docs/none.md) [b](docs/delivery.md#nothing) [c](docs/delivery.md#waiting)"
    found = broken(ROOT / "README.md", text)
    assert found == ["docs/none.md", "docs/delivery.md#nothing"]


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "docs"], ids=name)
def test_every_page_can_be_reached_from_the_readme(page):
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        one = waiting.pop()
        links = LINK.findall(one.read_text("utf-8"))
        local = [
            (one.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link
        ]
        new = {path for path in local if path.suffix == ".md" and path.exists()} - seen
        seen |= new
        waiting += new
    assert page in seen


def test_the_index_says_a_line_about_every_page():
    index = ROOT / "docs" / "README.md"
    lines = re.findall(
        r"^\| \[([^\]]+)\]\(\1\) \| \S.+ \|$", index.read_text("utf-8"), re.MULTILINE
    )
    pages = {page.name for page in index.parent.glob("*.md")} - {index.name}
    assert sorted(lines) == sorted(pages)
