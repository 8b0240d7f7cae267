"""More lines than a provider takes: the last ones are put together, every sum stays as it was.

Lines are put together only with lines of the same kind (what that is the plugin says), so that
net and tax of each kind, and the total, are those of the invoice. The first lines stay as they
are, as many as there is room for. The same invoice always gives the same lines.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from kable_hub.domain import InvoiceLine
from kable_hub.errors import Unsupported

Kind: TypeAlias = Callable[[InvoiceLine], Hashable]
Numbered: TypeAlias = tuple[int, InvoiceLine]
"""A line and its place on the invoice, from 1."""


def by_tax(line: InvoiceLine) -> Hashable:
    """Lines of one tax code and rate are of one kind."""
    return line.tax_code, line.tax_rate


def fitted(
    lines: Sequence[InvoiceLine], room: int, *, longest: int, kind: Kind = by_tax
) -> list[InvoiceLine]:
    """At most `room` lines that add up to the same, by kind and in all.

    Descriptions that tell of several lines have at most `longest` characters. A line put together
    keeps the product code and the tax code that all its members share. Raises Unsupported
    (`max_lines`) where there are more kinds than room.
    """
    if len(lines) <= room:
        return list(lines)
    kept = _kept(lines, room, kind)
    groups: dict[Hashable, list[Numbered]] = {}
    for place, line in enumerate(lines[kept:], kept + 1):
        groups.setdefault(kind(line), []).append((place, line))
    return [*lines[:kept], *(_together(members, longest) for members in groups.values())]


def _kept(lines: Sequence[InvoiceLine], room: int, kind: Kind) -> int:
    """How many of the first lines can stand alone: each kind behind them needs one line more."""
    kinds: set[Hashable] = set()
    best = -1
    for at in range(len(lines) - 1, -1, -1):
        kinds.add(kind(lines[at]))
        if at + len(kinds) <= room:
            best = max(best, at)
    if best < 0:
        said = f"its lines are of {len(kinds)} kinds, and there is room for {room} lines"
        raise Unsupported(f"The invoice cannot be put together: {said}.", fact="max_lines")
    return best


def _together(members: Sequence[Numbered], longest: int) -> InvoiceLine:
    (_, first), lines = members[0], [line for _, line in members]
    if len(members) == 1:
        return first
    texts = [line.description for line in lines]
    return replace(
        first,
        description=_described([place for place, _ in members], texts, longest),
        quantity=Decimal(1),
        unit_price=Decimal(0),
        amount=sum(line.amount for line in lines),
        tax=sum(line.tax for line in lines),
        tax_code=_shared([line.tax_code for line in lines]),
        product_code=_shared([line.product_code for line in lines]),
        service_date=None,
    )


def _shared(codes: Sequence[str]) -> str:
    return codes[0] if len(set(codes)) == 1 else ""


def _described(places: Sequence[int], texts: Sequence[str], longest: int) -> str:
    """How many lines stand together, which, and what they were, as far as there is room."""
    head = f"{len(places)} lines together (lines {_ranges(places)})"[: longest // 2]
    text = f"{head}: {'; '.join(dict.fromkeys(texts))}"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _ranges(places: Sequence[int]) -> str:
    """`1–3, 7` for 1, 2, 3, 7."""
    spans: list[list[int]] = []
    for place in places:
        if spans and spans[-1][1] == place - 1:
            spans[-1][1] = place
        else:
            spans.append([place, place])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in spans)
