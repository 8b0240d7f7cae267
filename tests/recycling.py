"""PostgreSQL databases that are used again, as making one takes many times as long.

A database is lent out, given back as it was left, and put back to what its template holds before
the next test gets it: rows, ids and sequences. One whose tables were changed is dropped.
"""

from collections import defaultdict
from typing import Any, NamedTuple

import psycopg

SMALL = 256 * 1024
"""Bytes of a table up to which deleting is quicker than truncating."""

OURS = """
(select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
"""
SHAPE = f"""
select concat(
    (select json_agg(json_build_array(c.oid::regclass::text, c.relkind, a.attname, a.atttypid,
                                      a.attnotnull, a.atthasdef)
                     order by c.oid::regclass::text, c.relkind, a.attnum)
       from pg_class c left join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace in {OURS}),
    (select json_agg(json_build_array(conname, contype) order by conname, contype)
       from pg_constraint where connamespace in {OURS}),
    (select count(*) from pg_trigger), (select count(*) from pg_proc),
    (select count(*) from pg_namespace where nspname not like 'pg_t%'))
"""
TABLES = f"""
select oid::regclass::text, pg_relation_size(oid) from pg_class
 where relnamespace in {OURS} and relkind = 'r'
"""
SEQUENCES = f"""
select oid::regclass::text from pg_class where relnamespace in {OURS} and relkind = 'S'
"""
ALONE = "set session_replication_role = replica"
"""No trigger fires, and tables that point at each other are emptied in any order."""

CUT_OTHERS = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid()
"""


class Origin(NamedTuple):
    """What a template holds: its tables' shape, their rows as JSON, and the statements that put
    its sequences back."""

    shape: str
    rows: dict[str, str]
    sequences: list[str]


_origins: dict[str, Origin] = {}
_lent: dict[str, str] = {}
_idle: defaultdict[str, list[str]] = defaultdict(list)


def lend(template: str) -> str:
    """The URL of a database that was given back, now as the template is; empty: there is none."""
    while _idle[template]:
        url = _idle[template].pop()
        if _restored(url, _origins[template]):
            _lent[url] = template
            return url
        drop(url)
    return ""


def enrol(url: str, template: str) -> None:
    """Take in a fresh copy of a template, lent out already."""
    if template not in _origins:
        with psycopg.connect(url) as connection:
            _origins[template] = _look(connection)
    _lent[url] = template


def give_back(url: str) -> bool:
    """Whether the database was lent out here; if so it serves again."""
    template = _lent.pop(url, "")
    if template:
        _idle[template].append(url)
    return bool(template)


def drop(url: str) -> None:
    """Remove a database and cut its connections."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)".encode())


def _ask(connection: "psycopg.Connection[Any]", statement: str) -> list[Any]:
    return connection.execute(statement.encode()).fetchall()


def _look(connection: "psycopg.Connection[Any]") -> Origin:
    tables = [name for name, size in _ask(connection, TABLES) if size]
    rows = {name: _ask(connection, f"select json_agg(t)::text from {name} t") for name in tables}
    sequences = []
    for (name,) in _ask(connection, SEQUENCES):
        ((value, used),) = _ask(connection, f"select last_value, is_called from {name}")
        sequences.append(f"select setval('{name}', {value}, {used})")
    (shape,) = _ask(connection, SHAPE)[0]
    return Origin(shape, {name: found[0][0] for name, found in rows.items()}, sequences)


def _restored(url: str, origin: Origin) -> bool:
    """Whether a database could be put back. Nobody else is connected to it afterwards."""
    try:
        with psycopg.connect(url) as connection:
            _ask(connection, CUT_OTHERS)
            connection.execute(ALONE.encode())
            if _ask(connection, SHAPE)[0][0] != origin.shape:
                return False
            _empty(connection)
            for name, rows in origin.rows.items():
                fill = f"insert into {name} select * from json_populate_recordset(null::{name}, %s)"
                connection.execute(fill.encode(), [rows])
            for statement in origin.sequences:
                _ask(connection, statement)
    except psycopg.Error:
        return False
    return True


def _empty(connection: "psycopg.Connection[Any]") -> None:
    """Autovacuum is off, so that rows that follow stand in the order of their coming."""
    for name, size in _ask(connection, TABLES):
        if size > SMALL:
            connection.execute(f"truncate {name}".encode())
        elif size:
            connection.execute(f"delete from {name}".encode())
