"""How a benchmark says what it found: a figure, the target, and whether it was reached."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """A figure beside its target; `most` where less is better, else more is."""

    name: str
    figure: float
    target: float
    unit: str
    most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the figure is as good as the target."""
        return self.figure <= self.target if self.most else self.figure >= self.target

    def __str__(self) -> str:
        sign = "<=" if self.most else ">="
        said = "reached" if self.reached else "MISSED"
        figure, target = plain(self.figure), plain(self.target)
        return f"  {self.name:<44} {figure:>9} {self.unit:<14} target {sign} {target:<7} {said}"


def plain(figure: float) -> str:
    """A number with three digits that count, or all before the point."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


def tell(title: str, verdicts: Sequence[Verdict], notes: Sequence[str] = ()) -> None:
    """Print them below a title, with how busy the machine was."""
    print(title)
    for one in (*verdicts, *(f"  {note}" for note in notes)):
        print(one)
    print(f"  load {os.getloadavg()[0]:.1f} on {machine()}", flush=True)


def machine() -> str:
    """The facts of this machine that a figure hangs on."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"
