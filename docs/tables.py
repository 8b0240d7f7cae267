"""Tables of Markdown."""

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; a bar in a cell is escaped, line breaks become spaces."""
    columns = list(head)
    lines = [_line(columns), "|" + "---|" * len(columns), *(_line(row) for row in rows)]
    return "\n".join(lines)


def code(text: object) -> str:
    """Text in backticks; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def _line(cells: Iterable[str]) -> str:
    shown = (" ".join(str(cell).split()).replace("|", r"\|") for cell in cells)
    return "| " + " | ".join(shown) + " |"
