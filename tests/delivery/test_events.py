"""Stored webhook events and their effects: routed, worked later, repeatable, never backwards."""

from datetime import timedelta
from typing import Any

import pytest

from kable_hub.domain import Environment, PaymentStatus
from kable_hub.effects import Event, PaymentChanged
from kable_hub.store import events as store
from kable_hub.store import signals, webhook_events
from kable_hub.store import tables as t
from kable_hub.sync.events import EventWorker
from kable_hub.testing import Fault
from tests.delivery.stage import Stage


@pytest.fixture
def worker(at_work: Stage) -> EventWorker:
    hub = at_work.hub
    return EventWorker(hub.database, hub.dispatcher, hub.asking, hub.clock, hub.wake)


def arrive(at_work: Stage, kind: str, shop: str = "shop", **payload: Any) -> None:
    event = Event(f"evt-{kind}-{len(payload)}", kind, shop, Environment.TEST, payload)
    with at_work.hub.database.write():
        webhook_events.add("acme", [event], at_work.hub.now())


def outcomes(at_work: Stage) -> list[str]:
    with at_work.hub.database.read():
        return [row.outcome for row in t.WebhookEvent.select()]


def test_a_payment_is_shown_from_the_state_read_afresh(at_work: Stage, worker: EventWorker) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    at_work.acme.docs["D-1"]["status"] = "paid"
    arrive(at_work, "doc.changed", doc="D-1")
    worker.work_stored()
    assert at_work.delivery(invoice).payment_status == "paid"
    assert outcomes(at_work) == ["PaymentChanged"]


def test_an_older_payment_state_never_overwrites_a_newer(at_work: Stage) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    now = at_work.hub.now()
    with at_work.hub.database.write():
        lane = store.connection_of(
            store.StoredEvent("x", "acme", Event("x", "y", "shop", Environment.TEST), 0)
        )
        assert lane is not None
        assert signals.change_payment(lane, "D-1", "paid", now + 10, {}, now)
        assert not signals.change_payment(lane, "D-1", "payment_failed", now + 5, {}, now)
    assert at_work.delivery(invoice).payment_status == "paid"


def test_a_customer_that_became_ready_wakes_its_blocked_invoices(
    at_work: Stage, worker: EventWorker
) -> None:
    at_work.settings(need_method=True)
    at_work.acme.customers["A-1"]["method"] = False
    invoice = at_work.invoice()
    at_work.drain()
    at_work.acme.customers["A-1"]["method"] = True
    arrive(at_work, "customer.ready", customer="A-1")
    worker.work_stored()
    at_work.drain()
    assert at_work.delivery(invoice).state == "delivered"


def test_an_event_of_an_unknown_account_is_ignored(at_work: Stage, worker: EventWorker) -> None:
    arrive(at_work, "doc.changed", shop="somebody else", doc="D-1")
    worker.work_stored()
    assert outcomes(at_work) == ["ignored: no connection"]


def test_an_event_is_worked_again_when_the_provider_was_away(
    at_work: Stage, worker: EventWorker
) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    at_work.acme.docs["D-1"]["status"] = "paid"
    at_work.acme.fault(Fault(path="/docs/D-1", status=503))
    arrive(at_work, "doc.changed", doc="D-1")
    worker.work_stored()
    assert at_work.delivery(invoice).payment_status == "open"
    with at_work.hub.database.write():
        t.WebhookEvent.update(due_at=0).execute()
    worker.work_stored()
    assert at_work.delivery(invoice).payment_status == "paid"


def test_an_event_nobody_can_work_is_given_up_with_its_reason(
    at_work: Stage, worker: EventWorker
) -> None:
    arrive(at_work, "doc.changed", doc="no such document")
    worker.work_stored()
    assert outcomes(at_work) == ["failed: contract_violation"]


def test_a_revocation_pauses_the_connection_and_blocks_what_is_due(
    at_work: Stage, worker: EventWorker
) -> None:
    invoice = at_work.invoice()
    arrive(at_work, "revoked")
    worker.work_stored()
    assert at_work.connection().state == "paused"
    assert at_work.delivery(invoice).error_code == "not_connected"


def test_a_signal_stands_on_the_timeline_once(at_work: Stage) -> None:
    at_work.invoice()
    at_work.drain()
    now = at_work.hub.now()
    with at_work.hub.database.write():
        lane = store.connection_of(
            store.StoredEvent("x", "acme", Event("x", "y", "shop", Environment.TEST), 0)
        )
        assert lane is not None
        assert signals.add_signal(lane, "D-1", "edited", "the memo changed", now, now)
        assert not signals.add_signal(lane, "D-1", "edited", "the memo changed", now, now)
        assert not signals.add_signal(lane, "D-404", "edited", "", now, now)


def test_a_customer_gone_breaks_its_link_and_blocks_the_next_invoice(at_work: Stage) -> None:
    with at_work.hub.database.write():
        lane = store.connection_of(
            store.StoredEvent("x", "acme", Event("x", "y", "shop", Environment.TEST), 0)
        )
        assert lane is not None
        assert signals.break_links(lane, "A-1", "deleted", at_work.hub.now()) == 1
    invoice = at_work.invoice()
    at_work.drain()
    assert at_work.delivery(invoice).error_code == "customer_gone"


def test_backoff_of_events_follows_the_schedule(at_work: Stage, worker: EventWorker) -> None:
    at_work.acme.fault(Fault(path="/docs", status=503, times=9))
    arrive(at_work, "doc.changed", doc="D-1")
    before = at_work.hub.now()
    worker.work_stored()
    with at_work.hub.database.read():
        row = t.WebhookEvent.get()
    assert row.failures == 1
    assert row.due_at >= before + int(timedelta(seconds=1).total_seconds() * 1000)


def test_an_event_the_hub_fails_on_holds_up_no_other(
    at_work: Stage, worker: EventWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work.invoice()
    at_work.drain()
    at_work.acme.docs["D-1"]["status"] = "paid"
    arrive(at_work, "odd")
    arrive(at_work, "doc.changed", doc="D-1")
    call = at_work.hub.dispatcher.call

    def odd(slug: str, hook: str, **arguments: Any) -> Any:
        if hook == "work_event" and arguments["event"].type == "odd":
            return [PaymentChanged("D-1", PaymentStatus.PAID, "yesterday")]  # type: ignore[arg-type]
        return call(slug, hook, **arguments)

    monkeypatch.setattr(at_work.hub.dispatcher, "call", odd)
    assert worker.work_stored() == 2
    assert sorted(outcomes(at_work)) == ["", "PaymentChanged"]


def test_a_payment_told_before_the_delivery_is_settled_is_kept_for_it(
    at_work: Stage, worker: EventWorker
) -> None:
    at_work.acme.fault(Fault(path="/docs", method="POST", stage="after", reset=True))
    invoice = at_work.invoice()
    at_work.drain()
    at_work.acme.docs["D-1"]["status"] = "paid"
    arrive(at_work, "doc.changed", doc="D-1")
    worker.work_stored()
    assert outcomes(at_work) == [""]
    at_work.acme.docs["D-1"]["status"] = "open"
    at_work.due_now()
    at_work.drain()
    assert at_work.delivery(invoice).payment_status == "open"
    at_work.acme.docs["D-1"]["status"] = "paid"
    with at_work.hub.database.write():
        t.WebhookEvent.update(due_at=0).execute()
    worker.work_stored()
    assert at_work.delivery(invoice).payment_status == "paid"
    assert outcomes(at_work) == ["PaymentChanged"]


def test_an_event_waits_for_a_person_to_reconnect(at_work: Stage, worker: EventWorker) -> None:
    invoice = at_work.invoice()
    at_work.drain()
    at_work.acme.docs["D-1"]["status"] = "paid"
    at_work.acme.revoked = True
    arrive(at_work, "doc.changed", doc="D-1")
    with at_work.hub.database.write():
        t.WebhookEvent.update(failures=50).execute()
    worker.work_stored()
    at_work.acme.revoked = False
    with at_work.hub.database.write():
        t.WebhookEvent.update(due_at=0).where(t.WebhookEvent.due_at > 0).execute()
    worker.work_stored()
    assert at_work.delivery(invoice).payment_status == "paid"
