"""Incoming webhooks: verified on their raw bytes, stored once, answered; worked later."""

from collections.abc import Mapping

from kable_hub.usecases.hub import Hub


def receive(
    hub: Hub,
    slug: str,
    headers: Mapping[str, str],
    body: bytes,
    environment: str = "",
) -> int:
    """Verify and store the events of a webhook; answers how many are new.

    `environment` (live, test) where the address names one, else each configured one is tried.
    Events of unknown accounts and repeated events are passed over. Raises NotFound, Problem
    (`bad_signature`).
    """
    raise NotImplementedError
