"""Idempotency keys and markers: derived, never random, so that every repeat agrees."""

import uuid
from datetime import timedelta

MARGIN = timedelta(minutes=10)
"""How long before a provider forgets a key it counts as forgotten: a call may wait its turn."""

CLOCKS_DIFFER = timedelta(days=1)
"""How far the hub's clock may be ahead of a provider's, or may have been, when something that was
made is looked for: too early a beginning costs a longer list, too late a one a second document."""

_NAMESPACE = uuid.UUID("6f3e1b1c-9a55-5d0e-8f43-6b7d1c2a9e10")


def push_key(instance: str, connection_id: str, subject_id: str, generation: int) -> str:
    """The key of one generation: 36 characters, uuid5 (RFC 9562)."""
    return str(uuid.uuid5(_NAMESPACE, f"{instance}|{connection_id}|{subject_id}|{generation}"))


def marker(instance: str, account_id: str, invoice_id: str) -> str:
    """The identity that stands on the document at the provider."""
    return f"{instance}/{account_id}/{invoice_id}"


def batch_key(keys: list[str]) -> str:
    """The key of a batch: 36 characters, derived from its members in their order."""
    return str(uuid.uuid5(_NAMESPACE, "batch|" + "|".join(keys)))


def still_kept(keeps: timedelta, first_sent_at: int, now: int) -> bool:
    """Whether a key sent first at `first_sent_at` (epoch ms) surely still counts.

    A moment that lies ahead was written by a clock that went wrong: nothing is sure then.
    """
    age = timedelta(milliseconds=now - first_sent_at)
    return timedelta(0) <= age < keeps - min(MARGIN, keeps / 10)
