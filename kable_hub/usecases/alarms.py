"""Tell people of what stays uncertain: nothing is ever dropped, so somebody has to look."""

import logging

from kable_hub.clock import from_ms
from kable_hub.store import alarms
from kable_hub.usecases.hub import Hub

log = logging.getLogger(__name__)

_AT_ONCE = 500


def alarm(hub: Hub) -> int:
    """Tell of each delivery that was uncertain for a day, once a day while it stays so: in the
    log, and to the account's own software. Answers of how many."""
    told = 0
    for one in alarms.overdue(hub.database, hub.now(), _AT_ONCE):
        if alarms.take(hub.database, one, hub.now()):
            told += 1
            log.warning(
                "delivery %s (%s, %s) is uncertain since %s: %s; look for it at the provider and"
                " settle it by hand",
                *(one.id, one.provider, one.kind, from_ms(one.since).isoformat("T", "seconds")),
                one.code or "no reason",
            )
    return told


def long_uncertain(hub: Hub) -> int:
    """How many deliveries of all tenants are uncertain for longer than a day."""
    return alarms.count(hub.database, hub.now())
