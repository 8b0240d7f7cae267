"""Connections with something due, each offered to one worker of many."""

from kable_hub.store.database import Database

OFFERED_MS = 5000
"""A connection that was offered and not taken within this time is offered again."""

_OFFER = """
    UPDATE connection SET wake_sent_at = ? WHERE id IN (
        SELECT id FROM connection
        WHERE next_due_at <= ? AND lease_until < ? AND provider = ?
        AND (wake_sent_at IS NULL OR wake_sent_at < ?) ORDER BY next_due_at LIMIT ? {lock})
    RETURNING id
"""
_OFFER_ONE = """
    UPDATE connection SET wake_sent_at = ?
    WHERE id = ? AND next_due_at <= ? AND lease_until < ?
        AND (wake_sent_at IS NULL OR wake_sent_at < ?)
    RETURNING provider
"""
_WITHDRAW = "UPDATE connection SET wake_sent_at = NULL WHERE id = ?"
_WORK = """
    SELECT COUNT(*) FROM (
        SELECT 1 FROM connection WHERE next_due_at <= ? AND provider = ? LIMIT ?) AS due
"""


class Offers:
    """What is due in one database, for whoever hands it out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED"

    def due(self, now: int, limit: int, provider: str) -> list[str]:
        """Connections to a provider that have something due and that nobody works, oldest first;
        none of them is offered to another asker for a while."""
        text = _OFFER.format(lock=self._lock)
        with self._database.write(durable=False):
            values = (now, now, now, provider, now - OFFERED_MS, limit)
            rows = self._database.sql(text, *values).fetchall()
        return [str(row[0]) for row in rows]

    def one(self, connection_id: str, now: int) -> str | None:
        """The provider of a connection that has something due, that nobody works and that was
        offered to nobody of late; else None."""
        with self._database.write(durable=False):
            values = (now, connection_id, now, now, now - OFFERED_MS)
            row = self._database.sql(_OFFER_ONE, *values).fetchone()
        return None if row is None else str(row[0])

    def withdraw(self, connection_id: str) -> None:
        """Who was offered a connection does not take it: it is offered again at once."""
        with self._database.write(durable=False):
            self._database.sql(_WITHDRAW, connection_id)

    def work(self, now: int, limit: int, provider: str) -> int:
        """How many connections to a provider are worked now or wait for it, counted to `limit`."""
        with self._database.read():
            return int(self._database.sql(_WORK, now, provider, limit).fetchone()[0])
