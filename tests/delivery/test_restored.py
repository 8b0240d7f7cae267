"""An older state of the store is put back: what was sent since is found, nothing is sent twice."""

import threading

import pytest

from kable_hub import NeedsOperator, hookimpl
from kable_hub.clock import epoch_ms
from kable_hub.store import copying, moves, outbox, processes, restored
from kable_hub.store import tables as t
from kable_hub.store.copying import Copied
from kable_hub.store.ids import new_id
from kable_hub.testing import Fault
from kable_hub.usecases import restoring
from kable_hub.usecases.errors import Conflict
from tests.acme import Acme
from tests.delivery.stage import SCOPE, stage

DAY = 24 * 3600 * 1000


class Backup:
    """Every row of the store, as a backup keeps it."""

    def __init__(self, stage):
        self.database = stage.hub.database
        self.rows = {
            name: [row for some in Copied(name).portions(self.database) for row in some]
            for name in moves.names()
        }

    def put_back(self):
        with self.database.write():
            copying.clear(self.database, moves.names())
            for name, rows in self.rows.items():
                if rows:
                    Copied(name).write(self.database, rows)


def mark(stage):
    """As the command does, and then the time passes in which an unanswered write may commit."""
    now = epoch_ms(stage.hub.clock.now())
    with stage.hub.database.write():
        marked = restored.mark(stage.hub.database, now)
        later = t.Delivery.update(uncertain_since=now - 2000).where(t.Delivery.state == "uncertain")
        later.execute()
    return marked


def work(stage, times=3):
    for _ in range(times):
        stage.due_now()
        stage.drain()


def documents(stage):
    return sorted(doc["number"] for doc in stage.acme.docs.values())


def states(stage, *invoices):
    return [stage.delivery(one).state for one in invoices]


def test_what_was_sent_since_is_adopted_and_what_was_not_is_sent_once(at_work):
    sent, unsent = at_work.invoice(), at_work.invoice()
    with at_work.hub.database.write():
        t.Delivery.update(state="held").where(t.Delivery.subject_id == unsent).execute()
    backup = Backup(at_work)
    at_work.drain()
    assert states(at_work, sent, unsent) == ["delivered", "held"]
    kept = at_work.delivery(sent).external_id
    backup.put_back()
    with at_work.hub.database.write():
        t.Delivery.update(state="due").where(t.Delivery.subject_id == unsent).execute()
    assert mark(at_work) == 2
    assert states(at_work, sent, unsent) == ["uncertain", "uncertain"]
    work(at_work)
    assert states(at_work, sent, unsent) == ["delivered", "delivered"]
    assert at_work.delivery(sent).external_id == kept
    assert at_work.delivery(sent).receipt["adopted"]
    assert documents(at_work) == ["INV-1", "INV-2"]
    # Found documents are on record like sent ones, so that they can be voided.
    with at_work.hub.database.write():
        at_work.open("void", sent)
    at_work.drain()
    assert at_work.delivery(sent, "void").state == "delivered"


def test_without_the_mark_a_second_document_would_be_made(at_work):
    """What the command is for: the provider has forgotten the key by then."""
    at_work.invoice()
    backup = Backup(at_work)
    at_work.drain()
    backup.put_back()
    at_work.acme.answers.clear()
    at_work.drain()
    assert documents(at_work) == ["INV-1", "INV-1"]


def test_what_was_held_is_held_again_and_goes_out_when_it_is_pushed(at_work):
    one = at_work.invoice(state="held")
    mark(at_work)
    work(at_work)
    row = at_work.delivery(one)
    assert (row.state, row.may_exist, documents(at_work)) == ("held", False, [])
    with at_work.hub.database.write():
        outbox.push_held(SCOPE, row.id, epoch_ms(at_work.hub.clock.now()))
    work(at_work)
    assert states(at_work, one) == ["delivered"]


def test_what_was_held_and_was_pushed_since_is_adopted(at_work):
    one = at_work.invoice(state="held")
    backup = Backup(at_work)
    with at_work.hub.database.write():
        t.Delivery.update(state="due").execute()
    at_work.drain()
    backup.put_back()
    mark(at_work)
    work(at_work)
    assert states(at_work, one) == ["delivered"]
    assert documents(at_work) == ["INV-1"]


def test_an_invoice_that_cannot_be_planned_any_more_is_found_by_its_marker_alone(at_work):
    one, other = at_work.invoice(memo="no item"), at_work.invoice(memo="no item")
    with at_work.hub.database.write():
        t.Delivery.update(state="held").where(t.Delivery.subject_id == other).execute()
    backup = Backup(at_work)
    at_work.settings(item="7")
    at_work.drain()
    assert states(at_work, one) == ["delivered"]
    backup.put_back()
    with at_work.hub.database.write():
        t.Delivery.update(state="due").execute()
    mark(at_work)
    work(at_work)
    assert states(at_work, one) == ["delivered"]
    assert documents(at_work) == ["INV-1"]
    refused = at_work.delivery(other)
    assert (refused.state, refused.error_code) == ("blocked", "missing_setting")
    assert not refused.may_exist
    assert (refused.blocked_on, refused.blocked_scope) == ("settings", "delivery")


def test_a_draft_that_was_made_since_is_finished(at_work):
    at_work.settings(drafts=True)
    one = at_work.invoice()
    backup = Backup(at_work)
    at_work.acme.fault(Fault(path="/finalize", status=503))
    at_work.drain()
    assert [doc["status"] for doc in at_work.acme.docs.values()] == ["draft"]
    backup.put_back()
    at_work.acme.clear_faults()
    mark(at_work)
    work(at_work)
    assert states(at_work, one) == ["delivered"]
    assert [doc["status"] for doc in at_work.acme.docs.values()] != ["draft"]
    assert documents(at_work) == ["INV-1"]


def test_a_write_that_was_under_way_may_still_come_through(at_work):
    one = at_work.invoice()
    with at_work.hub.database.write():
        restored.mark(at_work.hub.database, epoch_ms(at_work.hub.clock.now()))
    at_work.drain()
    row = at_work.delivery(one)
    assert (row.state, row.error_code, documents(at_work)) == ("uncertain", "not_settled_yet", [])


def test_keys_go_on_where_none_was_ever_used(at_work):
    one = at_work.invoice()
    at_work.acme.fault(Fault(path="/docs", status=500, stage="before", times=1))
    at_work.drain()
    before = at_work.delivery(one).generation
    mark(at_work)
    work(at_work)
    assert states(at_work, one) == ["delivered"]
    assert at_work.delivery(one).generation > before + 999


def test_what_waits_for_a_link_stays_blocked_and_is_looked_for_when_it_is_linked(at_work):
    one = at_work.invoice()
    backup = Backup(at_work)
    at_work.drain()
    backup.put_back()
    with at_work.hub.database.write():
        now = epoch_ms(at_work.hub.clock.now())
        outbox.block_unlinked(SCOPE, "con_1", "cus_1", now)
        t.Link.update(state="broken").execute()
        restored.mark(at_work.hub.database, now)
    row = at_work.delivery(one)
    assert (row.state, row.may_exist, row.error_code) == ("blocked", True, "not_linked")
    with at_work.hub.database.write():
        t.Link.update(state="linked").execute()
        outbox.relink(SCOPE, "con_1", "cus_1", now)
        assert not outbox.cancel(SCOPE, row.id, now)
    work(at_work)
    assert states(at_work, one) == ["delivered"]
    assert documents(at_work) == ["INV-1"]


def test_what_is_finished_or_for_a_person_stays_as_it_is(at_work):
    done, torn, given_up = at_work.invoice(), at_work.invoice(), at_work.invoice()
    with at_work.hub.database.write():
        for subject, values in (
            (torn, {"state": "blocked", "may_exist": True, "error_code": "document_conflict"}),
            (given_up, {"state": "cancelled"}),
        ):
            t.Delivery.update(**values).where(t.Delivery.subject_id == subject).execute()
    at_work.drain()
    assert mark(at_work) == 0
    assert states(at_work, done, torn, given_up) == ["delivered", "blocked", "cancelled"]


@pytest.mark.parametrize("times", [1, 2])
def test_it_may_be_run_twice(at_work, times):
    held, due = at_work.invoice(state="held"), at_work.invoice()
    backup = Backup(at_work)
    at_work.drain()
    backup.put_back()
    for _ in range(times):
        assert mark(at_work) == 2
    assert restored.counts(at_work.hub.database) == [("acme", "test", "uncertain", 2)]
    work(at_work)
    assert states(at_work, held, due) == ["held", "delivered"]
    assert documents(at_work) == ["INV-2"]


def test_an_invoice_from_before_that_is_opened_later_is_looked_for_first(at_work):
    """In the time that was lost its customer was linked and it was sent; now that happens anew."""
    sent, unsent, held, new = (at_work.invoice() for _ in range(4))
    with at_work.hub.database.write():
        t.Delivery.delete().execute()
    backup = Backup(at_work)
    with at_work.hub.database.write():
        at_work.open("push", sent)
    at_work.drain()
    backup.put_back()
    assert mark(at_work) == 0
    fresh = accepted_now(at_work, new)
    with at_work.hub.database.write():
        for one, state in ((sent, "due"), (unsent, "due"), (held, "held"), (fresh, "due")):
            at_work.open("push", one, state)
    found = [at_work.delivery(one) for one in (sent, unsent, held, fresh)]
    assert [row.state for row in found] == ["uncertain", "uncertain", "held", "uncertain"]
    assert all(row.may_exist for row in found)
    with at_work.hub.database.write():
        since = epoch_ms(at_work.hub.clock.now()) - 2000
        t.Delivery.update(uncertain_since=since).where(t.Delivery.state == "uncertain").execute()
    work(at_work)
    assert states(at_work, sent, unsent, held, fresh) == ["delivered"] * 2 + ["held", "delivered"]
    assert documents(at_work) == ["INV-1", "INV-2", "INV-4"]
    assert at_work.delivery(sent).receipt["adopted"]


def accepted_now(stage, invoice):
    """The invoice under an id of this moment, as if it had come just now, without a delivery."""
    fresh = new_id("inv")
    with stage.hub.database.write():
        t.Invoice.update(id=fresh).where(t.Invoice.id == invoice).execute()
        t.InvoiceLine.update(invoice_id=fresh).where(t.InvoiceLine.invoice_id == invoice).execute()
        t.Delivery.delete().where(t.Delivery.subject_id == invoice).execute()
    return fresh


class Numbered(Acme):
    """Acme, looking for the number as well; it notes from when on."""

    def __init__(self):
        super().__init__()
        self.since, self.there = [], None

    @hookimpl
    def find_invoice(self, connection, push):
        self.since.append(epoch_ms(push.since))
        found = super().find_invoice(connection, push)
        docs = self.there.docs.values() if found is None else ()
        if any(doc["number"] == push.invoice.number for doc in docs):
            raise NeedsOperator("the number stands there", code="document_conflict")
        return found


@pytest.fixture
def numbered(database_url, tmp_path):
    plugin = Numbered()
    with stage(database_url, tmp_path, plugin) as one:
        plugin.there = one.acme
        yield one, plugin


@pytest.mark.parametrize("state", ["due", "held"])
def test_what_was_accepted_in_the_lost_time_and_comes_again_is_left_to_a_person(numbered, state):
    at_work, plugin = numbered
    old = epoch_ms(at_work.hub.clock.now()) - 5 * DAY
    at_work.invoice()
    at_work.drain()
    with at_work.hub.database.write():
        t.Invoice.update(created_at=old).execute()
        t.Delivery.update(created_at=old).execute()
        t.Attempt.update(started_at=old).execute()
    backup = Backup(at_work)
    at_work.invoice(number="INV-9")
    at_work.drain()
    backup.put_back()
    mark(at_work)
    again, new = (accepted_now(at_work, at_work.invoice(number=one)) for one in ("INV-9", "INV-10"))
    with at_work.hub.database.write():
        for one in (again, new):
            at_work.open("push", one, state)
    assert [at_work.delivery(one).may_exist for one in (again, new)] == [state == "due"] * 2
    with at_work.hub.database.write():
        for one in (again, new):
            outbox.push_held(SCOPE, at_work.delivery(one).id, epoch_ms(at_work.hub.clock.now()))
    assert states(at_work, again, new) == ["uncertain", "uncertain"]
    at_work.hub.clock.wait(threading.Event(), 1.1)  # as long as Acme may take to settle
    work(at_work)
    assert states(at_work, again, new) == ["blocked", "delivered"]
    assert at_work.delivery(again).error_code == "document_conflict"
    assert documents(at_work) == ["INV-1", "INV-10", "INV-9"]
    assert plugin.since
    assert max(plugin.since) <= old - DAY


def test_a_month_later_new_invoices_are_sent_as_ever(at_work):
    mark(at_work)
    with at_work.hub.database.write():
        t.Instance.update(restored_at=epoch_ms(at_work.hub.clock.now()) - 30 * DAY).execute()
    new = accepted_now(at_work, at_work.invoice())
    with at_work.hub.database.write():
        at_work.open("push", new)
    assert (at_work.delivery(new).state, at_work.delivery(new).may_exist) == ("due", False)


def test_no_key_is_used_again_however_often_the_same_backup_is_put_back(at_work):
    one = at_work.invoice()
    backup = Backup(at_work)
    reached = []
    for times in range(3):
        backup.put_back()
        now = epoch_ms(at_work.hub.clock.now()) + times * 1000
        restored.mark(at_work.hub.database, now)
        reached.append(at_work.delivery(one).generation)
    assert len(set(reached)) == 3
    restored.mark(at_work.hub.database, now)
    assert at_work.delivery(one).generation > max(reached)


def test_nothing_is_marked_while_a_worker_of_a_cluster_is_alive(at_work):
    at_work.invoice()
    with at_work.hub.database.write():
        processes.see("wrk_1", at_work.hub.now())
    with pytest.raises(Conflict, match="1 of its workers"):
        restoring.mark(at_work.hub)
    with at_work.hub.database.write():
        processes.leave("wrk_1")
    assert restoring.mark(at_work.hub) == 1
