"""What a change of an account's plan does to its connections."""

from kable_hub.domain import Environment
from kable_hub.store import accounts, connections, pauses
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.waking import wake

_PAUSED = "the account's plan is free: nothing is sent until it is paid again"


def change(hub: Hub, account_id: str, plan: str) -> None:
    """Write the plan and pause or resume every connection. Raises NotFound."""
    with hub.database.write():
        if not accounts.set_plan(account_id, plan):
            raise NotFound("account", account_id)
        for environment in Environment:
            for row in connections.listed(Scope(account_id, environment)):
                _follow(hub, row, plan)


def _follow(hub: Hub, row: ConnectionRow, plan: str) -> None:
    if plan == "free":
        pauses.pause(row.scope, row.id, "plan", _PAUSED, hub.now())
    elif pauses.resume(row.scope, row.id, "plan"):
        wake(hub, [row.id])
