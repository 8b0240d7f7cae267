"""The lines of an invoice as parameters of `add_lines`, in Stripe's units. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from kable_hub import JSON, Invoice, InvoiceLine, Unsupported, combining
from kable_stripe_payments import taxes
from kable_stripe_payments.amounts import split
from kable_stripe_payments.declaration import MAX_LINES

LONGEST = 5000
"""Characters of a line's description."""


@dataclass(frozen=True)
class Lines:
    """What is sent, and what it has to add up to: `total` with the hub's tax, `tax` alone."""

    params: tuple[dict[str, JSON], ...]
    total: int
    tax: int


def lines_of(invoice: Invoice, settings: Mapping[str, Any]) -> Lines:
    """The lines of `invoice`, put together where there are too many and the settings say so.

    Raises Unsupported (`max_lines`), NeedsOperator where tax and settings do not fit.
    """
    taxes.refuse_doubled(invoice, settings)
    rows = _rows(invoice.lines, settings)
    taxed = [row for row in rows if row.tax]
    amounts = split([row.amount for row in rows] + [row.tax for row in taxed], invoice.currency)
    net, rest = amounts[: len(rows)], amounts[len(rows) :]
    own = dict(zip((row.id for row in taxed), rest, strict=True))
    params = [
        _line(row, amount, own.get(row.id), invoice.currency, settings)
        for row, amount in zip(rows, net, strict=True)
    ]
    if settings["tax"] == "line":
        params += _tax_lines(taxed, own, settings["tax_name"])
    return Lines(tuple(params), sum(amounts), sum(rest))


def _rows(lines: Sequence[InvoiceLine], settings: Mapping[str, Any]) -> list[InvoiceLine]:
    """The lines, at most as many as fit beside lines of tax."""
    apart = {line.tax_rate for line in lines if line.tax} if settings["tax"] == "line" else set()
    room = MAX_LINES - len(apart)
    if len(lines) > room and settings["many_lines"] != "combine":
        needed = len(lines) + len(apart)
        raise Unsupported(
            f"The invoice needs {needed} lines at Stripe, which takes {MAX_LINES}. The setting "
            "many_lines lets the last ones be put together.",
            fact="max_lines",
        )
    return combining.fitted(lines, room, longest=LONGEST)


def _line(
    row: InvoiceLine, amount: int, tax: int | None, currency: str, settings: Mapping[str, Any]
) -> dict[str, JSON]:
    line: dict[str, JSON] = {
        "description": _described(row, currency),
        "discountable": False,
        "metadata": {"hub_line_id": row.id[:500]},
        **taxes.on_line(row, amount, tax, currency, settings),
    }
    if row.service_date is not None:
        moment = midnight(row.service_date)
        line["period"] = {"start": moment, "end": moment}
    return line


def _described(row: InvoiceLine, currency: str) -> str:
    """The line's text and how its amount came about, which a bare amount would not show."""
    if row.quantity == 1:
        return row.description[:LONGEST]
    sum_of = f" ({row.quantity:f} × {row.unit_price:f} {currency})"
    return row.description[: LONGEST - len(sum_of)] + sum_of


def _tax_lines(
    taxed: Sequence[InvoiceLine], own: Mapping[str, int], name: str
) -> Iterator[dict[str, JSON]]:
    sums: dict[Decimal | None, int] = {}
    for row in taxed:
        sums[row.tax_rate] = sums.get(row.tax_rate, 0) + own[row.id]
    for rate, amount in sums.items():
        label = name if rate is None else f"{name} {rate.normalize():f} %"
        yield {
            "amount": amount,
            "description": label,
            "discountable": False,
            "metadata": {"hub_tax": "true" if rate is None else f"{rate:f}"},
        }


def midnight(day: date) -> int:
    """The beginning of a day (UTC) as Stripe's timestamp."""
    return int(datetime.combine(day, time(), UTC).timestamp())
