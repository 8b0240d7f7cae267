"""Tell the sync loop what became due, once it is committed."""

from collections.abc import Iterable
from functools import partial

from kable_hub.usecases.hub import Hub


def wake(hub: Hub, connections: Iterable[str]) -> None:
    """Wake connections after the commit: at once where no transaction is open."""
    for connection_id in sorted(set(connections)):
        hub.database.peewee.after_commit(partial(hub.wake, connection_id))
