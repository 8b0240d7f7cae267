import sqlite3
import subprocess
import sys
import textwrap

import pytest

from tests.architecture.tree import ROOT

REPAIRS = [
    ["migrate"],
    ["migrate", "--check"],
    ["outbox", "list"],
    ["outbox", "retry"],
    ["accounts", "list"],
    ["accounts", "create", "Shop"],
    ["keys", "create-operator"],
    ["keys", "list"],
]


@pytest.fixture
def deadly_plugin(tmp_path):
    """An installed plugin whose import ends the process and leaves a trace."""
    folder = tmp_path / "site"
    info = folder / "deadly-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kable_hub.providers]\ndeadly = deadly\n")
    source = f"""
        import os, pathlib
        pathlib.Path({str(tmp_path / "imported")!r}).touch()
        os._exit(9)
    """
    (folder / "deadly.py").write_text(textwrap.dedent(source))
    return folder


PROGRAM = """
import sys
from kable_hub.cli import main

for words in {commands}:
    main(words, standalone_mode=False)
print("imported:", *sys.modules)
"""


def imported_by(cli, *commands, **changes):
    """The modules that commands have imported when the last one of them ends, in one process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(commands=[list(words) for words in commands])],
        env=cli.environ(**changes),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.rpartition("imported:")[2].split())


HEAVY = {"flask", "gunicorn", "kable_hub.web", "kable_hub.testing", "kable_hub.demo"}


def test_commands_that_repair_import_no_plugin_and_start_without_the_web(cli, deadly_plugin):
    cli("migrate")
    assert HEAVY & imported_by(cli, *REPAIRS, PYTHONPATH=str(deadly_plugin)) == set()
    assert not (deadly_plugin.parent / "imported").exists()


def test_the_deadly_plugin_would_have_ended_a_command_that_imports_it(cli, deadly_plugin):
    assert cli.alone("plugins", PYTHONPATH=str(deadly_plugin)).code == 9


def test_a_command_that_needs_the_web_would_be_seen(cli):
    assert {"flask", "kable_hub.web"} <= imported_by(cli, ("import", "--help"))


def test_migrate_says_what_it_applied_and_then_that_all_is_done(cli):
    due = cli("migrate", "--check", "--json")
    assert due.code == 1
    assert cli.ok("migrate")["applied"] == due.json["pending"] != []
    assert cli("migrate").out == "The database is up to date.\n"
    assert cli("migrate", "--check").code == 0


def test_a_check_changes_nothing(cli):
    assert cli("migrate", "--check").code == 1
    with sqlite3.connect(cli.folder / "hub.db") as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert not [name for (name,) in tables if name == "invoice"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DATABASE_URL", "mysql://somewhere", "DATABASE_URL"),
        ("DATABASE_URL", "sqlite:////proc/none/hub.db", "/proc/none"),
        ("KABLE_LEASE_SECONDS", "soon", "KABLE_LEASE_SECONDS"),
        ("KABLE_DATA_DIR", "/dev/null/data", "/dev/null"),
    ],
)
def test_a_store_that_cannot_be_opened_is_told_without_a_traceback(
    cli, monkeypatch, variable, value, said
):
    monkeypatch.setenv(variable, value)
    done = cli("accounts", "list")
    assert done.code == 1
    assert done.err.startswith("Error: ")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words", [["accounts", "list"], ["move-store", "--to", "postgresql://x/y"]]
)
def test_without_a_driver_of_postgresql_it_says_what_to_install(cli, monkeypatch, words):
    cli.ok("accounts", "list")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    if "--to" not in words:
        monkeypatch.setenv("DATABASE_URL", "postgresql://x/y")
    done = cli(*words)
    said = "PostgreSQL needs another package: pip install 'kable-hub[postgres]'"
    assert (done.code, done.err) == (1, f"Error: {said}\n")


@pytest.mark.parametrize("held", ["", "not-the-key-that-was-there"])
def test_a_file_that_holds_no_encryption_key_is_named_and_not_shown(cli, held):
    cli.ok("accounts", "list")
    file = cli.folder / "encryption.key"
    file.write_text(held)
    done = cli("accounts", "list")
    assert done.code == 1
    assert done.err.startswith(f"Error: {file} holds no encryption key")
    assert not held or held not in done.err
    assert file.read_text() == held


def test_a_file_that_is_no_database_is_told(cli):
    cli.folder.mkdir()
    (cli.folder / "hub.db").write_text("these are not the bytes of a database" * 50)
    done = cli("outbox", "list")
    assert done.code == 1
    assert done.err == "Error: The database: file is not a database\n"


def test_a_store_of_either_kind_is_migrated_filled_and_read(cli, database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert cli("migrate", "--check").code == 1
    assert cli.ok("migrate")["applied"]
    account = cli.account()
    file = str(ROOT / "examples" / "invoices.jsonl")
    assert cli.ok("import", file)["accepted"] == 14
    assert cli.ok("import", file, "--account", account)["unchanged"] == 14
    assert cli.ok("outbox", "list") == []
    assert cli.ok("outbox", "retry", "--state", "blocked") == {"retried": 0}
