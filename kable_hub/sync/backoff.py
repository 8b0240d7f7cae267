"""When a delivery that failed for a passing reason is tried again.

The schedule is fixed and written out in docs/delivery.md; each wait is stretched by a random
part of up to a fifth, so that what failed together does not return together. It never ends:
after the last step the last wait repeats, and the delivery stays visible as due.
"""

import random
from datetime import timedelta

SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
)
"""Wait after the first, second, … failure in a row."""

JITTER = 0.2


def wait_ms(failures: int, retry_after: timedelta | None, chance: random.Random) -> int:
    """Milliseconds until the next try after `failures` (≥ 1) in a row.

    A provider's own wish is a floor, never shortened.
    """
    step = SCHEDULE[min(failures, len(SCHEDULE)) - 1]
    wait = max(step, retry_after or timedelta(0))
    stretched = wait * (1 + JITTER * chance.random())
    return int(stretched / timedelta(milliseconds=1))
