"""Start the sync loop of an opened hub."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kable_hub.settings import Settings
from kable_hub.store import connect_attempts, notices, pages, processes, sign_ins
from kable_hub.store.database import Database
from kable_hub.store.moves import refuse_closed
from kable_hub.store.offers import Offers
from kable_hub.sync.drain import Pace
from kable_hub.sync.engine import Engine, EngineRunning
from kable_hub.sync.events import EventWorker
from kable_hub.sync.loop import EmbeddedEngine, hold
from kable_hub.sync.steps import Rooms
from kable_hub.sync.telling import Teller
from kable_hub.usecases.alarms import alarm
from kable_hub.usecases.errors import Conflict
from kable_hub.usecases.expiry import Watch
from kable_hub.usecases.hub import Hub

EVENT_SECONDS = 1.0
TELL_SECONDS = 1.0
POLL_SECONDS = 300.0
ALARM_SECONDS = 300.0
HOUSEKEEPING_SECONDS = 3600.0
DAY_MS = 86_400_000


def start_engine(hub: Hub) -> Engine:
    """Start draining; `engine.stop()` ends it. Raises EngineRunning where one runs already."""
    engine = engine_of(hub)
    engine.start()
    return engine


def engine_of(hub: Hub) -> Engine:
    """The engine that the settings ask for, with all that it calls; not started yet.

    Raises StoreClosed where the store was moved since it was opened.
    """
    refuse_closed(hub.database)
    engine = _cluster(hub) if hub.settings.engine == "cluster" else _embedded(hub)
    _listen(engine, hub)
    teller = teller_of(hub)
    engine.every(TELL_SECONDS, "telling", teller.tick)
    engine.at_end(teller.stop)
    engine.every(HOUSEKEEPING_SECONDS, "housekeeping", lambda: _forget_old(hub))
    engine.every(HOUSEKEEPING_SECONDS, "watch", Watch(hub).look)
    engine.every(ALARM_SECONDS, "alarm", lambda: alarm(hub))
    hub.on_wake = engine.wake
    return engine


def _listen(engine: Engine, hub: Hub) -> None:
    """To what providers tell: to each for itself, so that one whose plugin hangs stops no other."""
    events = EventWorker(hub.database, hub.dispatcher, hub.asking, hub.clock, hub.wake)
    slugs = [one.slug for one in hub.registry.providers()]
    for slug in slugs:
        engine.every(EVENT_SECONDS, f"events {slug}", partial(_until_done, events, of=slug))
        engine.every(POLL_SECONDS, f"polls {slug}", partial(events.poll, slug))
    engine.every(EVENT_SECONDS, "events", partial(_until_done, events, but=slugs))


def beside_web(settings: Settings, *, sync: bool) -> Callable[[Hub], Engine] | None:
    """What a process that serves runs beside it: the engine if it is to `sync`, or, where workers
    of their own drain, only what wakes them."""
    if settings.engine == "cluster":
        return _caller
    return engine_of if sync else None


def _caller(hub: Hub) -> Engine:
    from kable_hub.sync.calling import Caller

    caller = Caller(Offers(hub.database), hub.clock, hub.settings.database_url)
    hub.on_wake = caller.wake
    return caller


def _embedded(hub: Hub) -> Engine:
    settings = hub.settings
    engine = EmbeddedEngine(
        rooms_of(hub),
        _lock_file(settings, hub.database),
        _pace(settings),
        slots=settings.drain_slots,
        pushes=settings.push_threads,
        sweep=settings.sweep_seconds,
    )
    hub.threads = engine.threads
    return engine


def _cluster(hub: Hub) -> Engine:
    from kable_hub.sync.cluster import ClusterEngine

    settings = hub.settings
    sizes = {"slots": settings.drain_slots, "pushes": settings.push_threads}
    engine = ClusterEngine(rooms_of(hub), settings.database_url, _pace(settings), **sizes)
    hub.threads = engine.threads
    return engine


def teller_of(hub: Hub) -> Teller:
    """Who sends the webhooks of an opened hub."""
    private = hub.settings.private_webhooks
    return Teller(hub.database, hub.vault, hub.clock, private=private)


def _until_done(events: EventWorker, of: str = "", but: Sequence[str] = ()) -> None:
    while events.work_stored(of, but):
        continue


def _forget_old(hub: Hub) -> None:
    """Connect dialogues are good for ten minutes and kept for a day; customers' pages and what
    was told are kept a month."""
    with hub.database.write():
        connect_attempts.forget_before(hub.now() - DAY_MS)
        pages.forget_before(hub.now() - 30 * DAY_MS)
        notices.forget_before(hub.now() - 30 * DAY_MS)
        sign_ins.forget_before(hub.now())


def rooms_of(hub: Hub) -> Rooms:
    """What a worker needs of this hub."""
    return Rooms(
        clock=hub.clock,
        database=hub.database,
        queue=hub.queue,
        dispatcher=hub.dispatcher,
        access=hub.access,
        budget=hub.budget,
        instance_id=hub.instance_id,
    )


def _pace(settings: Settings) -> Pace:
    return Pace(
        slice_seconds=settings.slice_seconds,
        lease_seconds=settings.lease_seconds,
        width=min(32, settings.push_threads),
    )


@contextmanager
def stopped(settings: Settings, database: Database, now: int) -> Iterator[None]:
    """Hold the store as an engine does, so that none works it in this block.

    Raises Conflict (`store_busy`) where one does, in this process, another, or on a cluster.
    """
    try:
        held = hold(_lock_file(settings, database))
    except EngineRunning as error:
        raise Conflict("store_busy", f"Stop the hub first: {error}.") from None
    with held:
        with database.read():
            workers = processes.alive(now)
        if workers:
            said = f"Stop the hub first: {workers} of its workers were alive ten seconds ago."
            raise Conflict("store_busy", said)
        yield


def _lock_file(settings: Settings, database: Database) -> Path:
    """The file whose lock says that an engine works the store."""
    if database.path is not None:
        return database.path.with_suffix(".engine.lock")
    return settings.data_dir / "engine.lock"
