"""The documentation as tests read it: pages, fenced blocks, inline code."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")])
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"<!-- generated: [a-z-]+ -->.*?<!-- end -->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind it, and its text."""

    page: str
    language: str
    info: str
    text: str


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: str, *languages: str) -> list[Block]:
    """The fenced blocks of a page in these languages, in their order; generated ones are not."""
    text = _GENERATED.sub("", (ROOT / page).read_text("utf-8"))
    found = [Block(page, one[1], one[2].strip(), one[3]) for one in _FENCE.finditer(text)]
    return [one for one in found if one.language in languages]


def inline(page: str) -> list[str]:
    """Everything in single backticks, line breaks as spaces."""
    text = _FENCE.sub("", (ROOT / page).read_text("utf-8"))
    return [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", text)]
