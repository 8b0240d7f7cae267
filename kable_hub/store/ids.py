"""Public ids: a prefix that says what it is, and a ULID, so ids sort by creation."""

from ulid import ULID


def new_id(prefix: str) -> str:
    """A fresh id such as `inv_01JD3X…` (prefix, underscore, 26 characters)."""
    return f"{prefix}_{ULID()}"
