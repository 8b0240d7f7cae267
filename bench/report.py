"""Measure all peers and write table and bars where the documentation shows them.

    python3 run.py bench report --out docs/benchmarks

About six minutes on a quiet machine. `FOLDER/peers.svg` and the part of `FOLDER.md` between its
two marks are written anew; the rest of the page stays.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from _main import Failed, arguments, carried_out
from _table import markdown
from _verdict import machine
from peers import run, verdicts, written

BEGINS, ENDS = "<!-- peers -->\n", "<!-- /peers -->\n"
ROUNDS, ROUND, FAULTS = 3, 100, 100


def told(lines: list, day: str) -> str:  # type: ignore[type-arg]
    """What stands between the marks."""
    command = "python3 run.py bench report --out docs/benchmarks"
    head = f"Measured on {day}, {machine()}, by `{command}`: medians of {ROUNDS} rounds of {ROUND}"
    reached = "".join(f"    {str(one).strip()}\n" for one in verdicts(lines))
    bars = "![CPU of a push, peer by peer](benchmarks/peers.svg)"
    counted = "(four times as many at QuickBooks)."
    return f"{head} invoices\n{counted}\n\n{bars}\n\n{markdown(lines)}\n{reached}"


def placed(page: str, text: str) -> str:
    """The page with this text between its marks. Raises Failed where it has none."""
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise Failed(f"the page has no lines {BEGINS.strip()} and {ENDS.strip()}")
    return f"{before}{begins}\n{text}\n{ends}{after}"


def main() -> int:
    """Read the arguments; the exit status."""
    parser = arguments(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="such as docs/benchmarks")
    given = parser.parse_args()
    return carried_out(lambda: measure(given.out))


def measure(out: Path) -> None:
    """Measure, and write everything. Raises Failed."""
    page = out.with_suffix(".md")
    try:
        placed(page.read_text(), "")
        lines = run(ROUNDS, ROUND, FAULTS)
        written(out, lines)
        day = str(datetime.now(UTC).date())
        page.write_text(placed(page.read_text(), told(lines, day)))
    except OSError as error:
        raise Failed(error) from None
    print(f"Written: {page}")


if __name__ == "__main__":
    sys.exit(main())
