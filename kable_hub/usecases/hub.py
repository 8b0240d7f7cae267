"""The composition root: one opened hub, handed to every use case."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kable_hub.clock import Clock, SystemClock, epoch_ms
from kable_hub.dispatch import Dispatcher
from kable_hub.plugins import Registry, discover
from kable_hub.settings import Settings
from kable_hub.store import schema
from kable_hub.store.database import Database
from kable_hub.store.instance import instance_id
from kable_hub.store.vault import Vault, key_file
from kable_hub.sync.asking import Asking


@dataclass
class Hub:
    """An opened hub. `wake(connection_id)` tells the sync loop that something is due there;
    call it after the commit, never inside a transaction.
    """

    settings: Settings
    clock: Clock
    database: Database
    registry: Registry
    dispatcher: Dispatcher
    vault: Vault
    instance_id: str
    asking: Asking
    wake: Callable[[str], None] = field(default=lambda connection_id: None)

    def now(self) -> int:
        """Epoch milliseconds."""
        return epoch_ms(self.clock.now())

    def close(self) -> None:
        """Close the database."""
        self.database.close()
