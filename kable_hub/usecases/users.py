"""People who sign in to the dashboard: operators (every account) and members of one."""

from werkzeug.security import check_password_hash, generate_password_hash

from kable_hub.store import sign_ins, users
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Page
from kable_hub.store.users import UserRow
from kable_hub.usecases.accounts import get_account
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import Conflict, NotFound
from kable_hub.usecases.hub import Hub

LEAST = 10
"""Characters of a password."""

MOST = 200
"""More would let anybody keep the hub busy with hashing."""


def add_user(hub: Hub, email: str, account_id: str | None = None) -> UserRow:
    """Add an operator, or a member of an account. A link or `set_password` lets them in.

    Raises Invalid, NotFound, Conflict (`email_taken`).
    """
    address = checked_email(email)
    if account_id is not None:
        get_account(hub, account_id)
    user = UserRow(new_id("usr"), address, account_id, hub.now())
    with hub.database.write():
        if not users.add(user):
            raise Conflict("email_taken", f"Somebody signs in as {address} already.")
    return user


def list_users(
    hub: Hub,
    account_id: str | None = None,
    *,
    every: bool = False,
    cursor: str = "",
    limit: int = 50,
) -> Page[UserRow]:
    """An account's people, the operators where None, or everybody; newest first. NotFound."""
    if account_id is not None:
        get_account(hub, account_id)
    with hub.database.read():
        return users.listed(account_id, every, cursor, limit)


def find_user(hub: Hub, name: str) -> UserRow:
    """Somebody by id or e-mail address. Raises NotFound."""
    with hub.database.read():
        user = users.get(name) or users.by_email(name.strip().lower())
    if user is None:
        raise NotFound("user", name)
    return user


def member(hub: Hub, account_id: str, user_id: str) -> UserRow:
    """A member of this account. Raises NotFound."""
    user = find_user(hub, user_id)
    if user.account_id != account_id:
        raise NotFound("user", user_id)
    return user


def disable_user(hub: Hub, user: UserRow) -> UserRow:
    """Keep somebody out, ending their sessions and links; twice is once."""
    with hub.database.write():
        if user.disabled_at is None:
            users.set_disabled(user.id, hub.now())
        sign_ins.end_tickets(user.id)
    return find_user(hub, user.id)


def enable_user(hub: Hub, user: UserRow) -> UserRow:
    """Let somebody in again; twice is once."""
    with hub.database.write():
        if user.disabled_at is not None:
            users.set_disabled(user.id, None)
    return find_user(hub, user.id)


def set_password(hub: Hub, user: UserRow, password: str) -> UserRow:
    """Give somebody a new password; every session of theirs ends. Raises Invalid."""
    hashed = hash_of(user.email, password)
    with hub.database.write():
        users.set_password(user.id, hashed)
        sign_ins.end_tickets(user.id)
    return find_user(hub, user.id)


def change_password(hub: Hub, user: UserRow, old: str, new: str) -> UserRow:
    """Change one's own password, knowing the old one where there is one. Raises Invalid."""
    checks = Checks()
    if user.password and not check_password_hash(user.password, old[:MOST]):
        checks.fault("old", "wrong_password", "This is not your present password.")
    checks.done()
    return set_password(hub, user, new)


def sign_out_everywhere(hub: Hub, user: UserRow) -> None:
    """End every session of somebody."""
    with hub.database.write():
        users.end_sessions(user.id)


def session_user(hub: Hub, session_id: str) -> UserRow | None:
    """Whose session this is; None where it ended, or its owner is kept out."""
    user_id, _, generation = session_id.rpartition(".")
    with hub.database.read():
        user = users.get(user_id)
    if user is None or user.disabled_at is not None or str(user.generation) != generation:
        return None
    return user


def session_id(user: UserRow) -> str:
    """What a session carries: who, and under which generation."""
    return f"{user.id}.{user.generation}"


def checked_email(email: str) -> str:
    """The address in lower case. Raises Invalid."""
    address = email.strip().lower()
    checks = Checks()
    checks.text("email", address, least=3, most=320)
    checks.email("email", address)
    checks.done()
    return address


def hash_of(email: str, password: str) -> str:
    """What is kept of a password. Raises Invalid."""
    checks = Checks()
    if len(password) < LEAST:
        checks.fault("password", "too_short", f"At least {LEAST} characters are needed.")
    if len(password) > MOST:
        checks.fault("password", "too_long", f"At most {MOST} characters are allowed.")
    if password.strip().lower() == email:
        checks.fault("password", "too_plain", "This is the e-mail address.")
    checks.done()
    return generate_password_hash(password)
