"""After an older state of the store was put back: nothing is sent before it was looked for."""

from kable_hub.store import restored
from kable_hub.sync.engine import EngineRunning
from kable_hub.sync.loop import hold
from kable_hub.usecases.errors import Conflict
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.running import lock_file


def count(hub: Hub) -> list[tuple[str, str, str, int]]:
    """(provider, environment, state, how many) of the deliveries that may have been sent since."""
    return restored.counts(hub.database)


def mark(hub: Hub) -> int:
    """Have each of them looked for first; answers how many. Raises Conflict (`store_busy`)."""
    try:
        held = hold(lock_file(hub.settings, hub.database))
    except EngineRunning as error:
        raise Conflict("store_busy", f"Stop the hub first: {error}.") from None
    with held:
        return restored.mark(hub.database, hub.now())
