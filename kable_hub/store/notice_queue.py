"""What the sender of webhooks does to the store: lease an endpoint, read what is due, settle.

One endpoint is the unit: whoever holds its lease sends its messages one after the other, so
that none is sent by two processes and a slow one holds up no other. Fixed SQL, one text for
SQLite and PostgreSQL; every function opens its own short transaction.
"""

from dataclasses import dataclass, field

from kable_hub.store.database import Database
from kable_hub.store.ids import new_id

_DUE = """
    SELECT e.id FROM webhook_endpoint e
    WHERE e.enabled AND e.lease_until < ? AND e.paused_until <= ? AND EXISTS (
        SELECT 1 FROM outgoing_message m WHERE m.endpoint_id = e.id AND m.due_at <= ?)
    ORDER BY e.lease_until LIMIT ?
"""
_ACQUIRE = """
    UPDATE webhook_endpoint SET lease_until = ?, lease_token = lease_token + 1
    WHERE id = ? AND enabled AND lease_until < ? AND paused_until <= ?
    RETURNING id, lease_token, account_id, environment, url, secret, old_secret,
        old_secret_until, failures, failing_since
"""
_RENEW = """
    UPDATE webhook_endpoint SET lease_until = ?
    WHERE id = ? AND lease_token = ? AND enabled AND lease_until > 0
"""
_NEXT = """
    SELECT m.id, m.event_id, m.tries, v.body FROM outgoing_message m
    JOIN outgoing_event v ON v.id = m.event_id
    WHERE m.endpoint_id = ? AND m.due_at <= ? ORDER BY m.due_at, m.id LIMIT 1
"""
_SETTLE = """
    UPDATE outgoing_message SET state = ?, due_at = ?, tries = tries + 1, finished_at = ?
    WHERE id = ?
"""
_TRIED = """
    INSERT INTO outgoing_attempt
        (id, account_id, environment, message_id, status, error, started_at, duration_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_STANDS = """
    UPDATE webhook_endpoint SET failures = ?, failing_since = ?, paused_until = ?,
        enabled = enabled AND ?, disabled_reason = CASE WHEN enabled THEN ? ELSE disabled_reason END
    WHERE id = ? AND lease_token = ?
"""
_RELEASE = "UPDATE webhook_endpoint SET lease_until = ? WHERE id = ? AND lease_token = ?"


@dataclass(frozen=True)
class Held:
    """An endpoint in the hands of this sender, as it stood when it was leased; secrets sealed."""

    id: str
    token: int
    account_id: str
    environment: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    old_secret: str = field(repr=False)
    old_secret_until: int | None
    failures: int
    failing_since: int | None


@dataclass(frozen=True)
class Waiting:
    """A message that is due, with the exact text that is sent."""

    id: str
    event_id: str
    tries: int
    body: str = field(repr=False)


@dataclass(frozen=True)
class Tried:
    """How a try went, and how message and endpoint stand after it; moments epoch milliseconds.

    `state` is delivered, waiting (until `due_at`) or failed; `disabled` says why the endpoint
    is told nothing more, empty where it goes on.
    """

    status: int | None
    error: str
    started_at: int
    duration_ms: int
    state: str
    due_at: int | None = None
    failures: int = 0
    failing_since: int | None = None
    paused_until: int = 0
    disabled: str = ""


class NoticeQueue:
    """The sender's side of outgoing webhooks in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due_endpoints(self, now: int, limit: int) -> list[str]:
        """Endpoints with something due that nobody holds, the one served longest ago first."""
        with self._database.read():
            rows = self._database.sql(_DUE, now, now, now, limit).fetchall()
        return [str(row[0]) for row in rows]

    def acquire(self, endpoint_id: str, now: int, ttl_ms: int) -> Held | None:
        """Take the lease of an endpoint; None where somebody holds it or it is not to be told."""
        with self._database.write(durable=False):
            values = (now + ttl_ms, endpoint_id, now, now)
            row = self._database.sql(_ACQUIRE, *values).fetchone()
        return None if row is None else Held(*row)

    def renew(self, held: Held, now: int, ttl_ms: int) -> bool:
        """Keep the lease; False where it is lost or the endpoint was disabled or removed."""
        with self._database.write(durable=False):
            cursor = self._database.sql(_RENEW, now + ttl_ms, held.id, held.token)
            return int(cursor.rowcount) == 1

    def next_due(self, held: Held, now: int) -> Waiting | None:
        """The message that waited longest, or None."""
        with self._database.read():
            row = self._database.sql(_NEXT, held.id, now).fetchone()
        return None if row is None else Waiting(*row)

    def settle(self, held: Held, message: Waiting, tried: Tried, now: int) -> None:
        """Write how a try went, with how message and endpoint stand after it."""
        run = self._database.sql
        finished = None if tried.state == "waiting" else now
        with self._database.write(durable=False):
            gone = run(_SETTLE, tried.state, tried.due_at, finished, message.id).rowcount == 0
            if gone:
                return  # the endpoint was removed meanwhile
            values = (tried.status, tried.error, tried.started_at, tried.duration_ms)
            run(_TRIED, new_id("att"), held.account_id, held.environment, message.id, *values)
            stands = (tried.failures, tried.failing_since, tried.paused_until)
            run(_STANDS, *stands, not tried.disabled, tried.disabled, held.id, held.token)

    def release(self, held: Held, now: int) -> None:
        """Give the lease back, to the end of the line."""
        with self._database.write(durable=False):
            self._database.sql(_RELEASE, now - 1, held.id, held.token)

    def void_leases(self) -> None:
        """Let go of every lease: for the one process that alone works this store, at its start."""
        with self._database.write(durable=False):
            self._database.sql("UPDATE webhook_endpoint SET lease_until = 0 WHERE lease_until > 0")
