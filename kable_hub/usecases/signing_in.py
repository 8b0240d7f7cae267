"""Signing in: by password, throttled, or by a one-time link."""

from dataclasses import dataclass, field

from werkzeug.security import check_password_hash

from kable_hub.store import sign_ins, users
from kable_hub.store.ids import new_id
from kable_hub.store.sign_ins import TicketRow
from kable_hub.store.users import UserRow
from kable_hub.usecases.errors import Conflict, Crowded, Problem
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.tickets import digest, fresh_secret
from kable_hub.usecases.users import MOST, checked_email, hash_of

WINDOW_MS = 15 * 60_000
TRIES_AS = 10
"""Tries in a quarter of an hour as one person from one address, ..."""

TRIES_AS_FROM_ANYWHERE = 50
TRIES_FROM = 100
"""... as one person from anywhere, and from one address as anybody."""

LINK_LIVES_MS = 24 * 3_600_000
_NOBODY = (
    "scrypt:32768:8:1$nobody0nobody0no$"
    "0000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000"
)
"""Checked where nobody has the address, so that the answer takes as long."""


class BadSignIn(Problem):
    """The address or the password is wrong; which, is not said."""

    status = 401
    title = "Not signed in"


class BadLink(Problem):
    """A one-time link that was used, is too old, or never was."""

    title = "This link is over"


@dataclass(frozen=True)
class OpenTicket:
    """A one-time link that still works. Without `user` it makes the first operator."""

    user: UserRow | None
    enters: bool
    lead_to: str
    digest: str = field(repr=False)


def sign_in(hub: Hub, email: str, password: str, address: str) -> UserRow:
    """Who signs in from this network address. Raises BadSignIn, Crowded.

    A try counts before the password is looked at, so that many at once gain nothing.
    """
    name = email.strip().lower()
    mine, anywhere, here = digest(f"as {name} from {address}"), digest(name), digest(address)
    limits = {mine: TRIES_AS, anywhere: TRIES_AS_FROM_ANYWHERE, here: TRIES_FROM}
    with hub.database.write(durable=False):
        noted = sign_ins.note_try(limits, hub.now() - WINDOW_MS, hub.now())
        if not noted:
            detail = "Too many sign-ins failed. Wait a quarter of an hour, or ask for a link."
            raise Crowded("too_many_tries", detail)
        user = users.by_email(name)
    right = check_password_hash((user and user.password) or _NOBODY, password[: MOST + 1])
    if user is None or not user.password or not right or user.disabled_at is not None:
        raise BadSignIn("bad_sign_in", "The e-mail address or the password is wrong.")
    with hub.database.write(durable=False):
        sign_ins.forget_tries((mine, anywhere), noted)
        users.touch(user.id, hub.now())
    return user


def link_for(hub: Hub, user: UserRow, *, enters: bool = False, lead_to: str = "") -> str:
    """The path of a one-time link, good for a day: choose a password, or sign in at once.

    Links that somebody had before end. Raises Conflict (`user_disabled`).
    """
    if user.disabled_at is not None:
        raise Conflict("user_disabled", f"{user.email} is disabled; enable them first.")
    return _ticket(hub, user.id, enters, lead_to)


def first_link(hub: Hub) -> str:
    """The path by which the first operator is made; empty where there is anybody already."""
    with hub.database.read():
        if users.exist():
            return ""
    return _ticket(hub, None)


def _ticket(hub: Hub, user_id: str | None, enters: bool = False, lead_to: str = "") -> str:
    secret, now = fresh_secret(), hub.now()
    ticket = TicketRow(digest(secret), user_id, now, now + LINK_LIVES_MS, enters, lead_to)
    with hub.database.write():
        if user_id is not None:
            sign_ins.end_tickets(user_id)
        sign_ins.forget_before(now)
        sign_ins.add_ticket(ticket)
    return f"/first/{secret}"


def open_ticket(hub: Hub, secret: str) -> OpenTicket:
    """What a link is for; it is not used up yet. Raises BadLink."""
    with hub.database.read():
        row = sign_ins.ticket(digest(secret))
        user = users.get(row.user_id) if row and row.user_id else None
        taken = row is not None and row.user_id is None and users.exist()
    lost = row is not None and row.user_id is not None and (user is None or user.disabled_at)
    if row is None or row.expires_at <= hub.now() or taken or lost:
        raise _bad_link()
    return OpenTicket(user, row.enters, row.lead_to, row.digest)


def enter(hub: Hub, ticket: OpenTicket) -> UserRow:
    """Use a link up that signs in at once. Raises BadLink."""
    if ticket.user is None or not ticket.enters:
        raise _bad_link()
    with hub.database.write():
        _use(ticket)
        users.touch(ticket.user.id, hub.now())
    return ticket.user


def choose_password(hub: Hub, ticket: OpenTicket, email: str, password: str) -> UserRow:
    """Use a link up by choosing a password; makes the first operator where there is nobody.

    Raises BadLink, Invalid, which leave the link as it is.
    """
    address = ticket.user.email if ticket.user else checked_email(email)
    hashed = hash_of(address, password)
    with hub.database.write():
        _use(ticket)
        user = ticket.user or UserRow(new_id("usr"), address, None, hub.now())
        if ticket.user is None and (users.exist() or not users.add(user)):
            raise _bad_link()
        users.set_password(user.id, hashed)
        users.touch(user.id, hub.now())
        found = users.get(user.id)
    assert found is not None, "it was written in this transaction"
    return found


def _use(ticket: OpenTicket) -> None:
    if not sign_ins.use_ticket(ticket.digest):
        raise _bad_link()


def _bad_link() -> BadLink:
    said = (
        "It works once, within a day. Sign in with your password; if you have none yet, or lost "
        "it, ask an operator of this hub for a new link."
    )
    return BadLink("bad_link", said)
