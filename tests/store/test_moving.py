"""A store moves as a whole, or stays: marks, refusals, and a process killed at any step."""

import multiprocessing
import os
import random
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from peewee import IntegrityError

from kable_hub.clock import SystemClock, epoch_ms
from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import moves
from kable_hub.store.copying import Copied
from kable_hub.store.database import Database
from kable_hub.store.moves import StoreClosed
from kable_hub.store.scope import Scope
from kable_hub.sync.loop import hold
from kable_hub.usecases import accounts, customers, endpoints, invoicing, moving, users
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.errors import Conflict
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.invoicing import NewInvoice, NewLine
from tests.conftest import fresh


@pytest.fixture
def settings(tmp_path):
    return Settings.load({"KABLE_DATA_DIR": str(tmp_path / "data")})


@pytest.fixture
def filled(settings):
    """A store with an account, a customer, invoices in two currencies, a user and an endpoint."""
    hub = open_hub(settings, registry=Registry.of())
    scope = Scope(accounts.create_account(hub, "Schön & Söhne", "paid").id, Environment.TEST)
    users.add_user(hub, "ann@shop.example", scope.account_id)
    endpoints.add_endpoint(hub, scope, "https://shop.example/hooks")
    for currency in ("USD", "JPY"):
        customers.create_customer(hub, scope, NewCustomer(currency, "One", currency))
    for number in range(6):
        lines = (NewLine("wörk", unit_price=Decimal(number + 1)),)
        currency = ("USD", "JPY")[number % 2]
        new = NewInvoice(currency, f"A-{number}", currency, date(2026, 11, 22), lines)
        invoicing.create_invoice(hub, scope, new)
    hub.close()
    return settings


@pytest.fixture
def target(tmp_path):
    yield from fresh("postgres", tmp_path)


def contents(url):
    database = Database(url)
    found = {
        name: [row for some in Copied(name).portions(database) for row in some]
        for name in moves.names()
    }
    database.close()
    return {name: sorted(map(repr, some)) for name, some in found.items()}


def role(url):
    database = Database(url)
    mark = moves.marked(database)
    database.close()
    return mark.role if mark else ""


def test_everything_arrives_and_the_old_store_is_left(filled, target):
    before = contents(filled.database_url)
    found = moving.move(filled, target)
    assert found.done
    assert contents(target) == before
    assert (role(filled.database_url), role(target)) == ("left", "")
    with pytest.raises(StoreClosed, match=r"moved to postgresql://127\.0\.0\.1:") as refused:
        open_hub(filled, registry=Registry.of())
    assert "hub@" not in str(refused.value)
    hub = open_hub(replace(filled, database_url=target), registry=Registry.of())
    assert len(accounts.list_accounts(hub).items) == 1
    hub.close()


def test_what_was_moved_is_not_moved_again(filled, target):
    moving.move(filled, target)
    said = []
    assert moving.move(filled, target, said.append) == moving.Moved(moves.shown(target))
    assert said == []


def test_a_new_place_that_was_emptied_or_taken_by_another_is_not_filled_again(filled, target):
    moving.move(filled, target)
    database = Database(target)
    for text in ("UPDATE instance SET id = 'another'", "DROP TABLE instance"):
        with database.write():
            database.sql(text)
        with pytest.raises(Conflict, match="was moved there before, and is there no more"):
            moving.move(filled, target)
    database.close()
    assert role(filled.database_url) == "left"


def test_the_way_back_is_the_same(filled, target, tmp_path):
    before = contents(filled.database_url)
    moving.move(filled, target)
    back = f"sqlite:///{tmp_path}/back/hub.db"
    assert moving.move(replace(filled, database_url=target), back).done
    assert contents(back) == before
    assert role(target) == "left"
    with pytest.raises(StoreClosed, match=r"back/hub\.db"):
        open_hub(replace(filled, database_url=target), registry=Registry.of())
    database = Database(target)
    with pytest.raises(IntegrityError) as refused, database.write():
        database.sql("UPDATE account SET plan = 'free'")
    assert moves.is_refusal(refused.value)
    database.close()
    moving.release(replace(filled, database_url=target))
    open_hub(replace(filled, database_url=target), registry=Registry.of()).close()


WRITES = (
    "INSERT INTO account (id, name, plan, created_at) VALUES ('a', 'b', 'free', 1)",
    "INSERT OR REPLACE INTO instance (id) VALUES ('other')",
    "INSERT OR IGNORE INTO instance (id) VALUES ('other')",
    "UPDATE invoice SET memo = 'x'",
    "DELETE FROM invoice_line",
)


def test_nobody_who_had_it_open_writes_to_a_store_that_was_left(filled, target):
    path = filled.database_url.removeprefix("sqlite:///")
    early = sqlite3.connect(path)
    early.execute("SELECT * FROM account").fetchall()
    moving.move(filled, target)
    for text in WRITES:
        with pytest.raises(sqlite3.IntegrityError, match="the store is closed: it moves to postg"):
            early.execute(text)
    early.close()


def test_a_store_at_work_is_not_moved(filled, target):
    with hold(Path(filled.database_url.removeprefix("sqlite:///")).with_suffix(".engine.lock")):
        with pytest.raises(Conflict, match="Stop the hub first"):
            moving.move(filled, target)
        with pytest.raises(Conflict, match="Stop the hub first"):
            moving.release(filled)
    assert (role(filled.database_url), role(target)) == ("", "")


def test_a_store_with_workers_is_not_moved_until_they_have_gone(filled, target):
    seen = epoch_ms(SystemClock().now())
    put = f"INSERT INTO worker_process (id, started_at, seen_at) VALUES ('wrk_1', 1, {seen})"
    with closing(sqlite3.connect(filled.database_url.removeprefix("sqlite:///"))) as store, store:
        store.execute(put)
    with pytest.raises(Conflict, match="1 of its workers"):
        moving.move(filled, target)
    assert (role(filled.database_url), role(target)) == ("", "")
    with closing(sqlite3.connect(filled.database_url.removeprefix("sqlite:///"))) as store, store:
        store.execute("UPDATE worker_process SET seen_at = seen_at - 11000")
    moving.move(filled, target)


@pytest.mark.parametrize("table", ["credential", "connection"])
def test_a_lease_of_a_refresh_is_waited_for_and_one_of_a_dead_engine_is_void(filled, target, table):
    until = epoch_ms(SystemClock().now()) + 60_000
    put = {
        "credential": (
            "INSERT INTO credential VALUES"
            " ('con_1', 'acc_1', 'test', 'sealed', 1, NULL, NULL, ?, 1)"
        ),
        "connection": (
            "INSERT INTO connection (id, account_id, environment, provider, kind, state, pauses,"
            " external_id, title, app_id, method, shared, settings, push_earlier, warnings,"
            " poll_cursor, created_at, connected_at, lease_until, lease_token) VALUES ('con_1',"
            " 'acc_1', 'test', 'acme', 'payments', 'active', '{}', '', '', '', '', 0, '{}', 'all',"
            " '[]', '{}', 1, 1, ?, 7)"
        ),
    }
    with sqlite3.connect(filled.database_url.removeprefix("sqlite:///")) as raw:
        raw.execute(put[table], [until])
    if table == "credential":
        with pytest.raises(Conflict, match="credential says that it is at work"):
            moving.move(filled, target)
        assert role(filled.database_url) == ""
        return
    assert moving.move(filled, target).done
    database = Database(target)
    with database.read():
        row = database.sql("SELECT lease_until, lease_token FROM connection").fetchone()
    database.close()
    assert row == (0, 7)


def test_a_target_that_holds_something_is_refused(filled, target, tmp_path):
    other = Settings.load({"KABLE_DATA_DIR": str(tmp_path / "other"), "DATABASE_URL": target})
    open_hub(other, registry=Registry.of()).close()
    with pytest.raises(Conflict, match="not empty: instance holds rows"):
        moving.move(filled, target)
    assert role(filled.database_url) == ""


def test_a_target_of_somebody_else_is_refused(filled, target):
    database = Database(target)
    with database.write():
        database.sql("CREATE TABLE wiki (page TEXT)")
    database.close()
    with pytest.raises(Conflict, match="table wiki, which is not the hub's"):
        moving.move(filled, target)


def test_a_target_that_is_filled_from_another_store_is_refused(filled, target, tmp_path):
    other = Settings.load({"KABLE_DATA_DIR": str(tmp_path / "other")})
    open_hub(other, registry=Registry.of()).close()
    half_way(other, target)
    with pytest.raises(Conflict, match="it is being filled from sqlite:///"):
        moving.move(filled, target)
    with pytest.raises(StoreClosed, match="it is being filled from sqlite:///"):
        open_hub(replace(filled, database_url=target), registry=Registry.of())
    with pytest.raises(StoreClosed):
        moving.move(replace(filled, database_url=target), f"sqlite:///{tmp_path}/x/hub.db")


class Stopped(Exception):
    pass


def half_way(settings, target, *, step="account is copied"):
    def say(said):
        if said == step:
            raise Stopped

    with pytest.raises(Stopped):
        moving.move(settings, target, say)


def test_a_store_half_way_is_closed_on_both_sides_and_goes_nowhere_else(filled, target, tmp_path):
    half_way(filled, target)
    assert (role(filled.database_url), role(target)) == ("leaving", "arriving")
    for url in (filled.database_url, target):
        with pytest.raises(StoreClosed):
            open_hub(replace(filled, database_url=url), registry=Registry.of())
    with pytest.raises(Conflict, match="it is being moved to postgresql://"):
        moving.move(filled, f"sqlite:///{tmp_path}/elsewhere/hub.db")


def test_a_store_that_was_released_half_way_moves_anew_with_what_came_since(filled, target):
    half_way(filled, target, step="invoice is copied")
    assert moving.release(filled) == moving.Released(moves.shown(target), False, 0)
    with pytest.raises(Conflict, match="was not moved"):
        moving.release(filled)
    hub = open_hub(filled, registry=Registry.of())
    account = accounts.create_account(hub, "Second", "free").id
    hub.close()
    before = contents(filled.database_url)
    assert moving.move(filled, target).done
    assert contents(target) == before
    assert any(account in row for row in before["account"])


def test_what_the_target_cannot_hold_leaves_everything_as_it_was(filled, target):
    with sqlite3.connect(filled.database_url.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE customer SET company_name = 'O' || char(0) WHERE currency = 'USD'")
    before = contents(filled.database_url)
    found = moving.move(filled, target)
    (fault,) = found.faults
    assert (fault.table, fault.column) == ("customer", "company_name")
    assert not found.done
    assert role(filled.database_url) == ""
    assert contents(filled.database_url) == before
    with sqlite3.connect(filled.database_url.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE customer SET company_name = 'One'")
    assert moving.move(filled, target).done


def test_a_difference_in_the_end_keeps_the_old_store(filled, target):
    """Somebody who writes to the target by hand, past the hub."""

    def meddle(said):
        if said == "outgoing_attempt is copied":
            database = Database(target)
            with database.write():
                database.sql("UPDATE invoice SET total = total + 1 WHERE number = 'A-3'")
            database.close()

    found = moving.move(filled, target, meddle)
    assert not found.done
    wrong = [one.what for one in (*found.tables, *found.counted) if not one.agrees]
    assert wrong[0] == "invoice"
    assert wrong[1].endswith("test JPY")
    assert len(wrong) == 2
    assert (role(filled.database_url), role(target)) == ("", "arriving")


def killed_at(settings, target, step):
    """Move in a process of its own that is killed at its `step`th step; whether it came to that."""

    def run():
        left = [step]

        def say(_said):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        moving.move(settings, target, say)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_a_move_that_is_killed_again_and_again_arrives_once_and_whole(filled, target):
    before = contents(filled.database_url)
    chance, kills = random.Random(5), 0
    while killed_at(filled, target, chance.choice([1, 2, 3, 5, 9])):
        kills += 1
        # Never two stores at work, whenever it was killed.
        assert {role(filled.database_url), role(target)} != {""}
    assert kills >= 5
    assert contents(target) == before
    assert (role(filled.database_url), role(target)) == ("left", "")


@pytest.mark.parametrize("step", ["the source is left", "both sides are compared"])
def test_the_last_steps_can_be_repeated(filled, target, step):
    half_way(filled, target, step=step)
    assert role(target) == "arriving"
    assert moving.move(filled, target).done
    assert (role(filled.database_url), role(target)) == ("left", "")


def test_an_older_hub_half_way_is_refused_after_an_upgrade(filled, target):
    half_way(filled, target)
    with sqlite3.connect(filled.database_url.removeprefix("sqlite:///")) as raw:
        raw.execute("DELETE FROM schema_migration WHERE name LIKE '0012%'")
    with pytest.raises(Conflict, match="by another version of the hub"):
        moving.move(filled, target)


def test_a_store_that_is_not_there_and_one_that_is_the_same_are_refused(settings, target):
    with pytest.raises(Conflict, match="no store at"):
        moving.move(settings, target)
    with pytest.raises(Conflict, match="there already"):
        moving.move(settings, settings.database_url)
    assert not settings.data_dir.exists()
