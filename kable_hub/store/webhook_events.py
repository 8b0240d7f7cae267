"""Verified webhook events, each stored once, before it is worked.

Unscoped: an event is routed by the account at the provider, which is all it knows.
"""

from collections.abc import Sequence

from kable_hub.effects import Event
from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.rows import insert_new


def add(slug: str, events: Sequence[Event], now: int) -> int:
    """Store events to be worked; answers how many were not known yet."""
    rows = [
        {
            "id": new_id("evt"),
            "provider": slug,
            "environment": event.environment.value,
            "external_id": event.external_id,
            "event_id": event.id,
            "type": event.type,
            "payload": event.payload,
            "received_at": now,
            "due_at": now,
            "document": event.document,
            "customer": event.customer,
        }
        for event in events
    ]
    return len(insert_new(t.WebhookEvent, rows))
