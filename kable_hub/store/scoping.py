"""The filter that stands in every query of a scoped table, and row locks where there are any."""

from typing import Any

from kable_hub.store import tables as t
from kable_hub.store.scope import Scope


def within(table: type[t.Scoped], scope: Scope) -> Any:
    """The rows of `table` that belong to the account and the environment."""
    return (table.account_id == scope.account_id) & (table.environment == scope.environment.value)


def locked(query: Any, how: str = "FOR UPDATE") -> Any:
    """The query with its rows locked until the commit; SQLite has one writer and needs none."""
    return query.for_update(how) if t.database.obj.for_update else query


def owner(scope: Scope) -> dict[str, str]:
    """The two columns as values of a new row."""
    return {"account_id": scope.account_id, "environment": scope.environment.value}
