"""The table of a campaign, in a file: slices of many runs add up in it.

A slice is a row: what was planned (so that its seed repeats it), what was done, what was found.
Rows are added by one process at a time, and a reader never sees half a file.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
COLUMNS = ("kills", "invoices", "struck", "cut", "resent")
HEAD = ("invoices", "amid pushes", "amid requests", "sent again", "faults")


def usual_place(name: str) -> Path:
    """Where a campaign's table is kept unless it is said otherwise."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state else Path.home() / ".local" / "state"
    return home / "kable-hub" / f"{name}.json"


@dataclass(frozen=True)
class Table:
    """The rows in a file; none while there is no file."""

    path: Path

    def rows(self) -> list[Row]:
        """Every slice, oldest first. Raises ValueError where the file is something else."""
        if not self.path.exists():
            return []
        found = json.loads(self.path.read_text("utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("slices"), list):
            raise ValueError(f"{self.path} is no table of a campaign")
        rows: list[Row] = found["slices"]
        return rows

    def add(self, row: Row) -> None:
        """Append a slice."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path.with_name(f"{self.path.name}.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            whole = {"slices": [*self.rows(), row]}
            draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            draft.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
            draft.replace(self.path)


def done(rows: Iterable[Row], wanted: Mapping[str, str]) -> dict[str, int]:
    """The sums over the slices that have these values."""
    mine = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    sums = {name: sum(int(row.get(name, 0)) for row in mine) for name in COLUMNS}
    return {**sums, "slices": len(mine), "faults": sum(len(row["faults"]) for row in mine)}


def shown(
    rows: Sequence[Row],
    lines: Sequence[Mapping[str, str]],
    planned: Mapping[str, int],
    blows: str = "kills",
) -> Iterator[str]:
    """The table for people: a line for each of `lines`, done / planned where there is a plan."""
    head = ("", "slices", blows, *HEAD)
    cells = [head, *(_line(rows, wanted, planned) for wanted in lines)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    for row in cells:
        first, *others = zip(row, widths, strict=True)
        yield "  ".join([first[0].ljust(first[1]), *(one.rjust(width) for one, width in others)])


def _line(rows: Sequence[Row], wanted: Mapping[str, str], planned: Mapping[str, int]) -> list[str]:
    sums = done(rows, wanted)
    numbers = [_of(sums[name], planned.get(name)) for name in ("slices", *COLUMNS, "faults")]
    return [" ".join(wanted.values()), *numbers]


def _of(number: int, planned: int | None) -> str:
    return f"{number:,}" if planned is None else f"{number:,} / {planned:,}"
