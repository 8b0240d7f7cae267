"""Whose rows: one account in one environment. Every repository function takes it first."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from kable_hub.domain import Environment

T = TypeVar("T")


@dataclass(frozen=True)
class Scope:
    """One account in one environment."""

    account_id: str
    environment: Environment


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, newest first, and the cursor of the next page (empty on the last).

    A cursor is the id of the last row shown.
    """

    items: tuple[T, ...]
    next_cursor: str = ""
