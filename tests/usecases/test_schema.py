"""The tables as the code knows them are the tables that the migrations make."""

import pytest

from kable_hub.store import schema
from kable_hub.store import tables as t
from kable_hub.store.database import Database
from tests.stores import fresh_database_url, migrated


@pytest.fixture
def made(database_url: str):
    database = Database(database_url)
    schema.migrate(database)
    with database.read():
        yield database.peewee
    database.close()


def declared(table) -> set[tuple[tuple[str, ...], bool]]:
    indexes = table._meta.fields_to_index()
    return {
        (tuple(one.column_name for one in index._expressions), index._unique) for index in indexes
    }


def test_every_index_and_every_column_is_in_both(made):
    for table in t.TABLES:
        name = table._meta.table_name
        key = tuple(one.column_name for one in table._meta.get_primary_keys())
        known = {*declared(table), (key, True)}
        found = {(tuple(one.columns), one.unique): one.sql or "" for one in made.get_indexes(name)}
        # What a partial index is of says the migration alone.
        assert not {one for one, sql in found.items() if " WHERE " not in sql} - known, name
        assert not known - {*found, (key, True)}, name
        columns = {one.name for one in made.get_columns(name)}
        assert columns == {one.column_name for one in table._meta.sorted_fields}, name


def test_sqlite_plans_with_figures_for_indexes_that_are_there(tmp_path):
    database = Database(fresh_database_url("sqlite", tmp_path, prepare=migrated))
    with database.read():
        rows = database.sql("SELECT tbl, idx FROM sqlite_stat1").fetchall()
        assert rows
        for table, index in rows:
            assert index in {one.name for one in database.peewee.get_indexes(table)}, index
    database.close()
