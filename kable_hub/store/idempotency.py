"""Idempotency keys of callers: who has claimed one, and the answer that was given.

A row without an answer (status 0) is a claim; `claimed_at` is its fencing token. All functions
join the caller's transaction. Moments are epoch milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import peewee as pw

from kable_hub.store import tables as t


@dataclass(frozen=True)
class Kept:
    """What stands under a key: an answer, or a claim whose request still runs (`status` 0)."""

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: str
    claimed_at: int

    @property
    def running(self) -> bool:
        """Whether there is no answer yet."""
        return self.status == 0


@dataclass(frozen=True)
class Claim:
    """The right to answer under a key."""

    scope: str
    key: str
    claimed_at: int


def claim(scope: str, key: str, fingerprint: str, now: int) -> Claim | Kept:
    """Claim a key, or learn what stands there.

    On PostgreSQL it waits for a transaction that claimed the key and has not ended.
    """
    while True:
        if _insert(scope, key, fingerprint, now):
            return Claim(scope, key, now)
        row = t.IdempotentAnswer.get_or_none(_is(scope, key))
        # None: given back between the two statements.
        if row is not None:
            return Kept(row.fingerprint, row.status, row.headers, row.body, row.created_at)


def _insert(scope: str, key: str, fingerprint: str, now: int) -> int:
    return int(
        t.IdempotentAnswer.insert(
            scope=scope, key=key, fingerprint=fingerprint, status=0, body="", created_at=now
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )


def take_over(scope: str, key: str, abandoned: Kept, now: int) -> Claim | None:
    """Claim a key whose request died; None where somebody else was faster."""
    claimed_at = max(now, abandoned.claimed_at + 1)
    taken = (
        t.IdempotentAnswer.update(created_at=claimed_at)
        .where(_held(Claim(scope, key, abandoned.claimed_at)))
        .execute()
    )
    return Claim(scope, key, claimed_at) if taken else None


def keep(claim: Claim, status: int, headers: Mapping[str, str], body: str) -> bool:
    """Keep the answer; False where the claim was taken over."""
    return bool(
        t.IdempotentAnswer.update(status=status, headers=dict(headers), body=body)
        .where(_held(claim))
        .execute()
    )


def release(claim: Claim) -> None:
    """Give the key back: nothing was done under it."""
    t.IdempotentAnswer.delete().where(_held(claim)).execute()


def forget(before: int) -> int:
    """Delete what was claimed before this moment; answers how many."""
    return int(t.IdempotentAnswer.delete().where(t.IdempotentAnswer.created_at < before).execute())


def _is(scope: str, key: str) -> pw.Expression:
    return (t.IdempotentAnswer.scope == scope) & (t.IdempotentAnswer.key == key)


def _held(claim: Claim) -> pw.Expression:
    mine = t.IdempotentAnswer.created_at == claim.claimed_at
    return _is(claim.scope, claim.key) & mine & (t.IdempotentAnswer.status == 0)
