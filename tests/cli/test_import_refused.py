"""Files and mappings that are no invoices."""

import pytest

from tests.cli.books import GOOD, HEAD, csv


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The file is empty."),
        ("\n\n", "The file is empty."),
        (f"{HEAD}\n", "The file has a header and no rows."),
        (csv(GOOD, "A-2,c1,USD"), "Line 3: 3 values under 7 columns."),
        (csv(GOOD, f"{GOOD},more"), "Line 3: 8 values under 7 columns."),
        (csv(*[f"A-{n},c1" for n in range(14)]), "4 more lines."),
        (csv(GOOD, "A-2,c1,USD,2026-11-22,wo\0rk,1,1"), "Line 3: a NUL character."),
        (csv(GOOD.replace("work", "\xff")).encode("latin-1"), "The file is not UTF-8"),
        (csv(GOOD, head=HEAD.replace("number", "nr")), "There is no column 'number' for number."),
        (csv(GOOD, head=HEAD.replace("unit_price", "x")), "no column for unit_price nor one"),
        (csv(GOOD, head=HEAD.replace("currency", "x")), "no column 'currency' for currency."),
        (csv(GOOD, head=HEAD.replace("quantity", "number")), "'number' stands twice"),
        (csv(f'"{GOOD}'), "Line 2: unexpected end of data."),
        (csv(f'{GOOD[:20]}"{"x" * 140_000}"'), "field larger than field limit"),
    ],
)
def test_what_is_no_file_of_invoices_is_refused_before_anything_is_written(books, text, said):
    done = books.run(text, "--json")
    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.err
    assert books.invoices() == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--column", "number"], "'number' is not of the form field=Header."),
        (["--column", "colour=Red"], "There is no field 'colour'"),
        (["--column", "memo=A", "--column", "memo=B"], "The field 'memo' is mapped twice."),
        (["--column", "memo=A", "--column", "email=A"], "'A' is mapped to two fields."),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_a_usage_error(books, words, said):
    done = books.run(csv(GOOD), *words)
    assert done.code == 2
    assert said in done.err


def test_a_mapped_column_that_is_not_there_is_named(books):
    done = books.run(csv(GOOD), "--column", "memo=Remark")
    assert done.code == 1
    assert "There is no column 'Remark' for memo." in done.err
    assert "Map one with --column field=Header." in done.err
    assert "The file's columns are number, client_id" in done.err


def test_a_name_that_tells_no_format_needs_one_said(books):
    assert books.run(csv(GOOD), name="invoices.txt").code == 2
    assert books.run(csv(GOOD), "--format", "csv", name="invoices.txt").code == 0


def test_an_account_nobody_has_is_refused(books):
    books.account = "acc_none"
    done = books.run(csv(GOOD))
    assert (done.code, done.err) == (1, "Error: There is no account 'acc_none'.\n")


def test_the_only_account_and_the_test_environment_are_meant_where_none_is_said(books):
    assert books.cli("import", books.file(csv(GOOD))).code == 0
    assert list(books.invoices()) == ["A-1"]
    books.cli.account()
    done = books.cli("import", books.file(csv(GOOD)))
    assert done.code == 2
    assert "Say --account" in done.err


def test_an_import_follows_the_default_of_the_account_and_its_repeat_changes_nothing(books):
    one = ("accounts", "defaults", books.account, "--env", "test")
    books.cli.ok(*one, "--hold")
    assert books.run(csv(GOOD)).code == 0
    assert [view.invoice.auto_push for view in books.invoices().values()] == [False]
    books.cli.ok(*one, "--send")
    again = books.load(csv(GOOD))
    assert (again["unchanged"], again["refused"]) == (1, 0)


def test_a_file_that_is_not_there_is_a_usage_error(books):
    assert books.run("/nowhere/invoices.csv").code == 2


@pytest.mark.parametrize(
    ("slug", "said"),
    [("nobody", "There is no provider 'nobody'."), ("stripe", "is not connected")],
)
def test_customers_cannot_be_created_where_nothing_is_connected(books, slug, said):
    done = books.run(csv(GOOD), "--create-at", slug)
    assert done.code == 1
    assert said in done.err
    assert books.invoices() == {}
