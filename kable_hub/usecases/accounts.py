"""Accounts, their plan and their API keys. For operators, but `authenticate`."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

from kable_hub.domain import Environment
from kable_hub.store import accounts, api_keys
from kable_hub.store.accounts import AccountRow
from kable_hub.store.api_keys import ApiKeyRow
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases import plans
from kable_hub.usecases.addresses import check_hosts
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import NotFound, Unauthorized
from kable_hub.usecases.hub import Hub

PLANS = ("free", "paid")
_PRESENTED = re.compile(r"hub_(live|test|op)_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_USED_EVERY = 60_000


@dataclass(frozen=True)
class NewKey:
    """A fresh key and its `secret`, the whole key as it is presented: shown this once."""

    key: ApiKeyRow
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Caller:
    """Who presented a valid key. `scope` is None for an operator."""

    key_id: str
    scope: Scope | None
    is_operator: bool


def create_account(hub: Hub, name: str, plan: str = "free") -> AccountRow:
    """Make an account. Raises Invalid."""
    checks = Checks()
    checks.text("name", name, least=1, most=200)
    checks.one_of("plan", plan, PLANS)
    checks.done()
    with hub.database.write():
        return accounts.add(name, plan, hub.now())


def list_accounts(hub: Hub, cursor: str = "", limit: int = 50) -> Page[AccountRow]:
    """All accounts, newest first."""
    with hub.database.read():
        return accounts.listed(cursor, limit)


def get_account(hub: Hub, account_id: str) -> AccountRow:
    """One account. Raises NotFound."""
    with hub.database.read():
        row = accounts.get(account_id)
    if row is None:
        raise NotFound("account", account_id)
    return row


def set_plan(hub: Hub, account_id: str, plan: str) -> AccountRow:
    """Change the plan. `free` pauses all connections of the account, `paid` lets them go on.

    Raises Invalid, NotFound.
    """
    checks = Checks()
    checks.one_of("plan", plan, PLANS)
    checks.done()
    plans.change(hub, account_id, plan)
    return get_account(hub, account_id)


def change_account(
    hub: Hub,
    account_id: str,
    plan: str | None = None,
    return_hosts: Sequence[str] | None = None,
    name: str | None = None,
) -> AccountRow:
    """Change an account; None leaves a value as it is.

    `return_hosts` are the only hosts to which browsers of the account's people and customers
    are led back: `shop.example`, `shop.example:8443` or, for its subdomains, `*.shop.example`;
    an empty list means any. Raises Invalid, NotFound.
    """
    checks = Checks()
    if plan is not None:
        checks.one_of("plan", plan, PLANS)
    if name is not None:
        checks.text("name", name, least=1, most=200)
    hosts = check_hosts(checks, "returnHosts", return_hosts or ())
    checks.done()
    with hub.database.write():
        if plan is not None:
            plans.change(hub, account_id, plan)
        if return_hosts is not None and not accounts.set_return_hosts(account_id, hosts):
            raise NotFound("account", account_id)
        if name is not None and not accounts.rename(account_id, name):
            raise NotFound("account", account_id)
        return get_account(hub, account_id)


def create_api_key(hub: Hub, account_id: str, environment: Environment, label: str = "") -> NewKey:
    """Make a key bound to the account and environment. Raises NotFound, Invalid."""
    get_account(hub, account_id)
    return _new_key(hub, Scope(account_id, environment), label)


def create_operator_key(hub: Hub, label: str = "") -> NewKey:
    """Make a key that manages accounts. Raises Invalid."""
    return _new_key(hub, None, label)


def list_api_keys(
    hub: Hub,
    account_id: str | None,
    cursor: str = "",
    limit: int = 50,
    environment: Environment | None = None,
) -> Page[ApiKeyRow]:
    """Keys of an account, of one environment or both; the operator keys where None. NotFound."""
    if account_id is not None:
        get_account(hub, account_id)
    with hub.database.read():
        return api_keys.listed(account_id, cursor, limit, environment)


def get_api_key(hub: Hub, account_id: str | None, key_id: str) -> ApiKeyRow:
    """A key of an account, or an operator key where None. Raises NotFound."""
    with hub.database.read():
        row = api_keys.get(account_id, key_id)
    if row is None:
        raise NotFound("API key", key_id)
    return row


def revoke_api_key(hub: Hub, account_id: str | None, key_id: str) -> ApiKeyRow:
    """Revoke a key of an account, or an operator key where None; twice is once. NotFound."""
    with hub.database.write():
        row = api_keys.revoke(account_id, key_id, hub.now())
    if row is None:
        raise NotFound("API key", key_id)
    return row


def authenticate(hub: Hub, presented: str) -> Caller:
    """Who presents this key. Raises Unauthorized."""
    parts = _PRESENTED.fullmatch(presented)
    if parts is None:
        raise Unauthorized("unauthorized", "This is not a key of this hub.")
    with hub.database.read():
        row = api_keys.by_prefix(parts[2])
    digest = row.digest if row else _digest("")
    if not compare_digest(digest, _digest(presented)) or row is None:
        raise Unauthorized("unauthorized", "This key is not known.")
    if row.revoked_at is not None:
        raise Unauthorized("key_revoked", "This key was revoked.")
    _note_use(hub, row)
    return Caller(row.id, row.scope, row.scope is None)


def _note_use(hub: Hub, row: ApiKeyRow) -> None:
    now = hub.now()
    if row.used_at is None or now - row.used_at >= _USED_EVERY:
        with hub.database.write(durable=False):
            api_keys.touch(row.id, now)


def _new_key(hub: Hub, scope: Scope | None, label: str) -> NewKey:
    checks = Checks()
    checks.text("label", label, most=200)
    checks.done()
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    kind = scope.environment.value if scope else "op"
    secret = f"hub_{kind}_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKeyRow(new_id("key"), scope, label, prefix, _digest(secret), hub.now())
    with hub.database.write():
        api_keys.add(key)
    return NewKey(key, secret)


def _digest(presented: str) -> str:
    return hashlib.sha256(presented.encode()).hexdigest()
