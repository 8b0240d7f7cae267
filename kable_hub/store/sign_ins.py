"""What leads into the dashboard: one-time links, and the tries that did not succeed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kable_hub.store import tables as t
from kable_hub.store.ids import new_id


@dataclass(frozen=True)
class TicketRow:
    """A one-time link. Without `user_id` it makes the first operator.

    One that `enters` signs in at once, and leads to `lead_to`; another asks for a password.
    """

    digest: str = field(repr=False)
    user_id: str | None
    created_at: int
    expires_at: int
    enters: bool = False
    lead_to: str = ""


def add_ticket(ticket: TicketRow) -> None:
    """Write a new link."""
    t.SignInTicket.create(**vars(ticket))


def ticket(digest: str) -> TicketRow | None:
    """The link nobody used yet, or None."""
    row = t.SignInTicket.get_or_none(t.SignInTicket.digest == digest)
    return TicketRow(**row.__data__) if row is not None else None


def use_ticket(digest: str) -> bool:
    """Use a link up; False where somebody did already."""
    return bool(t.SignInTicket.delete().where(t.SignInTicket.digest == digest).execute())


def end_tickets(user_id: str) -> None:
    """End every link of somebody."""
    t.SignInTicket.delete().where(t.SignInTicket.user_id == user_id).execute()


def note_try(limits: Mapping[str, int], since: int, now: int) -> tuple[str, ...]:
    """Count a try under each subject; empty, and nothing counted, where one reached its limit."""
    t.SignInTry.delete().where(t.SignInTry.at <= since).execute()
    for subject, most in limits.items():
        if t.SignInTry.select().where(t.SignInTry.subject == subject).count() >= most:
            return ()
    noted = {new_id("try"): subject for subject in limits}
    for one, subject in noted.items():
        t.SignInTry.create(id=one, subject=subject, at=now)
    return tuple(noted)


def forget_tries(subjects: Sequence[str], noted: Sequence[str]) -> None:
    """Forget all that was counted under these subjects, and what one try noted."""
    gone = t.SignInTry.subject.in_(subjects) | t.SignInTry.id.in_(noted)
    t.SignInTry.delete().where(gone).execute()


def forget_before(moment: int) -> int:
    """Delete links that ended before `moment`; answers how many."""
    return int(t.SignInTicket.delete().where(t.SignInTicket.expires_at < moment).execute())
