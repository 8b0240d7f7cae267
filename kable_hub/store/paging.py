"""Cursor paging over ids that sort by creation."""

from collections.abc import Callable
from typing import Any, TypeVar

from kable_hub.store.scope import Page

T = TypeVar("T")


def page(query: Any, key: Any, cursor: str, limit: int, make: Callable[[Any], T]) -> Page[T]:
    """The rows of `query` before `cursor`, newest first, each turned by `make`.

    `key` is the id column the cursor runs over; an empty cursor starts at the newest row.
    """
    if cursor:
        query = query.where(key < cursor)
    rows = list(query.order_by(key.desc()).limit(limit + 1))
    shown = tuple(make(row) for row in rows[:limit])
    more = len(rows) > limit
    return Page(shown, getattr(rows[limit - 1], key.name) if more else "")
