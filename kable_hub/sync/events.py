"""Work what providers told us: stored webhook events, and changes read by polling."""

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import assert_never

from kable_hub.clock import Clock, epoch_ms
from kable_hub.dispatch import Dispatcher
from kable_hub.effects import (
    ConnectionRevoked,
    CustomerGone,
    CustomerReady,
    DocumentChanged,
    Effect,
    PageChanged,
    PaymentChanged,
)
from kable_hub.errors import (
    ContractViolation,
    ProviderError,
    ReconnectRequired,
    Rejected,
    Transient,
)
from kable_hub.plugins import UnknownProvider
from kable_hub.provider import Capability
from kable_hub.store import events as store
from kable_hub.store import pages, signals
from kable_hub.store.consequences import lose_access
from kable_hub.store.database import Database
from kable_hub.store.pauses import Lane
from kable_hub.sync.asking import Asking
from kable_hub.sync.backoff import SCHEDULE

log = logging.getLogger(__name__)

CHUNK = 50
TRIES = len(SCHEDULE)


class EventWorker:
    """Turns stored events and polled changes into effects, each event on its own."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        asking: Asking,
        clock: Clock,
        wake: Callable[[str], None],
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._asking = asking
        self._clock = clock
        self._wake = wake

    def work_stored(self, of: str = "", but: Collection[str] = ()) -> int:
        """Work what is due, of one provider or of all but some; how many events that were."""
        with self._database.read():
            due = store.due_events(self._now(), CHUNK, of, but)
        for stored in due:
            self._work_one(stored)
        return len(due)

    def poll(self, of: str = "") -> None:
        """Read the changes of every active connection (to one provider) that can be asked."""
        slugs = [
            one.slug
            for one in self._dispatcher.registry.providers()
            if one.can(Capability.POLL_CHANGES) and of in ("", one.slug)
        ]
        with self._database.read():
            lanes = store.pollable(slugs) if slugs else []
        for lane, cursor in lanes:
            try:
                effects, after = self._asking.ask(lane, "poll_changes", cursor=cursor)
                self._apply(lane, effects, partial(store.keep_cursor, lane, after))
            except ProviderError as error:
                log.warning("%s could not be polled: %s", lane.id, error.code)
            except Exception:
                log.exception("%s could not be polled", lane.id)

    def _work_one(self, stored: store.StoredEvent) -> None:
        try:
            self._work(stored)
        except (ProviderError, UnknownProvider) as error:
            self._failed(stored, error)
        except Exception as error:
            log.exception("the hub failed on event %s", stored.id)
            self._failed(stored, error)

    def _work(self, stored: store.StoredEvent) -> None:
        with self._database.read():
            lane = store.connection_of(stored)
        if lane is None:
            self._finish(stored, "ignored: no connection")
            return
        if not self._concerns(lane, stored):
            return
        effects = self._asking.ask(lane, "work_event", event=stored.event)
        if stored.failures + 1 < TRIES and self._comes_too_early(lane, effects):
            self._failed(stored, Transient("its document is not settled", code="not_settled_yet"))
            return
        self._apply(lane, effects, lambda: store.finish(stored, _names(effects), self._now()))

    def _failed(self, stored: store.StoredEvent, error: Exception) -> None:
        final = isinstance(error, Rejected | ContractViolation)
        waits = isinstance(error, ReconnectRequired)
        code = error.code if isinstance(error, ProviderError) else type(error).__name__
        log.warning("event %s of %s could not be worked: %s", stored.id, stored.provider, code)
        if final or (stored.failures + 1 >= TRIES and not waits):
            self._finish(stored, f"failed: {code}")
            return
        wait = SCHEDULE[min(stored.failures, TRIES - 1)]
        with self._database.write():
            store.postpone(stored, self._now() + int(wait.total_seconds() * 1000))

    def _concerns(self, lane: Lane, stored: store.StoredEvent) -> bool:
        """Whether it is to be worked now; one about something unknown here is not, or waits
        while it may be about a delivery that is not settled yet."""
        about = [stored.event.document] if stored.event.document else []
        with self._database.read():
            known = store.concerns(lane, stored.event)
            early = not known and bool(about) and store.awaits_any(lane, about)
        if early and stored.failures + 1 < TRIES:
            self._failed(stored, Transient("its document is not settled", code="not_settled_yet"))
        elif not known:
            self._finish(stored, "ignored: not known here")
        return known

    def _comes_too_early(self, lane: Lane, effects: Sequence[Effect]) -> bool:
        """Whether it tells of a document whose delivery may not have been settled yet."""
        told = [one.document for one in effects if isinstance(one, PaymentChanged)]
        with self._database.read():
            return bool(told) and store.awaits_any(lane, told)

    def _finish(self, stored: store.StoredEvent, outcome: str) -> None:
        with self._database.write():
            store.finish(stored, outcome, self._now())

    def _apply(self, lane: Lane, effects: Sequence[Effect], finish: Callable[[], None]) -> None:
        """Write all effects and the end of the event in one transaction, then wake."""
        with self._database.write():
            woken = [self._carry_out(lane, effect) for effect in effects]
            finish()
        if any(woken):
            self._wake(lane.id)

    def _carry_out(self, lane: Lane, effect: Effect) -> bool:
        now = self._now()
        match effect:
            case PaymentChanged():
                details = {"code": effect.code, "message": effect.message, "url": effect.url}
                as_of = epoch_ms(effect.as_of)
                status = effect.status.value
                signals.change_payment(lane, effect.document, status, as_of, details, now)
            case CustomerReady():
                if effect.certain:
                    signals.tell_ready(lane, effect.reference, now)
                return store.wake_customer(lane, effect.reference, now, certain=effect.certain) > 0
            case PageChanged(page=page, state="completed"):
                pages.complete(lane, page, now)
            case PageChanged():
                pages.expire(lane, effect.page, now)
            case CustomerGone():
                signals.break_links(lane, effect.reference, effect.message, now)
            case DocumentChanged():
                as_of = epoch_ms(effect.as_of)
                signals.add_signal(lane, effect.document, effect.change, effect.message, as_of, now)
            case ConnectionRevoked():
                text = effect.message or "access was taken back at the provider"
                lose_access(lane.scope, lane.id, text, now)
            case _:
                assert_never(effect)
        return False

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def _names(effects: Sequence[Effect]) -> str:
    return ", ".join(type(effect).__name__ for effect in effects) or "nothing to do"
