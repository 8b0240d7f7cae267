"""What every template finds at hand: amounts, moments, words of states, addresses."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Flask, request, url_for
from markupsafe import Markup

from kable_hub import money
from kable_hub.clock import from_ms
from kable_hub.web.context import current_hub
from kable_hub.web.dashboard.words import word

_MINUS = "−"
_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"))
_LATELY = 7 * 86_400


def install(app: Flask) -> None:
    """Give them to the app's templates."""
    app.add_template_filter(amount, "money")
    app.add_template_filter(plain)
    app.add_template_filter(moment)
    app.add_template_filter(word)
    app.add_template_global(url_with)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def amount(minor: int | None, currency: str) -> str:
    """Minor units as people read them: `1,234.50 USD`, `−1,235 JPY`; a dash for None."""
    if minor is None:
        return "–"
    text = f"{money.to_major(abs(minor), currency):,f}"
    return f"{_MINUS if minor < 0 else ''}{text}\N{NO-BREAK SPACE}{currency}"


def plain(value: Decimal) -> str:
    """A quantity, price or rate without an exponent."""
    return f"{value:,f}".replace("-", _MINUS)


def moment(value: int | None, absent: str = "–") -> Markup | str:
    """Epoch milliseconds as `5 min ago`, `in 2 h` or `3 Nov 2026, 14:05`; exact when pointed at."""
    if value is None:
        return absent
    then = from_ms(value)
    exact = then.isoformat(timespec="seconds").replace("+00:00", "Z")
    text = _spoken(then, (current_hub().now() - value) / 1000)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, text)


def _spoken(then: datetime, ago: float) -> str:
    if abs(ago) > _LATELY:
        return f"{then.day} {then:%b %Y, %H:%M}"
    for seconds, unit in _UNITS:
        if (count := int(abs(ago) // seconds)) > 0:
            many = "s" if unit == "day" and count > 1 else ""
            return f"{count} {unit}{many} ago" if ago > 0 else f"in {count} {unit}{many}"
    return "just now" if ago >= 0 else "in a moment"


def url_with(**changes: Any) -> str:
    """The address of this page with some of its query changed; None takes one away."""
    values = {**request.args.to_dict(), **(request.view_args or {}), **changes}
    return url_for(request.endpoint or "", **values)
