"""`kable-hub move-store` as a person or a script calls it."""

import sqlite3

import pytest

from tests.conftest import fresh
from tests.stores import migrated


@pytest.fixture
def target(tmp_path):
    yield from fresh("postgres", tmp_path)


@pytest.fixture
def filled(cli):
    cli.account()
    return cli


def test_a_person_sees_both_sides_and_what_to_do_next(filled, target):
    done = filled("move-store", "--to", target)
    assert done.code == 0, done
    assert "account is copied" in done.out
    assert "Agrees" in done.out
    assert " NO" not in done.out
    assert f"The encryption key stays in {filled.folder}/encryption.key" in done.out
    assert "hub@" not in done.out
    assert "was moved to postgresql://" in filled("move-store", "--to", target).out
    refused = filled("accounts", "list")
    assert refused.code == 1
    assert refused.err.startswith("Error: The database: this store was moved to postgresql://")


def test_a_store_is_taken_back_by_hand(filled, target):
    filled("move-store", "--to", target)
    said = filled("move-store", "--release").out
    assert "See that nothing runs there any more." in said
    assert "0 unfinished deliveries are looked for" in said
    assert len(filled.ok("accounts", "list")) == 1
    assert filled("move-store", "--release").code == 1


def test_a_script_reads_what_cannot_move(filled, target):
    with sqlite3.connect(filled.folder / "hub.db") as raw:
        raw.execute("UPDATE account SET name = 'a' || char(0)")
    done = filled("move-store", "--to", target, "--json")
    assert done.code == 1
    (fault,) = done.json["faults"]
    assert (fault["table"], fault["column"]) == ("account", "name")
    assert done.json["moved"] is False
    said = filled("move-store", "--to", target).out
    assert "account acc_" in said
    assert "Nothing was moved; the old store is in use again." in said
    assert len(filled.ok("accounts", "list")) == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--to", "postgresql://x/y", "--release"],
        ["--to", "mysql://u:s3cretpw@x/y"],
        ["--to", "postgresql://u:s3cretpw@127.0.0.1:1/y"],
        ["--to", "postgresql://u:s3cretpw@127.0.0.1:port/y"],
    ],
)
def test_what_is_not_understood_is_told_without_a_password(filled, words):
    done = filled("move-store", *words)
    assert done.code in (1, 2)
    assert "Traceback" not in done.err
    assert "s3cretpw" not in done.err + done.out
    assert len(filled.ok("accounts", "list")) == 1


def test_a_release_in_the_middle_says_that_it_is_in_use(filled, target):
    migrated(target)
    with sqlite3.connect(filled.folder / "hub.db") as raw:
        raw.execute("INSERT INTO store_move VALUES ('m', 'leaving', 'postgresql://x/y', '{}', 1)")
    assert filled("accounts", "list").code == 1
    assert filled("move-store", "--release").out == "The store is in use again.\n"
    assert filled.ok("accounts", "list")
