"""Send what accounts' own software is told: at least once, signed, in threads of its own.

A tick hands endpoints with something due to a few threads. A thread leases its endpoint, sends
message after message, and puts down how each went; no transaction is open while it sends.
"""

import logging
import random
import threading
from concurrent.futures import ThreadPoolExecutor

from kable_hub.clock import Clock, epoch_ms
from kable_hub.store.database import Database
from kable_hub.store.notice_queue import Held, NoticeQueue, Tried, Waiting
from kable_hub.store.vault import Vault
from kable_hub.sync import signing
from kable_hub.sync.posting import Answered, post

log = logging.getLogger(__name__)

THREADS = 8
"""Endpoints that are sent to at once."""
SLICE_SECONDS = 10.0
"""So long an endpoint is sent to before others get its thread."""
LEASE_MS = 60_000
"""Longer than the slowest send, so that a lease outlives it."""
_MINUTE, _HOUR = 60_000, 3_600_000
WAITS_MS = (
    5_000,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""How long a message waits after each failed try, a tenth more at random; then it has failed."""
PAUSES_MS = (0, 1_000, 5_000, 30_000, _MINUTE, 5 * _MINUTE)
"""How long an endpoint is left alone after so many failures in a row."""
LONGEST_WISH_MS = 24 * _HOUR
PATIENCE_MS = 5 * 24 * _HOUR
"""An endpoint at which everything failed for so long is disabled."""
GONE = 410
_BUSY = (429, 503)
_CHANCE = random.SystemRandom()


class Teller:
    """Sends what is due. `tick` may be called from any thread at any time."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, *, private: bool) -> None:
        self._queue = NoticeQueue(database)
        self._alone = database.is_sqlite
        self._vault, self._clock, self._private = vault, clock, private
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._running: set[str] = set()

    def tick(self) -> None:
        """Begin to send to each endpoint with something due, as far as there are threads."""
        if self._alone:
            self._queue.void_leases()
            self._alone = False
        for endpoint_id in self._queue.due_endpoints(self._now(), 2 * THREADS):
            with self._guard:
                if endpoint_id in self._running or len(self._running) >= THREADS:
                    continue
                self._running.add(endpoint_id)
            self._threads.submit(self._serve, endpoint_id)

    def stop(self) -> None:
        """Send nothing more, and wait for what is under way."""
        self._stop.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def serve(self, endpoint_id: str) -> None:
        """Send what is due at one endpoint until a try fails, or its slice is over."""
        held = self._queue.acquire(endpoint_id, self._now(), LEASE_MS)
        if held is None:
            return
        ends = self._clock.monotonic() + SLICE_SECONDS
        try:
            while not self._stop.is_set() and self._clock.monotonic() < ends:
                if not self._queue.renew(held, self._now(), LEASE_MS):
                    return
                message = self._queue.next_due(held, self._now())
                if message is None or not self._send(held, message):
                    return
        finally:
            self._queue.release(held, self._now())

    def _serve(self, endpoint_id: str) -> None:
        try:
            self.serve(endpoint_id)
        except Exception:
            log.exception("endpoint %s could not be served; it is tried again", endpoint_id)
        finally:
            with self._guard:
                self._running.discard(endpoint_id)

    def _send(self, held: Held, message: Waiting) -> bool:
        """One try; True where the next message may follow at once."""
        began, ticks = self._now(), self._clock.monotonic()
        signed = signing.headers(self._keys(held), message.event_id, began // 1000, message.body)
        answered = post(held.url, signed, message.body, self._clock, private=self._private)
        took = int((self._clock.monotonic() - ticks) * 1000)
        tried = judged(held, message, answered, began, took, self._now())
        self._queue.settle(held, message, tried, self._now())
        if tried.disabled:
            log.warning("endpoint %s is disabled: %s", held.id, tried.disabled)
        return answered.taken

    def _keys(self, held: Held) -> list[str]:
        """The secret, and the one before it for as long as it is good."""
        sealed = [held.secret]
        if held.old_secret and self._now() < (held.old_secret_until or 0):
            sealed.append(held.old_secret)
        return [str(self._vault.open(held.id, one)) for one in sealed]

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def judged(
    held: Held, message: Waiting, answered: Answered, began: int, took: int, now: int
) -> Tried:
    """How message and endpoint stand after a try that began at `began` and took `took` ms."""
    said = (answered.status, answered.error, began, took)
    if answered.taken:
        return Tried(*said, state="delivered")
    since = held.failing_since or now
    tries, failures = message.tries + 1, held.failures + 1
    wish = min((answered.retry_after or 0) * 1000, LONGEST_WISH_MS)
    over = tries > len(WAITS_MS) or answered.status == GONE
    wait = 0 if over else max(_jittered(WAITS_MS[tries - 1]), wish)
    pause = PAUSES_MS[min(failures, len(PAUSES_MS) - 1)]
    return Tried(
        *said,
        state="failed" if over else "waiting",
        due_at=None if over else now + wait,
        failures=failures,
        failing_since=since,
        paused_until=now + (max(pause, wish) if answered.status in _BUSY else pause),
        disabled=_disabled(answered, now - since),
    )


def _disabled(answered: Answered, failing_ms: int) -> str:
    if answered.status == GONE:
        return "it answered 410: it wants nothing more"
    if failing_ms >= PATIENCE_MS:
        said = answered.error or f"it answered {answered.status}"
        return f"everything failed for five days, at last: {said}"
    return ""


def _jittered(wait: int) -> int:
    return wait + _CHANCE.randrange(wait // 10 + 1)
