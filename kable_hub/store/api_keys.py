"""API keys: found by their prefix, proved by a digest; secrets are never kept."""

from dataclasses import dataclass, field
from typing import Any

from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.store.paging import page
from kable_hub.store.scope import Page, Scope


@dataclass(frozen=True)
class ApiKeyRow:
    """A key. `scope` is None for an operator key; moments are epoch milliseconds."""

    id: str
    scope: Scope | None
    label: str
    prefix: str
    digest: str = field(repr=False)
    created_at: int
    used_at: int | None = None
    revoked_at: int | None = None


def add(key: ApiKeyRow) -> None:
    """Write a new key."""
    t.ApiKey.create(
        id=key.id,
        account_id=key.scope.account_id if key.scope else None,
        environment=key.scope.environment.value if key.scope else None,
        label=key.label,
        prefix=key.prefix,
        digest=key.digest,
        created_at=key.created_at,
    )


def by_prefix(prefix: str) -> ApiKeyRow | None:
    """The key with this prefix, revoked ones included, or None."""
    row = t.ApiKey.get_or_none(t.ApiKey.prefix == prefix)
    return _row(row) if row is not None else None


def get(account_id: str | None, key_id: str) -> ApiKeyRow | None:
    """A key of an account, or an operator's where None; None: no such key."""
    row = t.ApiKey.get_or_none((t.ApiKey.id == key_id) & _of(account_id))
    return _row(row) if row is not None else None


def listed(
    account_id: str | None, cursor: str, limit: int, environment: Environment | None = None
) -> Page[ApiKeyRow]:
    """A page of an account's keys, of one environment or of both; of the operator's where None."""
    mine = _of(account_id)
    if environment is not None:
        mine &= t.ApiKey.environment == environment.value
    return page(t.ApiKey.select().where(mine), t.ApiKey.id, cursor, limit, _row)


def revoke(account_id: str | None, key_id: str, now: int) -> ApiKeyRow | None:
    """Revoke a key for good; the moment of the first revocation stays. None: no such key."""
    mine = (t.ApiKey.id == key_id) & _of(account_id)
    t.ApiKey.update(revoked_at=now).where(mine & t.ApiKey.revoked_at.is_null()).execute()
    return get(account_id, key_id)


def touch(key_id: str, now: int) -> None:
    """Note that the key was used."""
    t.ApiKey.update(used_at=now).where(t.ApiKey.id == key_id).execute()


def _of(account_id: str | None) -> Any:
    if account_id is None:
        return t.ApiKey.account_id.is_null()
    return t.ApiKey.account_id == account_id


def _row(row: t.ApiKey) -> ApiKeyRow:
    scope = None
    if row.account_id and row.environment:
        scope = Scope(row.account_id, Environment(row.environment))
    return ApiKeyRow(
        id=row.id,
        scope=scope,
        label=row.label,
        prefix=row.prefix,
        digest=row.digest,
        created_at=row.created_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
