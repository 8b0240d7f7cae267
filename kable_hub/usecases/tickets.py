"""Tickets and states of connect dialogues: random, kept as digests, single use, ten minutes."""

import hashlib
import secrets
from hmac import compare_digest

from kable_hub.store import connect_attempts
from kable_hub.store.connect_attempts import AttemptRow
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.hub import Hub

LIFETIME_MS = 600_000


def fresh_secret() -> str:
    """32 random bytes, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What the store keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def ticket_to_open(hub: Hub, ticket: str) -> AttemptRow:
    """The dialogue of a ticket nobody opened. Raises Problem (`bad_ticket`)."""
    with hub.database.read():
        attempt = connect_attempts.by_ticket(digest(ticket))
    if attempt is None or attempt.opened_at is not None or attempt.expires_at <= hub.now():
        raise Problem("bad_ticket", "This link is not valid, was opened before or is too old.")
    return attempt


def opened_by(hub: Hub, ticket: str, browser_secret: str) -> AttemptRow:
    """The dialogue this browser opened by a ticket. Raises Problem (`bad_ticket`)."""
    with hub.database.read():
        attempt = connect_attempts.by_ticket(digest(ticket))
    if attempt is None or not _goes_on(hub, attempt, browser_secret):
        raise Problem("bad_ticket", "This form is not valid, was sent before or is too old.")
    return attempt


def under_state(hub: Hub, slug: str, state: str, browser_secret: str) -> AttemptRow:
    """The dialogue a state belongs to. Raises Problem (`bad_state`)."""
    with hub.database.read():
        attempt = connect_attempts.by_state(digest(state))
    if attempt is None or attempt.provider != slug or not _goes_on(hub, attempt, browser_secret):
        detail = "This answer belongs to no connect dialogue that this browser began lately."
        raise Problem("bad_state", detail)
    return attempt


def _goes_on(hub: Hub, attempt: AttemptRow, browser_secret: str) -> bool:
    """Opened by this browser, young enough and not used up."""
    same = compare_digest(attempt.browser_digest, digest(browser_secret))
    opened = attempt.opened_at is not None and attempt.used_at is None
    return same and opened and hub.now() < attempt.expires_at
