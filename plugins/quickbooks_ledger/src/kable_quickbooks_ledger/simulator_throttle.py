"""The request limits of the simulated QuickBooks."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import request

from kable_quickbooks_ledger.simulator_faults import GatewayFault


@dataclass
class Throttle:
    """Sliding windows, 0 for no limit. `reads` is what is left of the month's metered reads."""

    per_second: int = 0
    per_minute: int = 0
    batches_per_minute: int = 0
    reads: int | None = None
    retry_after: str = "60"
    _calls: deque[datetime] = field(default_factory=deque)
    _batches: deque[datetime] = field(default_factory=deque)

    def check(self, now: datetime, batch: bool) -> None:
        """Count a request. Raises GatewayFault 429."""
        calls, batches = self._calls, self._batches
        _forget(calls, now)
        _forget(batches, now)
        last_second = sum(1 for at in calls if now - at < timedelta(seconds=1))
        over = (
            (self.per_second and last_second >= self.per_second)
            or (self.per_minute and len(calls) >= self.per_minute)
            or (batch and self.batches_per_minute and len(batches) >= self.batches_per_minute)
            or (request.method == "GET" and self.reads is not None and self.reads <= 0)
        )
        if over:
            raise GatewayFault(
                429, "3001", "ThrottleExceeded", "The request limit was reached.  Try again later"
            )
        calls.append(now)
        if batch:
            batches.append(now)
        if request.method == "GET" and self.reads is not None:
            self.reads -= 1


def _forget(moments: deque[datetime], now: datetime) -> None:
    while moments and now - moments[0] >= timedelta(minutes=1):
        moments.popleft()
