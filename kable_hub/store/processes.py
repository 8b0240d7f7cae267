"""The processes that drain one store: who of them is alive."""

from kable_hub.store import tables as t

STALE_MS = 10_000
"""A process that was not seen for so long does not count."""


def see(process_id: str, now: int) -> int:
    """Put down that this process is alive; answers how many are, this one included."""
    row = t.WorkerProcess
    row.delete().where(row.seen_at < now - STALE_MS).execute()
    known = row.update(seen_at=now).where(row.id == process_id).execute()
    if not known:
        row.create(id=process_id, started_at=now, seen_at=now)
    return int(row.select().count())


def alive(now: int) -> int:
    """How many processes drain this store; none where it is older than that is written down."""
    row = t.WorkerProcess
    if not row.table_exists():
        return 0
    return int(row.select().where(row.seen_at >= now - STALE_MS).count())


def leave(process_id: str) -> None:
    """This process ends."""
    t.WorkerProcess.delete().where(t.WorkerProcess.id == process_id).execute()
