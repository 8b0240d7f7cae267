"""After an older state of the store was put back: nothing is sent before it was looked for."""

from kable_hub.store import restored
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.running import stopped


def count(hub: Hub) -> list[tuple[str, str, str, int]]:
    """(provider, environment, state, how many) of the deliveries that may have been sent since."""
    return restored.counts(hub.database)


def mark(hub: Hub) -> int:
    """Have each of them looked for first; answers how many. Raises Conflict (`store_busy`)."""
    with stopped(hub.settings, hub.database, hub.now()):
        return restored.mark(hub.database, hub.now())
