"""Connect dialogues under way. Ticket, state and browser are known by their digests only."""

from dataclasses import dataclass, field
from typing import Any

from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within


@dataclass(frozen=True)
class AttemptRow:
    """A dialogue. `carry` is sealed by the vault; moments are epoch milliseconds."""

    id: str
    scope: Scope
    provider: str
    method: str
    ticket_digest: str = field(repr=False)
    state_digest: str | None = field(repr=False)
    browser_digest: str = field(repr=False)
    carry: str = field(repr=False)
    return_to: str
    created_at: int
    expires_at: int
    opened_at: int | None = None
    used_at: int | None = None


def add(new: AttemptRow) -> None:
    """Write a new dialogue."""
    values = {name: value for name, value in vars(new).items() if name != "scope"}
    t.ConnectAttempt.create(**values, **owner(new.scope))


def by_ticket(digest: str) -> AttemptRow | None:
    """The dialogue of this ticket; the ticket is the only thing a browser brings, so unscoped."""
    row = t.ConnectAttempt.get_or_none(t.ConnectAttempt.ticket_digest == digest)
    return _row(row) if row is not None else None


def by_state(digest: str) -> AttemptRow | None:
    """The dialogue of this state, unscoped for the same reason."""
    row = t.ConnectAttempt.get_or_none(t.ConnectAttempt.state_digest == digest)
    return _row(row) if row is not None else None


def open_once(attempt: AttemptRow, browser_digest: str, now: int) -> bool:
    """Bind the dialogue to a browser; False where it was opened before."""
    values = {"opened_at": now, "browser_digest": browser_digest}
    unopened = t.ConnectAttempt.opened_at.is_null()
    return bool(t.ConnectAttempt.update(values).where(_one(attempt), unopened).execute())


def use_once(attempt: AttemptRow, now: int) -> bool:
    """Use the dialogue's state up; False where somebody did already."""
    unused = t.ConnectAttempt.used_at.is_null()
    statement = t.ConnectAttempt.update(used_at=now).where(_one(attempt), unused)
    return bool(statement.execute())


def go_on(attempt: AttemptRow, state_digest: str | None, carry: str) -> None:
    """Begin the next round of the dialogue in the same browser."""
    values = {"state_digest": state_digest, "carry": carry, "used_at": None}
    t.ConnectAttempt.update(values).where(_one(attempt)).execute()


def note_outcome(attempt: AttemptRow, outcome: str, message: str) -> None:
    """Keep how the dialogue ended, and forget what it carried."""
    values = {"outcome": outcome, "message": message, "carry": ""}
    t.ConnectAttempt.update(values).where(_one(attempt)).execute()


def last_outcome(scope: Scope, provider: str) -> tuple[str, str] | None:
    """Outcome and message of the last dialogue with a provider that ended, or None."""
    ended = (t.ConnectAttempt.provider == provider) & (t.ConnectAttempt.outcome != "")
    query = t.ConnectAttempt.select().where(within(t.ConnectAttempt, scope), ended)
    row = query.order_by(t.ConnectAttempt.used_at.desc(), t.ConnectAttempt.id.desc()).first()
    return (row.outcome, row.message) if row is not None else None


def begun_by_nobody(provider: str, environment: Environment, now: int) -> int:
    """How many dialogues that no account began are under way; the expired ones are deleted."""
    nobodys = within(t.ConnectAttempt, Scope("", environment))
    mine = nobodys & (t.ConnectAttempt.provider == provider)
    t.ConnectAttempt.delete().where(mine, t.ConnectAttempt.expires_at <= now).execute()
    return int(t.ConnectAttempt.select().where(mine).count())


def forget_before(moment: int) -> int:
    """Delete dialogues that expired before `moment`, over all accounts; answers how many."""
    expired = t.ConnectAttempt.expires_at < moment
    return int(t.ConnectAttempt.delete().where(expired).execute())


def _one(attempt: AttemptRow) -> Any:
    return within(t.ConnectAttempt, attempt.scope) & (t.ConnectAttempt.id == attempt.id)


def _row(row: t.ConnectAttempt) -> AttemptRow:
    return AttemptRow(
        id=row.id,
        scope=Scope(row.account_id, Environment(row.environment)),
        provider=row.provider,
        method=row.method,
        ticket_digest=row.ticket_digest,
        state_digest=row.state_digest,
        browser_digest=row.browser_digest,
        carry=row.carry,
        return_to=row.return_to,
        created_at=row.created_at,
        expires_at=row.expires_at,
        opened_at=row.opened_at,
        used_at=row.used_at,
    )
