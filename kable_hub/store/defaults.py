"""What an account wants done in one environment where a request does not say."""

from dataclasses import dataclass

from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within


@dataclass(frozen=True)
class Defaults:
    """`auto_push`: new invoices go out at once, else they are held. `create_at`: the providers
    (slugs) at which new customers are created."""

    auto_push: bool = True
    create_at: tuple[str, ...] = ()


def get(scope: Scope) -> Defaults:
    """What holds, also where nobody ever chose."""
    row = t.AccountDefault.get_or_none(within(t.AccountDefault, scope))
    return Defaults() if row is None else Defaults(row.auto_push, tuple(row.create_at))


def put(scope: Scope, defaults: Defaults) -> None:
    """Write what holds from now on."""
    values = {"auto_push": defaults.auto_push, "create_at": list(defaults.create_at)}
    insert = t.AccountDefault.insert(**values, **owner(scope))
    key = (t.AccountDefault.account_id, t.AccountDefault.environment)
    insert.on_conflict(conflict_target=key, update=values).execute()
