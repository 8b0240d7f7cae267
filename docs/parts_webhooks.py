"""The parts about outgoing webhooks: what is told, and how long a message is tried."""

from datetime import timedelta

from parts_delivery import span
from tables import code, table

from kable_hub.store.notices import EVENT_TYPES
from kable_hub.sync.telling import WAITS_MS


def event_types() -> str:
    """Every type with its meaning."""
    return table(("type", "says"), [(code(one), said) for one, said in EVENT_TYPES.items()])


def waits() -> str:
    """The wait after each failed try, and what it comes to."""
    named = [timedelta(milliseconds=one) for one in WAITS_MS]
    shown = ", ".join(span(one) for one in named)
    whole = sum(named, timedelta()).total_seconds() / 86_400
    return (
        f"After each failed try it waits {shown} (a tenth more at random), about "
        f"{whole:.1f} days in all; after try {len(named) + 1} the message has failed."
    )
