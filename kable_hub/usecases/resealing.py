"""Encrypt what the hub keeps secret anew, with the newest key."""

from kable_hub.store import sealed
from kable_hub.store.sealed import Resealed
from kable_hub.usecases.hub import Hub


def reencrypt(hub: Hub) -> list[Resealed]:
    """Have everything under the newest key; afterwards the older ones open nothing any more, but
    for what is told as lost already."""
    return sealed.reseal(hub.database, hub.vault)
