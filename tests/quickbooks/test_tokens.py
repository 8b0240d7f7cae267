"""Tokens of QuickBooks: how they are renewed, and what a renewal that goes wrong leaves behind."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from kable_quickbooks_ledger.simulator_tokens import HARD

from kable_hub.clock import ManualClock
from kable_hub.store import tables as t
from kable_hub.sync.access import Access
from kable_hub.sync.asking import Asking
from kable_hub.sync.drain import drain
from kable_hub.testing import Fault, observing
from kable_hub.usecases.expiry import Watch
from tests.quickbooks.dialogue import Dialogue, begun, tokens
from tests.quickbooks.stage import DAY

DELIVERED, NOT_CONNECTED = ("delivered", ""), ("blocked", "not_connected")
TOKEN = "/tokens/bearer$"
HOUR = 3600


class Held(Fault):
    """A request that hangs until it is let go, and is executed then."""

    def __init__(self, path: str) -> None:
        self.arrived, self.go = threading.Event(), threading.Event()
        super().__init__(path=path)

    @property
    def delay(self) -> float:
        self.arrived.set()
        self.go.wait(60)
        return 0.0

    @delay.setter
    def delay(self, _seconds: float) -> None:
        return


def check(shop):
    return shop.post("/connections/quickbooks/check")


def family(shop):
    """The authorisation that Intuit counts now."""
    return shop.quickbooks.sign_in.tokens.families[-1]


def kept(shop):
    """The refresh token that the hub keeps."""
    with shop.hub.database.read():
        row = t.Credential.get()
        secrets = shop.hub.vault.open(row.connection_id, row.ciphertext)
    return secrets["refresh_token"]


def posted(shop):
    """The requestid of every invoice that was posted, with the answer's status."""
    return [(one.query["requestid"], one.status) for one in shop.asked("POST", "/invoice$")]


# --- what a refresh may leave behind --------------------------------------------------------------


def test_05_an_expired_token_is_refreshed_once_for_every_thread_that_needs_it(ready):
    made = ready.invoice()
    ready.clock.advance(HOUR)
    held = Held(TOKEN)
    ready.quickbooks.fault(held)
    with ThreadPoolExecutor(4) as people:
        answers = [people.submit(check, ready) for _ in range(3)]
        assert held.arrived.wait(60)
        worked = people.submit(ready.work)
        held.go.set()
        assert [one.result().status_code for one in answers] == [200] * 3
        worked.result()
    assert ready.standing(made) == DELIVERED
    assert (tokens(ready), kept(ready)) == (["exchange", "refresh"], family(ready).current)


@dataclass
class Mending(ManualClock):
    """A clock by which a broken store is mended while somebody waits."""

    shop: Any

    def __post_init__(self) -> None:
        super().__init__(self.shop.clock.now())

    def wait(self, event, seconds):
        with self.shop.hub.database.write():
            self.shop.hub.database.sql("DROP TRIGGER broken")
        return super().wait(event, seconds)


BROKEN = """
    CREATE TRIGGER broken BEFORE UPDATE ON credential WHEN NEW.version > OLD.version
    BEGIN SELECT RAISE(ABORT, 'the disk is full'); END
"""


def test_06_new_tokens_outlive_a_store_that_stumbles_when_they_are_kept(ready):
    ready.clock.advance(HOUR)
    ready.hub.access._clock = Mending(ready)
    with ready.hub.database.write():
        ready.hub.database.sql(BROKEN)
    assert check(ready).status_code == 200
    assert (tokens(ready), kept(ready)) == (["exchange", "refresh"], family(ready).current)


def test_06_a_process_killed_between_refresh_and_save_loses_nothing(ready):
    made = ready.invoice()
    ready.clock.advance(HOUR)
    with ready.hub.database.read():
        connection = t.Connection.get().id
    ready.hub.database.close()
    worker = multiprocessing.get_context("fork").Process(target=_drain, args=(ready, connection))

    def kill(_simulator, request, _answer):
        if request.path.endswith("/bearer") and worker.pid:
            os.kill(worker.pid, signal.SIGKILL)

    with observing(kill):
        worker.start()
        worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert kept(ready) == family(ready).previous
    ready.restart()
    ready.pass_time(80)
    assert ready.connection()["pauses"].keys() == {"reconnect"}
    assert ready.standing(made) == NOT_CONNECTED
    asked = len(tokens(ready))
    ready.until_quiet()
    assert (len(tokens(ready)), ready.invoices()) == (asked, [])
    assert begun(ready).approve().come_back().status_code == 200
    ready.until_quiet()
    assert (ready.standing(made), len(ready.invoices())) == (DELIVERED, 1)


def _drain(shop, connection):
    with ThreadPoolExecutor(2) as pushers:
        drain(shop.rooms, connection, shop.pace, pushers, threading.Event())
    os._exit(0)


def test_07_a_lost_answer_to_a_refresh_is_asked_for_once_more_with_the_old_token(ready):
    ready.quickbooks.sign_in.tokens.rotation = "grace"
    ready.clock.advance(HOUR)
    ready.quickbooks.fault(Fault(path=TOKEN, stage="after", reset=True))
    made = ready.push()
    assert ready.standing(made) == DELIVERED
    assert tokens(ready) == ["exchange", "refresh", "refresh"]
    assert kept(ready) == family(ready).current


def test_07_where_intuit_forgot_the_old_token_at_once_a_person_reconnects(ready):
    ready.clock.advance(HOUR)
    ready.quickbooks.fault(Fault(path=TOKEN, stage="after", reset=True))
    made = ready.push()
    assert tokens(ready) == ["exchange", "refresh", "refresh"]
    assert ready.standing(made) == NOT_CONNECTED
    told = ready.connection()["pauses"]["reconnect"]
    assert "connect again" in told
    assert Dialogue(ready).renew(ready.connection()["reconnectUrl"]).approve().come_back().ok
    ready.until_quiet()
    assert (ready.standing(made), len(ready.invoices())) == (DELIVERED, 1)


def test_07_intuit_out_of_reach_is_tried_again_later_and_pauses_nothing(ready):
    ready.clock.advance(HOUR)
    ready.quickbooks.fault(Fault(path=TOKEN, status=503, times=2))
    made = ready.push()
    assert ready.standing(made)[0] == "due"
    assert ready.connection()["state"] == "active"
    ready.until_quiet()
    assert (ready.standing(made), kept(ready)) == (DELIVERED, family(ready).current)


def test_08_a_refused_token_that_should_still_hold_is_refreshed_and_the_same_request_repeated(
    ready,
):
    ready.quickbooks.sign_in.tokens.expire_access_tokens()
    made = ready.push()
    assert ready.standing(made) == DELIVERED
    (first, refused), (second, accepted) = posted(ready)
    assert (first == second, refused, accepted) == (True, 401, 200)
    bodies = [one.body for one in ready.asked("POST", "/invoice$")]
    assert bodies[0] == bodies[1]
    assert (tokens(ready), len(ready.invoices())) == (["exchange", "refresh"], 1)


def test_08_a_second_refusal_asks_for_a_person_and_loops_nowhere(ready):
    ready.quickbooks.fault(Fault(path="/v3/", status=401, body="{}", times=99))
    made = ready.push()
    assert ready.connection()["pauses"].keys() == {"reconnect"}
    assert len(posted(ready)) == 2
    assert tokens(ready) == ["exchange", "refresh"]
    asked = len(ready.quickbooks.requests)
    ready.until_quiet()
    assert len(ready.quickbooks.requests) == asked
    ready.quickbooks.clear_faults()
    assert begun(ready).approve().come_back().status_code == 200
    ready.until_quiet()
    assert (ready.standing(made), len(ready.invoices())) == (DELIVERED, 1)


def another_worker(shop):
    """With rooms of its own on the same store, for which the first one's lease has run out."""
    with shop.hub.database.write():
        row = t.Connection.get()
        t.Credential.update(lease_until=0).execute()
    hub = shop.hub
    own = Access(hub.database, hub.vault, hub.dispatcher, hub.settings, hub.clock)
    asking = Asking(hub.database, hub.dispatcher, own, hub.budget, hub.settings, hub.clock)
    asking.ask(row, "check_connection")


def a_person(shop):
    """Somebody reconnects meanwhile, and Intuit ends what was granted before."""
    old = family(shop)
    assert begun(shop).approve().come_back().status_code == 200
    old.revoked = True


@pytest.mark.parametrize("renewed_by", [another_worker, a_person])
def test_09_a_refusal_is_none_where_somebody_else_renewed_meanwhile(ready, renewed_by):
    ready.clock.advance(HOUR)
    held = Held(TOKEN)
    ready.quickbooks.fault(held)
    with ThreadPoolExecutor(1) as workers:
        first = workers.submit(check, ready)
        assert held.arrived.wait(60)
        renewed_by(ready)
        held.go.set()
        assert first.result().status_code == 200
    assert [one.status for one in ready.quickbooks.seen("POST", TOKEN)].count(400) == 1
    assert (ready.connection()["state"], kept(ready)) == ("active", family(ready).current)
    assert ready.standing(ready.push()) == DELIVERED


# --- access that ends by itself -------------------------------------------------------------------


def test_10_a_hard_end_in_29_days_is_warned_of_everywhere_and_reconnecting_ends_the_warning(
    ready, caplog
):
    family(ready).born -= HARD - timedelta(days=29)
    ready.clock.advance(HOUR)
    assert check(ready).status_code == 200
    shown = ready.connection()
    (warning,) = shown["warnings"]
    assert shown["reconnectUrl"] in warning
    assert shown["reconnectBy"][:10] in warning
    (listed,) = ready.get("/connections")["items"]
    assert listed["warnings"] == shown["warnings"]
    with ready.app.test_client() as client:
        assert client.get("/readyz").json["reconnectSoon"] == 1
    watch = Watch(ready.hub)
    for _ in range(2):
        watch.look()
    lines = [one.getMessage() for one in caplog.records if one.name == "kable_hub.usecases.expiry"]
    assert [one for one in lines if warning[:15] in one] == [
        f"connection {shown['id']} (quickbooks): {warning}"
    ]
    assert ready.standing(ready.push()) == DELIVERED
    assert Dialogue(ready).renew(shown["reconnectUrl"]).approve().come_back().status_code == 200
    after = ready.connection()
    assert (after["warnings"], after["id"]) == ([], shown["id"])


def test_10_after_its_hard_end_the_access_says_so_and_waits_for_a_person(ready):
    family(ready).born -= HARD - timedelta(days=2)
    ready.clock.advance(HOUR)
    assert check(ready).status_code == 200
    ready.clock.advance(3 * DAY)
    made = ready.push()
    shown = ready.connection()
    assert ready.standing(made) == NOT_CONNECTED
    assert shown["pauses"].keys() == {"reconnect"}
    assert "ended on" in shown["warnings"][0]


def test_10_a_hundred_days_without_use_need_a_person(ready):
    made = ready.invoice()
    ready.pass_time(101 * DAY)
    assert (ready.connection()["pauses"].keys(), ready.standing(made)) == (
        {"reconnect"},
        NOT_CONNECTED,
    )
    assert begun(ready).approve().come_back().status_code == 200
    ready.until_quiet()
    assert ready.standing(made) == DELIVERED


def test_10_access_of_a_paused_connection_is_kept_alive(ready):
    ready.post("/connections/quickbooks/pause", {"reason": "a long holiday"})
    for _ in range(4):
        ready.clock.advance(75 * DAY)
        Watch(ready.hub).look()
        assert ready.connection()["warnings"] == []
    assert ready.connection()["pauses"].keys() == {"operator"}
    assert check(ready).status_code == 200


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-300, 0, 299])
def test_51_a_clock_that_is_five_minutes_off_meets_no_refusal(ready, ahead):
    intuit, clock = ready.quickbooks.sign_in.tokens, ready.clock
    intuit.now = lambda: clock.now() + timedelta(seconds=ahead)
    for _ in range(14):
        clock.advance(299)
        assert check(ready).status_code == 200
    assert {one.status for one in ready.quickbooks.requests} == {200, 302}
    assert tokens(ready) == ["exchange", "refresh"]


def test_51_a_token_is_renewed_five_minutes_before_its_end_and_no_sooner(ready):
    ready.clock.advance(3299)
    assert check(ready).status_code == 200
    assert tokens(ready) == ["exchange"]
    ready.clock.advance(1)
    assert check(ready).status_code == 200
    assert tokens(ready) == ["exchange", "refresh"]


def test_51_a_clock_that_is_an_hour_off_costs_one_refusal_and_goes_on(ready):
    intuit, clock = ready.quickbooks.sign_in.tokens, ready.clock
    intuit.now = lambda: clock.now() + timedelta(hours=1)
    made = ready.push()
    assert ready.standing(made) == DELIVERED
    assert [status for _, status in posted(ready)] == [401, 200]
