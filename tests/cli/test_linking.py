"""`kable-hub links import`, with the plugins that are installed and no provider connected."""

import pytest

HEAD = "clientId,provider,reference"


@pytest.fixture
def run(cli, tmp_path):
    account = cli.account()

    def run(text, *words):
        file = tmp_path / "links.csv"
        file.write_text(text, "utf-8")
        named = ("--account", account, "--env", "test")
        return cli("links", "import", str(file), *named, *words)

    return run


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_each_row_that_is_refused_is_told_with_its_line(run, words):
    done = run(f"{HEAD}\nc1,nowhere,x\n\nc2,nowhere,y\n", "--json", *words)
    assert done.code == 1
    assert [(one["line"], one["clientId"], one["code"]) for one in done.json] == [
        (2, "c1", "not_found"),
        (4, "c2", "not_found"),
    ]


def test_a_person_sees_a_table(run):
    done = run(f"{HEAD}\nc1,nowhere,cus_1\n")
    assert done.code == 1
    assert "refused:" in done.out
    assert "cus_1" in done.out


def test_a_file_without_the_columns_is_refused_whole(run):
    done = run("a,b\n1,2\n")
    assert done.code == 1
    assert "clientId, provider, reference" in done.err


def test_an_account_has_to_be_named_where_there_are_two(cli, tmp_path):
    (tmp_path / "links.csv").write_text(HEAD, "utf-8")
    for _ in range(2):
        cli.account()
    done = cli("links", "import", str(tmp_path / "links.csv"), "--env", "test")
    assert done.code == 2
    assert "--account" in done.err
