import multiprocessing

import pytest

from tests.campaigns.table import Table, done, shown, usual_place

SLICE = {"store": "sqlite", "provider": "acme", "kills": 50, "invoices": 1000, "faults": ["bad"]}


def test_slices_of_several_runs_add_up(tmp_path):
    table = Table(tmp_path / "new" / "kill.json")
    assert table.rows() == []
    table.add(SLICE)
    Table(table.path).add({**SLICE, "struck": 7, "faults": []})
    table.add({**SLICE, "store": "postgres"})
    sums = done(table.rows(), {"store": "sqlite", "provider": "acme"})
    assert (sums["slices"], sums["kills"], sums["invoices"]) == (2, 100, 2000)
    assert (sums["struck"], sums["faults"]) == (7, 1)


def test_slices_that_end_at_the_same_time_are_all_kept(tmp_path):
    table = Table(tmp_path / "kill.json")
    context = multiprocessing.get_context("fork")
    each = [context.Process(target=table.add, args=({**SLICE, "seed": seed},)) for seed in range(8)]
    for one in each:
        one.start()
    for one in each:
        one.join()
    assert sorted(row["seed"] for row in table.rows()) == list(range(8))
    assert [file.name for file in tmp_path.glob("*.json.[0-9]*")] == []


def test_the_table_says_what_was_done_of_what_is_planned(tmp_path):
    lines = [{"store": "sqlite", "provider": "acme"}, {"store": "postgres", "provider": "acme"}]
    head, first, second = shown([SLICE], lines, {"kills": 500, "invoices": 10_000})
    assert "kills" in head
    assert " ".join(first.split()) == "sqlite acme 1 50 / 500 1,000 / 10,000 0 0 0 1"
    assert " ".join(second.split()) == "postgres acme 0 0 / 500 0 / 10,000 0 0 0 0"


def test_a_file_that_is_no_table_is_not_written_over(tmp_path):
    path = tmp_path / "notes.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="is no table of a campaign"):
        Table(path).add(SLICE)
    assert path.read_text() == "[]"


def test_the_table_stands_in_the_users_state_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert usual_place("kill") == tmp_path / "kable-hub" / "kill.json"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usual_place("kill") == tmp_path / ".local" / "state" / "kable-hub" / "kill.json"
