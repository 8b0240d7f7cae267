"""The bars of the last days, ready to be drawn: geometry only, words and colours elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kable_hub.usecases.overview import Day

HEIGHT = 100.0
FATES = ("delivered", "queued", "failed")
"""Bottom to top."""


@dataclass(frozen=True)
class Part:
    """One piece of a bar. `y` is its upper edge; HEIGHT is the ground."""

    fate: str
    count: int
    y: float
    height: float

    @property
    def pair(self) -> tuple[str, int]:
        """The fate and its count."""
        return self.fate, self.count


@dataclass(frozen=True)
class Bar:
    """One day."""

    date: date
    count: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Plot:
    """All days. `top` is what the full height stands for, `totals` the counts by fate."""

    bars: tuple[Bar, ...]
    top: int
    totals: dict[str, int]

    @property
    def count(self) -> int:
        """Of all days."""
        return sum(self.totals.values())


def bars(days: Sequence[Day]) -> Plot:
    """Bars that share one scale; a count that is not 0 is always seen."""
    highest = max((sum(_counts(day).values()) for day in days), default=0)
    top = _round_up(highest)
    totals = {fate: sum(_counts(day)[fate] for day in days) for fate in FATES}
    return Plot(tuple(_bar(day, top) for day in days), top, totals)


def _bar(day: Day, top: int) -> Bar:
    counts, ground, parts = _counts(day), HEIGHT, []
    for fate, count in counts.items():
        if count:
            height = max(1.5, round(HEIGHT * count / top, 2))
            ground = max(0.0, ground - height)
            parts.append(Part(fate, count, round(ground, 2), height))
    return Bar(day.date, sum(counts.values()), tuple(parts))


def _counts(day: Day) -> dict[str, int]:
    return {fate: getattr(day, fate) for fate in FATES}


def _round_up(count: int) -> int:
    """The next of 5, 10, 20, 50, 100, … that leaves some air above."""
    size = 1
    while True:
        for step in (5, 10, 20):
            if step * size >= count * 1.05:
                return step * size
        size *= 10
