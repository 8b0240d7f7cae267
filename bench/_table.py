"""A table as Markdown, and as bars in an SVG that needs nothing else to be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, ROW, TOP, BAR = 320, 90, 30, 52, 330


@dataclass(frozen=True)
class Line:
    """What one peer did. `rate` is pushes a second, `cpu` milliseconds a push; `calls` at the
    provider for one push; `apart` counts invoices on which its account and the ledger differ, of
    `tried`; `missing` says why it did not run."""

    name: str
    at: str
    rate: float = 0.0
    cpu: float = 0.0
    calls: float = 0.0
    apart: int = 0
    tried: int = 0
    retries: str = ""
    missing: str = ""


HEAD = (
    "peer",
    "at",
    "pushes/s",
    "CPU ms a push",
    "disagreements after 10 % of 500s",
    "its own retries",
)


def markdown(lines: Sequence[Line]) -> str:
    """The table; a peer that did not run has its reason there."""
    rows = [HEAD, ("---",) * len(HEAD), *(_cells(one) for one in lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(one: Line) -> tuple[str, ...]:
    if one.missing:
        return (one.name, one.at, "", "", "", f"did not run: {one.missing}")
    apart = f"{one.apart} of {one.tried}"
    return (one.name, one.at, f"{one.rate:.0f}", f"{one.cpu:.2f}", apart, one.retries)


def svg(lines: Sequence[Line], title: str) -> str:
    """Bars of the CPU that a push takes, with what each peer lost track of beside them."""
    ran = [one for one in lines if not one.missing]
    most = max((one.cpu for one in ran), default=1.0) or 1.0
    width, height = LEFT + BAR + RIGHT + 190, TOP + ROW * len(ran) + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(14, 22, title, weight="bold"),
        _text(LEFT, 42, "CPU ms a push", fill="#57606a"),
        _text(LEFT + BAR + RIGHT, 42, "disagreements after 500s", fill="#57606a"),
    ]
    for place, one in enumerate(ran):
        parts += _bar(TOP + place * ROW, one, one.cpu / most)
    return "\n".join([*parts, "</svg>", ""])


def _bar(top: int, one: Line, share: float) -> list[str]:
    fill = "#0b6e4f" if one.name.startswith("hub") else "#8c959f"
    length = max(1.0, BAR * share)
    apart = f"{one.apart} of {one.tried}"
    colour = "#b42318" if one.apart else "#0b6e4f"
    return [
        _text(14, top + 18, f"{one.name}, {one.at}"),
        f'<rect x="{LEFT}" y="{top + 5}" width="{length:.1f}" height="18" fill="{fill}"/>',
        _text(LEFT + length + 8, top + 18, f"{one.cpu:.2f}"),
        _text(LEFT + BAR + RIGHT, top + 18, apart, fill=colour, weight="bold"),
    ]


def _text(x: float, y: int, words: str, fill: str = "#1f2328", weight: str = "normal") -> str:
    said = escape(words)
    return f'<text x="{x:.1f}" y="{y}" fill="{fill}" font-weight="{weight}">{said}</text>'


def disagreements(
    delivered: Sequence[str], failed: Sequence[str], ledger: Sequence[tuple[str, bool]]
) -> int:
    """On how many invoices a peer's account and the ledger differ.

    `ledger` is whose each document is and whether it is final. What is delivered stands there
    once and is final; what failed does not stand there at all, not even as a draft.
    """
    found: dict[str, list[bool]] = {}
    for owner, final in ledger:
        found.setdefault(owner, []).append(final)
    wrong = [one for one in delivered if found.get(one) != [True]]
    wrong += [one for one in failed if one in found]
    return len(wrong)
