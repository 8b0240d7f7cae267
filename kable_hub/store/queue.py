"""What a drain does to the outbox: lease, claim, mark, save, settle, release. Fixed SQL, one
text for SQLite and PostgreSQL, every write fenced by the lease's token.

A token that is no longer the connection's newest matches no row: a stale worker changes
nothing. The functions open their own short transactions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kable_hub import canonical
from kable_hub.store import notices
from kable_hub.store import statements as sql
from kable_hub.store.database import Database
from kable_hub.store.ids import new_id


@dataclass(frozen=True)
class Claimed:
    """A delivery in the hands of this worker, until it is settled or the lease is lost."""

    id: str
    account_id: str
    environment: str
    kind: str
    subject_id: str
    customer_id: str
    due_at: int
    attempts: int
    failures: int
    generation: int
    frozen: bool
    plan_version: int
    may_exist: bool
    uncertain_since: int | None
    created_at: int
    was_held: bool = False


@dataclass(frozen=True)
class AttemptRow:
    """One try, for the timeline. `calls` is a list of maps, moments are epoch ms."""

    generation: int
    step: str
    outcome: str
    started_at: int
    duration_ms: int
    code: str = ""
    message: str = ""
    provider_code: str = ""
    http_status: int | None = None
    request_id: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Settlement:
    """How a claimed delivery ends: its next state and everything that is written with it.

    `frozen` False outdates the plan; True leaves it as it is. `pause_reason` pauses the whole
    connection with the error's message, unless its access (`access`, the version of the
    credentials that were used) was renewed meanwhile. `marked` False: the worker never put on
    record that something may exist, and the end holds only if nobody did.
    """

    delivery: Claimed
    state: str
    due_at: int
    failures: int = 0
    may_exist: bool = False
    frozen: bool = True
    uncertain_since: int | None = None
    error_code: str = ""
    error_message: str = ""
    error_details: list[dict[str, Any]] = field(default_factory=list)
    blocked_on: str = ""
    blocked_scope: str = ""
    receipt: dict[str, Any] | None = None
    external_id: str = ""
    variance: int = 0
    payment_status: str = ""
    payment_as_of: int | None = None
    payment_details: dict[str, Any] = field(default_factory=dict)
    delivered_at: int | None = None
    unsettled_at: int | None = None
    key_spent: bool = False
    attempts: tuple[AttemptRow, ...] = ()
    pause_reason: str = ""
    access: int = 0
    marked: bool = True

    @property
    def newly_uncertain(self) -> bool:
        """Whether it was known until now what became of the delivery."""
        return self.state == "uncertain" and self.delivery.uncertain_since is None

    @property
    def is_verdict(self) -> bool:
        """Whether it stops the delivery for a cause that may be gone by now."""
        return self.state in ("blocked", "rejected")

    def overtaken(self, now: int) -> "Settlement":
        """To be worked again at once: the cause was removed while the worker stood before it."""
        state = "uncertain" if self.may_exist else "due"
        since = (self.delivery.uncertain_since or now) if self.may_exist else None
        return replace(
            self,
            state=state,
            due_at=now,
            uncertain_since=since,
            blocked_on="",
            blocked_scope="",
        )

    def due(self, moment: int) -> "Settlement":
        """The same, to be worked again at another moment."""
        return replace(self, due_at=moment)


@dataclass(frozen=True)
class Mark:
    """What may exist from now on: a delivery, with its generation where it is a push.

    `plan` is the generation's row where it is not stored yet: frozen and marked in one commit.
    """

    delivery: Claimed
    generation: int | None = None
    plan: dict[str, Any] | None = None


class _Outdated(Exception):
    """Undoes a transaction of marks."""


class Queue:
    """The drain's side of the outbox of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED"

    def due_connections(self, now: int, limit: int, provider: str) -> list[str]:
        """Leasable connections to a provider with something due, oldest first."""
        with self._database.read():
            rows = self._database.sql(sql.DUE_CONNECTIONS, now, now, provider, limit).fetchall()
        return [str(row[0]) for row in rows]

    def acquire(self, connection_id: str, now: int, ttl_ms: int) -> int | None:
        """Take the lease; answers its fencing token, None where somebody holds it.

        What an earlier holder left in flight becomes `uncertain` where it may exist, else due.
        """
        run = self._database.sql
        with self._database.write(durable=False):
            row = run(sql.ACQUIRE, now + ttl_ms, connection_id, now).fetchone()
            if row is None:
                return None
            token = int(row[0])
            run(sql.RECOVER_GENERATIONS, now, connection_id, token)
            left = run(sql.RECOVER, now, now, now, connection_id, token)
            notices.tell_interrupted(left.fetchall(), now)
        return token

    def renew(self, connection_id: str, token: int, now: int, ttl_ms: int) -> bool:
        """Keep the lease; False where it is lost, and then nothing more may be sent."""
        with self._database.write(durable=False):
            cursor = self._database.sql(sql.RENEW, now + ttl_ms, connection_id, token, now)
            return int(cursor.rowcount) == 1

    def claim(
        self,
        connection_id: str,
        token: int,
        now: int,
        limit: int,
        *,
        after: tuple[int, str] = (0, ""),
        states: str = sql.CLAIMABLE,
    ) -> list[Claimed]:
        """Take up to `limit` due deliveries, oldest first, each at most once a slice (`after`)."""
        text = sql.CLAIM.format(states=states, lock=self._lock)
        with self._database.write(durable=False):
            values = (token, connection_id, now, *after, connection_id, token, limit)
            cursor = self._database.sql(text, *values)
            rows = [_claimed(row) for row in cursor.fetchall()]
        return sorted(rows, key=lambda row: (row.due_at, row.id))

    def give_back(self, deliveries: Sequence[Claimed], token: int) -> None:
        """Return what was claimed and not begun, as if it had never been claimed."""
        with self._database.write(durable=False):
            for one in deliveries:
                self._database.sql(sql.GIVE_BACK, one.id, token)

    def release(
        self, connection_id: str, token: int, now: int, *, states: str, not_before: int = 0
    ) -> None:
        """Give the lease back, to the end of the line; what came due meanwhile is not lost."""
        with self._database.write(durable=False):
            due = self._next_due(connection_id, states)
            back = None if due is None else max(now, due, not_before)
            self._database.sql(sql.RELEASE, back, connection_id, token)
        with self._database.read():
            due = self._next_due(connection_id, states)
        if due is not None and (back is None or max(due, not_before) < back):
            self.wake(connection_id, max(now, due, not_before))

    def wake(self, connection_id: str, at: int) -> None:
        """Something is due there at `at`. In a transaction of its own, after the commit."""
        with self._database.write(durable=False):
            self._database.sql(sql.WAKE, at, connection_id, at)

    def void_leases(self) -> None:
        """Let go of every lease: for the one process that alone works this store, at its start."""
        with self._database.write(durable=False):
            self._database.sql("UPDATE connection SET lease_until = 0 WHERE lease_until > 0")

    def reconcile(self, now: int) -> int:
        """Wake what a crash between commit and wake left; answers how many connections."""
        with self._database.write(durable=False):
            return int(self._database.sql(sql.RECONCILE, now, now, now, now).rowcount)

    def freeze(self, delivery: Claimed, token: int, generation: dict[str, Any]) -> bool:
        """Commit a new generation before its first send; False where the plan is outdated."""
        return bool(self.freeze_many([(delivery, generation)], token))

    def freeze_many(self, plans: Sequence[tuple[Claimed, dict[str, Any]]], token: int) -> set[str]:
        """Commit several new generations; answers the deliveries whose plan still held."""
        kept: set[str] = set()
        with self._database.write(durable=False):
            for delivery, generation in plans:
                values = (generation["number"], delivery.id, token, delivery.plan_version)
                if self._database.sql(sql.FREEZE, *values).rowcount == 1:
                    self._insert_generation(generation)
                    kept.add(delivery.id)
        return kept

    def store_batch(self, members: Sequence[tuple[str, int]], key: str) -> None:
        """Put members (delivery, generation) and their order on record before the batch goes."""
        with self._database.write(durable=False):
            for position, (delivery_id, number) in enumerate(members):
                self._database.sql(sql.BATCH, key, position, delivery_id, number)

    def batch_members(self, key: str) -> int:
        """How many members a batch was stored with."""
        with self._database.read():
            row = self._database.sql(sql.BATCH_SIZE, key).fetchone()
        return int(row[0])

    def mark_may_exist(self, marks: Sequence[Mark], token: int, now: int) -> bool:
        """Put on record, before the first writing call, that documents may exist from now on.

        False, and nothing marked or frozen, where the lease is lost or a plan outdated. Counts
        the sends.
        """
        try:
            # Durable: a power cut must not make the hub forget that it began to send.
            with self._database.write():
                for mark in marks:
                    self._mark(mark, token, now)
        except _Outdated:
            return False
        return True

    def _mark(self, mark: Mark, token: int, now: int) -> None:
        delivery, run = mark.delivery, self._database.sql
        if mark.plan is not None:
            values = (mark.generation, delivery.id, token, delivery.plan_version)
            marked = run(sql.FREEZE_MARKED, *values)
            if marked.rowcount == 1:
                sent = {"sends": 1, "first_sent_at": now, "unsettled_at": now}
                self._insert_generation({**mark.plan, **sent})
        elif mark.generation is None:
            marked = run(sql.MARK_OPERATION, delivery.id, token)
        else:
            marked = run(sql.MARK, delivery.id, token, mark.generation)
            run(sql.MARK_GENERATION, now, now, delivery.id, mark.generation)
        if marked.rowcount != 1:
            raise _Outdated

    def _insert_generation(self, generation: dict[str, Any]) -> None:
        names, marks = ", ".join(generation), ", ".join("?" * len(generation))
        text = f"INSERT INTO generation ({names}) VALUES ({marks})"  # noqa: S608 - own names
        self._database.sql(text, *generation.values())

    def leased(self, connection_id: str, token: int) -> bool:
        """Whether this token is still the connection's newest."""
        with self._database.read():
            row = self._database.sql(sql.LEASED, connection_id, token).fetchone()
        return row is not None

    def save_progress(
        self, delivery_id: str, token: int, generation: int, progress: dict[str, Any]
    ) -> bool:
        """Commit what a plugin wants to know after a crash; False where the lease is lost."""
        text = "UPDATE generation SET progress = ? WHERE delivery_id = ? AND number = ?"
        with self._database.write(durable=False):
            if not self._holds(delivery_id, token):
                return False
            self._database.sql(text, canonical.dumps(progress), delivery_id, generation)
        return True

    def settle(
        self,
        settlements: Sequence[Settlement],
        token: int,
        now: int,
        also: Callable[[Settlement], None] = lambda _settlement: None,
    ) -> list[str]:
        """Write ends and attempts in one transaction; answers the ids that were lost.

        A block or a refusal whose cause was removed meanwhile becomes due instead. `also` runs
        in the same transaction for each end that was written.
        """
        lost = []
        with self._database.write(durable=False):
            for settlement in settlements:
                if self._settle(settlement, token, now):
                    also(settlement)
                else:
                    lost.append(settlement.delivery.id)
        return lost

    def _settle(self, end: Settlement, token: int, now: int) -> bool:
        delivery = end.delivery
        written = self._end(end, token, now)
        if not written and not (end.is_verdict and self._end(end.overtaken(now), token, now)):
            return False
        if end.may_exist:
            values = (end.unsettled_at, end.key_spent, delivery.id, delivery.id)
            self._database.sql(sql.UNSETTLED, *values)
        for attempt in end.attempts:
            self._database.sql(sql.ATTEMPT, *_attempt_values(delivery, attempt))
        return True

    def _end(self, end: Settlement, token: int, now: int) -> bool:
        delivery, holds = end.delivery, not end.is_verdict
        values = (*_settle_values(end, now), delivery.id, token)
        values += (end.marked, holds, delivery.plan_version)
        return bool(self._database.sql(sql.SETTLE, *values).rowcount == 1)

    def _holds(self, delivery_id: str, token: int) -> bool:
        return self._database.sql(sql.HOLDS, delivery_id, token, token).fetchone() is not None

    def _next_due(self, connection_id: str, states: str) -> int | None:
        row = self._database.sql(sql.NEXT_DUE.format(states=states), connection_id).fetchone()
        return None if row is None or row[0] is None else int(row[0])


def _claimed(row: Sequence[Any]) -> Claimed:
    values = list(row)
    for place in (10, 12, 15):
        values[place] = bool(values[place])
    return Claimed(*values)


def _settle_values(end: Settlement, now: int) -> tuple[Any, ...]:
    return (
        end.state,
        end.due_at,
        end.failures,
        end.may_exist,
        end.frozen,
        end.uncertain_since,
        end.error_code,
        end.error_message,
        canonical.dumps(end.error_details),
        end.blocked_on,
        end.blocked_scope,
        None if end.receipt is None else canonical.dumps(end.receipt),
        end.external_id,
        end.variance,
        end.payment_status,
        end.payment_as_of,
        canonical.dumps(end.payment_details),
        end.delivered_at,
        now,
    )


def _attempt_values(delivery: Claimed, attempt: AttemptRow) -> tuple[Any, ...]:
    return (
        new_id("att"),
        delivery.account_id,
        delivery.environment,
        delivery.id,
        attempt.generation,
        attempt.step,
        attempt.outcome,
        attempt.code,
        attempt.message,
        attempt.provider_code,
        attempt.http_status,
        attempt.request_id,
        canonical.dumps(attempt.calls),
        attempt.started_at,
        attempt.duration_ms,
    )
