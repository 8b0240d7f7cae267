"""Accounts: the tenants themselves, so the one repository without a scope."""

from collections.abc import Sequence
from dataclasses import dataclass

from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.paging import page
from kable_hub.store.scope import Page


@dataclass(frozen=True)
class AccountRow:
    """A tenant. `plan` is `free` or `paid`; `created_at` is epoch milliseconds.

    `return_hosts` are the only hosts its people are led back to; empty means any.
    """

    id: str
    name: str
    plan: str
    created_at: int
    return_hosts: tuple[str, ...] = ()


def add(name: str, plan: str, now: int) -> AccountRow:
    """Write a new account."""
    row = t.Account.create(id=new_id("acc"), name=name, plan=plan, created_at=now)
    return _row(row)


def get(account_id: str) -> AccountRow | None:
    """The account, or None."""
    row = t.Account.get_or_none(t.Account.id == account_id)
    return _row(row) if row is not None else None


def listed(cursor: str, limit: int) -> Page[AccountRow]:
    """A page of all accounts, newest first."""
    return page(t.Account.select(), t.Account.id, cursor, limit, _row)


def set_plan(account_id: str, plan: str) -> bool:
    """Change the plan; False where there is no such account."""
    changed = t.Account.update(plan=plan).where(t.Account.id == account_id).execute()
    return bool(changed)


def rename(account_id: str, name: str) -> bool:
    """Change what people call it; False where there is no such account."""
    changed = t.Account.update(name=name).where(t.Account.id == account_id).execute()
    return bool(changed)


def set_return_hosts(account_id: str, hosts: Sequence[str]) -> bool:
    """Change the hosts people may be led back to; False where there is no such account."""
    changed = t.Account.update(return_hosts=list(hosts)).where(t.Account.id == account_id).execute()
    return bool(changed)


def _row(row: t.Account) -> AccountRow:
    return AccountRow(row.id, row.name, row.plan, row.created_at, tuple(row.return_hosts))
