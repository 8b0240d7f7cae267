"""The composition root: one opened hub, handed to every use case."""

from collections.abc import Callable
from dataclasses import dataclass

from kable_hub.clock import Clock, SystemClock, epoch_ms
from kable_hub.dispatch import Dispatcher
from kable_hub.plugins import Registry, discover
from kable_hub.settings import Settings
from kable_hub.store import engine_schema, schema
from kable_hub.store.database import Database
from kable_hub.store.instance import instance_id
from kable_hub.store.queue import Queue
from kable_hub.store.vault import Vault, key_file
from kable_hub.sync.access import Access
from kable_hub.sync.asking import Asking
from kable_hub.sync.budget import Budget


@dataclass
class Hub:
    """An opened hub."""

    settings: Settings
    clock: Clock
    database: Database
    registry: Registry
    dispatcher: Dispatcher
    vault: Vault
    instance_id: str
    access: Access
    budget: Budget
    asking: Asking
    queue: Queue
    on_wake: Callable[[str], None] | None = None
    threads: Callable[[], tuple[dict[str, int], dict[str, int]]] | None = None
    """Where this process drains: drains that could begin, and push threads lost, by provider."""

    def wake(self, connection_id: str) -> None:
        """Something is due there. Call it after the commit, never inside a transaction."""
        self.queue.wake(connection_id, self.now())
        if self.on_wake is not None:
            self.on_wake(connection_id)

    def now(self) -> int:
        """Epoch milliseconds."""
        return epoch_ms(self.clock.now())

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def migrate(settings: Settings, database: Database) -> list[str]:
    """Bring the store, and the queue of its engine, to this version; the names applied."""
    applied = schema.migrate(database)
    if settings.engine == "cluster":
        applied += engine_schema.migrate(database)
    return applied


def pending(settings: Settings, database: Database) -> list[str]:
    """What `migrate` would apply."""
    due = schema.pending(database)
    if settings.engine == "cluster":
        due += engine_schema.pending(database)
    return due


def open_hub(
    settings: Settings, *, clock: Clock | None = None, registry: Registry | None = None
) -> Hub:
    """Open the store (migrated), try out the plugins, and put the rooms together."""
    clock = clock or SystemClock()
    database = Database(settings.database_url)
    migrate(settings, database)
    dispatcher = Dispatcher(registry or discover(settings), trace=settings.trace_hooks)
    vault = Vault(settings.encryption_keys or (key_file(settings.data_dir / "encryption.key"),))
    access = Access(database, vault, dispatcher, settings, clock)
    budget = Budget(clock)
    return Hub(
        settings=settings,
        clock=clock,
        database=database,
        registry=dispatcher.registry,
        dispatcher=dispatcher,
        vault=vault,
        instance_id=instance_id(database),
        access=access,
        budget=budget,
        asking=Asking(database, dispatcher, access, budget, settings, clock),
        queue=Queue(database),
    )
