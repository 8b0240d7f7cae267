"""Rows of every table survive the way between the stores; what cannot is named."""

import random
import sqlite3
from dataclasses import astuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kable_hub.store import copying, moves
from kable_hub.store import tables as t
from kable_hub.store.copying import Copied
from kable_hub.store.database import Database
from tests.conftest import need_postgres
from tests.store.odd import everything, put, rows
from tests.stores import drop_database, fresh_database_url, migrated

MOVED = [one for one in t.TABLES if one._meta.table_name in moves.names()]
QUICK = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    need_postgres()
    folder = tmp_path_factory.mktemp("both")
    urls = [fresh_database_url(kind, folder, prepare=migrated) for kind in ("sqlite", "postgres")]
    databases = [Database(url) for url in urls]
    yield databases
    for one, url in zip(databases, urls, strict=True):
        one.close()
        drop_database(url)


@pytest.mark.parametrize("table", MOVED, ids=lambda one: one.__name__)
def test_odd_rows_survive_the_way_to_the_other_store_and_back(both, table):
    sqlite, postgres = both
    name = table._meta.table_name

    @QUICK
    @given(rows(table))
    def survive(some):
        for one in both:
            with one.write():
                copying.clear(one, [name])
        put(sqlite, table, some)
        kept = everything(sqlite, table)
        assert sorted(map(repr, kept)) == sorted(map(repr, some))
        assert [fault for row in kept for fault in Copied(name).faults(row)] == []
        put(postgres, table, kept)
        assert Copied(name).sums(sqlite) == Copied(name).sums(postgres)
        with sqlite.write():
            copying.clear(sqlite, [name])
        put(sqlite, table, everything(postgres, table))
        assert everything(sqlite, table) == kept

    survive()


def test_values_that_changed_places_are_noticed_though_they_add_up_to_the_same(both):
    for one, names in zip(both, (("ann", "bob"), ("bob", "ann")), strict=True):
        with one.write():
            copying.clear(one, ["account"])
        accounts = [(f"acc_{n}", name, "paid", 1, "[]") for n, name in enumerate(names)]
        put(one, t.Account, accounts)
    ours, theirs = (Copied("account").sums(one) for one in both)
    assert astuple(ours)[:3] == astuple(theirs)[:3]
    assert ours != theirs


def test_every_table_of_the_schema_moves_but_the_history_and_the_marks(both):
    for one in both:
        with one.read():
            found = set(one.peewee.get_tables()) - {"sqlite_sequence", "sqlite_stat1"}
        assert found - {"schema_migration", "store_move", "worker_process"} == set(moves.names())


def test_no_table_of_the_hub_counts_by_itself(both):
    _, postgres = both
    with postgres.read():
        text = "SELECT column_default FROM information_schema.columns WHERE table_name = ?"
        for name in moves.names():
            defaults = [str(row[0]) for row in postgres.sql(text, name).fetchall()]
            assert not [one for one in defaults if "nextval" in one], name


def spoilt(column, value):
    """An account whose name or moment is what it should not be, put there behind the hub's back."""
    values = {"id": "acc_1", "name": "Shop", "plan": "paid", "created_at": 1, "return_hosts": "[]"}
    return {**values, column: value}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("name", "a\0b", "it holds a NUL character, which PostgreSQL does not take"),
        ("name", b"\xff\xfe", "it is no text"),
        ("created_at", 2**40, ""),
        ("created_at", "soon", "it is no whole number of 64 bits"),
    ],
)
def test_what_the_other_store_cannot_hold_is_named(tmp_path, column, value, reason):
    url = fresh_database_url("sqlite", tmp_path, prepare=migrated)
    row = spoilt(column, value)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        marks = ", ".join("?" * len(row))
        raw.execute(f"INSERT INTO account ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    database = Database(url)
    (portion,) = Copied("account").portions(database)
    found = [str(one) for one in Copied("account").faults(portion[0])]
    database.close()
    assert found == ([f"account acc_1, {column}: {reason}"] if reason else [])


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("delivery", "attempts", 2**31, "it is no whole number of 32 bits"),
        ("delivery", "frozen", 7, "it is neither true nor false"),
        ("invoice", "issue_date", "someday", "it is no date"),
        ("invoice", "memo", "\udcff", "it is no UTF-8"),
        ("invoice", "memo", None, ""),
    ],
)
def test_each_kind_of_column_has_its_own_reason(table, column, value, reason):
    copied = Copied(table)
    places = {one.column_name: one for one in copied._fields}
    row = tuple(value if name == column else None for name in places)
    assert [one.reason for one in copied.faults(row)] == ([reason] if reason else [])


def test_text_that_is_no_utf_8_is_read_and_named(tmp_path):
    url = fresh_database_url("sqlite", tmp_path, prepare=migrated)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        raw.execute(
            "INSERT INTO account (id, name, plan, created_at)"
            " VALUES ('acc_1', CAST(x'41ff' AS TEXT), 'paid', 1)"
        )
    database = Database(url)
    (portion,) = Copied("account").portions(database)
    assert [one.reason for one in Copied("account").faults(portion[0])] == ["it is no UTF-8"]
    database.close()


def test_a_row_that_is_refused_is_named_though_its_neighbours_are_well(both):
    _, postgres = both
    unruly = "".join(map(chr, random.Random(1).choices(range(33, 0x3000), k=4000)))
    good = ("usr_1", "a@shop.example", None, "", 0, 1, None, None)
    bad = ("usr_2", unruly, None, "", 0, 1, None, None)
    with pytest.raises(copying.NotTaken) as refused, postgres.write():
        Copied("user").write(postgres, [good, bad])
    assert str(refused.value).startswith("user usr_2: index row ")


@QUICK
@given(st.integers(0, 3))
def test_portions_are_small_however_long_the_text(both, extra):
    sqlite, _ = both
    count = copying.PORTION_ROWS + extra
    with sqlite.write():
        copying.clear(sqlite, ["sign_in_try", "idempotent_answer"])
    put(sqlite, t.SignInTry, [(f"try_{one:05}", "s", one) for one in range(count)])
    sizes = [len(some) for some in Copied("sign_in_try").portions(sqlite)]
    assert sizes == [one for one in (copying.PORTION_ROWS, extra) if one]
    big = "b" * (copying.PORTION_CHARACTERS // 2)
    put(sqlite, t.IdempotentAnswer, [("s", f"k{one}", "f", 200, "{}", big, 1) for one in range(5)])
    sizes = [len(some) for some in Copied("idempotent_answer").portions(sqlite)]
    assert sizes == [2, 2, 1]
