"""A PostgreSQL database that comes again is as good as a new one."""

import psycopg
import pytest

from tests import stores
from tests.conftest import need_postgres
from tests.support.test_stores import run


@pytest.fixture(autouse=True)
def _postgres():
    need_postgres()


def furnish(url):
    run(url, "create table filled (id bigserial primary key, at timestamptz, sum numeric, b bytea)")
    run(url, "insert into filled (at, sum, b) values (now(), 1.10, '\\x00ff'), (null, null, null)")
    run(url, "create table bare (id bigserial primary key, words text unique)")
    run(url, "create schema beside")
    run(url, "create table beside.pointing (id bigint references bare on delete restrict)")


def held(url):
    tables = ("filled", "bare", "beside.pointing")
    return [run(url, f"select * from {table} order by id") for table in tables]


def lend(tmp_path):
    return stores.fresh_database_url("postgres", tmp_path, prepare=furnish)


@pytest.fixture
def spent(tmp_path):
    """A database that was used, with what it held before; given back by the test."""
    url = lend(tmp_path)
    before = held(url)
    run(url, "insert into bare (words) values ('paid'), ('due')")
    run(url, "insert into beside.pointing values (1)")
    run(url, "insert into filled (sum) select generate_series(1, 20000)")
    run(url, "update filled set sum = 7 where id = 1")
    return url, before


def test_one_that_was_given_back_comes_again_with_rows_and_ids_of_its_template(spent, tmp_path):
    url, before = spent
    stores.drop_database(url)

    assert lend(tmp_path) == url
    assert held(url) == before
    assert run(url, "insert into bare (words) values ('new') returning id") == [(1,)]
    assert run(url, "insert into filled (sum) values (1) returning id") == [(3,)]
    stores.drop_database(url)


def test_one_that_is_lent_out_is_nobody_elses(spent, tmp_path):
    url, before = spent
    other = lend(tmp_path)

    assert other != url
    assert held(other) == before
    for one in (url, other):
        stores.drop_database(one)


def test_who_is_still_connected_is_cut_off_and_what_was_not_committed_is_lost(spent, tmp_path):
    url, before = spent
    with psycopg.connect(url) as straggler:
        straggler.execute("insert into bare (words) values ('late')")
        stores.drop_database(url)

        assert lend(tmp_path) == url
        with pytest.raises(psycopg.OperationalError):
            straggler.execute("select 1")
    assert held(url) == before
    stores.drop_database(url)


@pytest.mark.parametrize(
    "change",
    [
        "create table more (id int)",
        "drop table bare cascade",
        "alter table bare add column extra int",
        "alter table bare alter column words set not null",
        "alter table bare drop constraint bare_words_key",
        "create index another on bare (words)",
        "alter table beside.pointing add column extra int",
        "create schema elsewhere",
        "create function one() returns int language sql as 'select 1'",
    ],
)
def test_one_whose_tables_were_changed_never_comes_again(spent, tmp_path, change):
    url, before = spent
    run(url, change)
    stores.drop_database(url)
    other = lend(tmp_path)

    assert other != url
    assert held(other) == before
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)
    stores.drop_database(other)
