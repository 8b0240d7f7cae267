"""What a provider has said it cannot take, seen before any call. Pure."""

from kable_hub import money
from kable_hub.domain import Invoice
from kable_hub.errors import Unsupported
from kable_hub.provider import Facts


def refusal(facts: Facts, invoice: Invoice) -> Unsupported | None:
    """The first declared fact that excludes the invoice, or None. `fact` names it."""
    currency, lines = invoice.currency, invoice.lines
    if facts.currencies and currency not in facts.currencies:
        return _unsupported("currencies", f"It does not take {currency}")
    if invoice.total < 0 and not facts.negative_total:
        total = money.text(invoice.total, currency)
        return _unsupported("negative_total", f"It takes no credit notes; the total is {total}")
    if 0 < facts.max_lines < len(lines):
        said = f"It takes at most {facts.max_lines} lines; this invoice has {len(lines)}"
        return _unsupported("max_lines", said)
    if 0 < facts.number_length < len(invoice.number):
        length = len(invoice.number)
        said = f"It takes numbers of at most {facts.number_length} characters; this has {length}"
        return _unsupported("number_length", said)
    return _refused_line(facts, invoice)


def _refused_line(facts: Facts, invoice: Invoice) -> Unsupported | None:
    for place, line in enumerate(invoice.lines, 1):
        if line.amount < 0 and not facts.negative_lines:
            said = f"It takes no negative lines; line {place} is one"
            return _unsupported("negative_lines", said)
        if not facts.fractional_quantities and line.quantity != int(line.quantity):
            said = f"It takes whole quantities only; line {place} has {line.quantity:f}"
            return _unsupported("fractional_quantities", said)
    return None


def _unsupported(fact: str, said: str) -> Unsupported:
    return Unsupported(f"{said}.", fact=fact)
