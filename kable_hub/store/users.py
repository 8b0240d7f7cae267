"""People who sign in: operators over all accounts, members of one."""

from dataclasses import dataclass, field
from typing import Any

from kable_hub.store import tables as t
from kable_hub.store.paging import page
from kable_hub.store.scope import Page


@dataclass(frozen=True)
class UserRow:
    """A person. `account_id` is None for an operator; moments are epoch milliseconds.

    `password` is Werkzeug's hash, empty where none was chosen yet. A session carries the
    `generation` it was made under and is worth nothing under another.
    """

    id: str
    email: str
    account_id: str | None
    created_at: int
    password: str = field(default="", repr=False)
    generation: int = 0
    disabled_at: int | None = None
    signed_in_at: int | None = None

    @property
    def is_operator(self) -> bool:
        """Whether every account is open to this person."""
        return self.account_id is None

    @property
    def role(self) -> str:
        """`operator` or `member`."""
        return "operator" if self.is_operator else "member"


def add(user: UserRow) -> bool:
    """Write a new person; False where the e-mail address is taken."""
    t.User.insert(**vars(user)).on_conflict_ignore().execute()
    return get(user.id) is not None


def get(user_id: str) -> UserRow | None:
    """The person, or None."""
    return _one(t.User.id == user_id)


def by_email(email: str) -> UserRow | None:
    """The person with this address (lower case), or None."""
    return _one(t.User.email == email)


def listed(account_id: str | None, every: bool, cursor: str, limit: int) -> Page[UserRow]:
    """A page of an account's people, of the operators where None, or of everybody."""
    query = t.User.select()
    return page(query if every else query.where(_of(account_id)), t.User.id, cursor, limit, _row)


def exist() -> bool:
    """Whether there is anybody at all."""
    return bool(t.User.select().exists())


def set_password(user_id: str, password: str) -> None:
    """Keep a new hash; every session ends."""
    values = {"password": password, "generation": t.User.generation + 1}
    t.User.update(values).where(t.User.id == user_id).execute()


def end_sessions(user_id: str) -> None:
    """Move the generation on."""
    t.User.update(generation=t.User.generation + 1).where(t.User.id == user_id).execute()


def set_disabled(user_id: str, at: int | None) -> None:
    """Keep somebody out from this moment, or let them in again (None); every session ends."""
    values = {"disabled_at": at, "generation": t.User.generation + 1}
    t.User.update(values).where(t.User.id == user_id).execute()


def touch(user_id: str, now: int) -> None:
    """Note that somebody signed in."""
    t.User.update(signed_in_at=now).where(t.User.id == user_id).execute()


def _of(account_id: str | None) -> Any:
    if account_id is None:
        return t.User.account_id.is_null()
    return t.User.account_id == account_id


def _one(where: Any) -> UserRow | None:
    row = t.User.get_or_none(where)
    return _row(row) if row is not None else None


def _row(row: t.User) -> UserRow:
    return UserRow(**row.__data__)
