"""More lines than Stripe takes: the last ones are put together, and every sum stays as it was.

Lines are put together only with lines of the same tax code and rate, so that the net and the tax
of each kind, and the total, are those of the invoice. The first lines stay as they are, as many
as there is room for. The same invoice always gives the same lines.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from kable_hub import InvoiceLine, Unsupported

Kind: TypeAlias = tuple[str, Decimal | None]
Numbered: TypeAlias = tuple[int, InvoiceLine]
"""A line and its place on the invoice, from 1."""

LONGEST = 5000


def fitted(lines: Sequence[InvoiceLine], room: int) -> list[InvoiceLine]:
    """At most `room` lines that add up to the same, by tax code and rate and in all.

    Raises Unsupported (`max_lines`) where there are more kinds of tax than room.
    """
    if len(lines) <= room:
        return list(lines)
    kept = _kept(lines, room)
    groups: dict[Kind, list[Numbered]] = {}
    for place, line in enumerate(lines[kept:], kept + 1):
        groups.setdefault(_kind(line), []).append((place, line))
    return [*lines[:kept], *(_together(members) for members in groups.values())]


def _kept(lines: Sequence[InvoiceLine], room: int) -> int:
    """How many of the first lines can stand alone: each kind behind them needs one line more."""
    kinds: set[Kind] = set()
    best = -1
    for at in range(len(lines) - 1, -1, -1):
        kinds.add(_kind(lines[at]))
        if at + len(kinds) <= room:
            best = max(best, at)
    if best < 0:
        said = f"its lines have {len(kinds)} kinds of tax, and Stripe has room for {room} lines"
        raise Unsupported(f"The invoice cannot be put together: {said}.", fact="max_lines")
    return best


def _kind(line: InvoiceLine) -> Kind:
    return line.tax_code, line.tax_rate


def _together(members: Sequence[Numbered]) -> InvoiceLine:
    (_, first), places = members[0], [place for place, _ in members]
    if len(members) == 1:
        return first
    amount = sum(line.amount for _, line in members)
    return replace(
        first,
        description=_described(places, [line.description for _, line in members]),
        quantity=Decimal(1),
        unit_price=Decimal(0),
        amount=amount,
        tax=sum(line.tax for _, line in members),
        product_code="",
        service_date=None,
    )


def _described(places: Sequence[int], texts: Sequence[str]) -> str:
    """How many lines stand together, which, and what they were, as far as there is room."""
    head = f"{len(places)} lines together (lines {_ranges(places)})"[: LONGEST // 2]
    text = f"{head}: {'; '.join(dict.fromkeys(texts))}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _ranges(places: Sequence[int]) -> str:
    """`1–3, 7` for 1, 2, 3, 7."""
    spans: list[list[int]] = []
    for place in places:
        if spans and spans[-1][1] == place - 1:
            spans[-1][1] = place
        else:
            spans.append([place, place])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in spans)
