"""The request limits of the simulated QuickBooks: sliding windows, and a month's metered reads."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from kable_quickbooks_ledger.simulator_faults import GatewayFault

PUBLISHED = {
    "per_second": 10,
    "per_minute": 500,
    "batches_per_minute": 40,
    "batches_of_all_apps": 120,
}
"""What Intuit publishes; a simulator has no limits until they are set (`keep_published`)."""

_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Caller:
    """Whose request it is, and of which sort."""

    realm: str
    app: str
    batch: bool = False
    reads: bool = False


@dataclass
class Throttle:
    """Sliding windows, 0 for no limit: requests of one app to one company in a second and a
    minute, and its batches in a minute; `batches_of_all_apps` is for one company.

    `reads` is the month's allowance of metered reads over all companies: reads that were answered
    count, and once it is used up reads are refused until the next month while writes go on.
    What is refused fills no window. `form` is how a refusal is written; `refused` counts them.
    """

    per_second: int = 0
    per_minute: int = 0
    batches_per_minute: int = 0
    batches_of_all_apps: int = 0
    reads: int | None = None
    retry_after: str = "60"
    form: Literal["json", "xml"] = "json"
    refused: int = 0
    used: dict[str, int] = field(default_factory=dict)
    _windows: dict[tuple[str, ...], deque[datetime]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def keep_published(self) -> None:
        """Keep to the limits that Intuit publishes, metered reads apart."""
        for name, limit in PUBLISHED.items():
            setattr(self, name, limit)

    def check(self, now: datetime, caller: Caller) -> None:
        """Count a request. Raises GatewayFault 429."""
        over = self._over_windows(now, caller)
        if over or (caller.reads and self.reads is not None and self.left(now) <= 0):
            self.refused += 1
            raise GatewayFault(
                429, "3001", "ThrottleExceeded", "The request limit was reached.  Try again later"
            )
        for key, _, _ in self._kept(caller):
            self._windows[key].append(now)

    def answered(self, now: datetime, caller: Caller) -> None:
        """A request went well: a read is metered."""
        if caller.reads:
            month = f"{now:%Y-%m}"
            self.used[month] = self.used.get(month, 0) + 1

    def left(self, now: datetime) -> int:
        """How many metered reads are left in this month."""
        return (self.reads or 0) - self.used.get(f"{now:%Y-%m}", 0)

    def _over_windows(self, now: datetime, caller: Caller) -> bool:
        return any(
            limit and self._count(key, now, length) >= limit
            for key, limit, length in self._kept(caller)
        )

    def _kept(self, caller: Caller) -> list[tuple[tuple[str, ...], int, timedelta]]:
        own = (caller.realm, caller.app)
        found: list[tuple[tuple[str, ...], int, timedelta]] = [
            ((*own, "second"), self.per_second, _SECOND),
            ((*own, "minute"), self.per_minute, _MINUTE),
        ]
        if caller.batch:
            found.append(((*own, "batches"), self.batches_per_minute, _MINUTE))
            found.append(((caller.realm, "batches"), self.batches_of_all_apps, _MINUTE))
        return found

    def _count(self, key: tuple[str, ...], now: datetime, length: timedelta) -> int:
        moments = self._windows[key]
        while moments and now - moments[0] >= length:
            moments.popleft()
        return len(moments)
