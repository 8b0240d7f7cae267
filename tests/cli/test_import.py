import json
import sqlite3
import time
from pathlib import Path

import pytest

from kable_hub.domain import Environment
from kable_hub.settings import Settings
from kable_hub.store.scope import Scope
from kable_hub.usecases import customers, invoicing
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.hub import open_hub

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = "number,client_id,currency,issue_date,description,quantity,unit_price"


class Books:
    """An account, files to import, and what arrived."""

    def __init__(self, cli, folder):
        self.cli = cli
        self.folder = folder
        self.account = cli.account()

    def file(self, text, name="invoices.csv"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def run(self, text, *words, name="invoices.csv", env="test"):
        file = text if str(text).startswith("/") else self.file(text, name)
        return self.cli("import", str(file), "--account", self.account, "--env", env, *words)

    def load(self, text, *words, **where):
        """The report of an import, whatever its status."""
        return self.run(text, "--json", *words, **where).json

    def faults(self, text, *words, **where):
        report = self.load(text, *words, **where)
        return [(one["line"], one["number"], one["field"], one["code"]) for one in report["faults"]]

    def invoices(self, env="test"):
        hub = open_hub(Settings.load(self.cli.environ()))
        scope = Scope(self.account, Environment(env))
        try:
            found = invoicing.list_invoices(hub, scope, limit=200).items
            whole = [invoicing.get_invoice(hub, scope, one.invoice.id).view for one in found]
            return {one.invoice.number: one for one in whole}
        finally:
            hub.close()

    def customer(self, client_id):
        hub = open_hub(Settings.load(self.cli.environ()))
        try:
            scope = Scope(self.account, Environment.TEST)
            return customers.get_customer(hub, scope, client_id).customer
        finally:
            hub.close()


@pytest.fixture
def books(cli, tmp_path):
    return Books(cli, tmp_path)


def csv(*rows, head=HEAD):
    return "\n".join([head, *rows]) + "\n"


def line(**changes):
    body = {
        "customer": "c1",
        "number": "J-1",
        "currency": "USD",
        "issueDate": "2026-11-22",
        "lines": [{"description": "work", "unitPrice": "19.99"}],
    }
    return json.dumps({**body, **changes}) + "\n"


def test_rows_of_one_number_are_one_invoice_wherever_they_stand(books):
    text = csv(
        "A-1,c1,USD,2026-11-22,one,1,1.00",
        "A-2,c1,USD,2026-11-22,other,1,5.00",
        "A-1,c1,USD,2026-11-22,two,3,0.50",
    )
    assert books.load(text)["accepted"] == 2
    found = books.invoices()
    assert [row.description for row in found["A-1"].invoice.lines] == ["one", "two"]
    assert (found["A-1"].invoice.total, found["A-2"].invoice.total) == (250, 500)


def test_every_documented_column_arrives(books):
    report = books.load(str(EXAMPLES / "invoices.csv"))
    assert (report["accepted"], report["customersCreated"]) == (4, 4)
    one = books.invoices()["CSV-1001"].invoice
    assert (one.currency, one.total, one.tax) == ("USD", 35398, 2698)
    assert (str(one.issue_date), str(one.due_date)) == ("2026-11-21", "2026-12-21")
    assert one.lines[1].product_code == "SEAT"
    assert books.invoices()["CSV-2001"].invoice.memo == "Last run of the month"
    assert books.invoices()["CSV-4001"].invoice.total == 9856
    customer = books.customer("aurora-tools")
    assert customer.company_name == "Aurora Borealis Toolworks"
    assert customer.email == "invoices@aurora-tools.example"


def test_json_lines_are_taken_as_the_api_takes_them(books):
    report = books.load(str(EXAMPLES / "invoices.jsonl"))
    assert (report["accepted"], report["refused"], report["customersCreated"]) == (14, 0, 6)
    assert books.invoices()["AUR-1003"].invoice.total == 2563
    assert books.invoices()["TRR-4001"].invoice.total == 51750
    assert books.customer("tin-rabbit").billing_address.country == "JP"


@pytest.mark.parametrize("name", ["invoices.csv", "invoices.jsonl"])
def test_a_repeat_changes_nothing_and_says_so(books, name):
    first = books.load(str(EXAMPLES / name))
    before = books.invoices()
    again = books.load(str(EXAMPLES / name))
    assert again == {
        **first,
        "accepted": 0,
        "unchanged": first["accepted"],
        "customersCreated": 0,
    }
    assert books.invoices() == before
    assert books.run(str(EXAMPLES / name)).code == 0


@pytest.mark.parametrize(
    "row",
    [
        "A-1,c1,USD,2026-11-22,work,1,2.00",
        "A-1,c2,USD,2026-11-22,work,1,1.00",
        "A-1,c1,EUR,2026-11-22,work,1,1.00",
        "A-1,c1,USD,2026-11-23,work,1,1.00",
        "A-1,c1,USD,2026-11-22,else,1,1.00",
    ],
)
def test_a_number_that_stands_there_with_other_content_is_refused(books, row):
    books.load(csv("A-1,c1,USD,2026-11-22,work,1,1.00"))
    before = books.invoices()
    assert books.faults(csv(row)) == [(2, "A-1", "number", "duplicate_invoice_number")]
    assert books.invoices() == before


def test_the_same_invoice_twice_in_a_file_goes_in_once(books):
    report = books.load(line() + line() + line(memo="other"), name="a.jsonl")
    assert (report["accepted"], report["unchanged"], report["refused"]) == (1, 1, 1)
    assert [one["line"] for one in report["faults"]] == [3]


def test_a_bad_row_refuses_its_whole_invoice_and_no_other(books):
    text = csv(
        "A-1,c1,USD,2026-11-22,fine,1,1.00",
        "A-1,c1,USD,2026-11-22,broken,many,1.00",
        "A-2,c1,USD,2026-11-22,fine,1,1.00",
        "A-3,c9,USD,2026-11-22,broken,1,0.0000000000001",
    )
    done = books.run(text)
    assert done.code == 1
    assert "Not a decimal number" in done.out
    assert list(books.invoices()) == ["A-2"]
    with pytest.raises(NotFound):
        books.customer("c9")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",c1,USD,2026-11-22,work,1,1", (2, "", "number", "required")),
        ("A-1,,USD,2026-11-22,work,1,1", (2, "A-1", "client_id", "required")),
        ("A-1,c1,,2026-11-22,work,1,1", (2, "A-1", "currency", "required")),
        ("A-1,c1,XYZ,2026-11-22,work,1,1", (2, "A-1", "currency", "unknown_currency")),
        ("A-1,c1,USD,,work,1,1", (2, "A-1", "issue_date", "required")),
        ("A-1,c1,USD,22.11.2026,work,1,1", (2, "A-1", "issue_date", "bad_date")),
        ("A-1,c1,USD,2026-02-30,work,1,1", (2, "A-1", "issue_date", "bad_date")),
        ("A-1,c1,USD,2026-11-22, ,1,1", (2, "A-1", "description", "required")),
        ("A-1,c1,USD,2026-11-22,work,x,1", (2, "A-1", "quantity", "invalid")),
        ('A-1,c1,USD,2026-11-22,work,1,"1,000.00"', (2, "A-1", "unit_price", "invalid")),
        ("A-1,c1,USD,2026-11-22,work,1,", (2, "A-1", "unit_price", "required")),
        ("A-1,c1,USD,2026-11-22,work,1,NaN", (2, "A-1", "unit_price", "invalid")),
        ("A-1,c1,USD,2026-11-22,\x07,1,1", (2, "A-1", "description", "control_character")),
        (f"{'9' * 101},c1,USD,2026-11-22,w,1,1", (2, "9" * 100, "number", "too_long")),
        (f"A-1,{'c' * 201},USD,2026-11-22,w,1,1", (2, "A-1", "client_id", "too_long")),
    ],
)
def test_a_faulty_row_is_told_with_line_field_and_reason(books, row, fault):
    told = books.faults(csv(row))
    line_, number, field, code = fault
    assert [(one[0], one[1][:100], one[2], one[3]) for one in told] == [
        (line_, number, field, code)
    ]
    assert books.invoices() == {}


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ("A-1,c2,USD,2026-11-22,more,1,1", "client_id"),
        ("A-1,c1,EUR,2026-11-22,more,1,1", "currency"),
        ("A-1,c1,USD,2026-11-23,more,1,1", "issue_date"),
    ],
)
def test_rows_that_disagree_about_their_invoice_refuse_it(books, second, field):
    text = csv("A-1,c1,USD,2026-11-22,work,1,1", second)
    assert books.faults(text) == [(3, "A-1", field, "differs")]


def test_a_value_said_once_holds_for_the_invoice(books):
    head = f"{HEAD},memo,due_date,company_name"
    text = csv(
        "A-1,c1,USD,2026-11-22,work,1,1,,,",
        "A-1,c1,,2026-11-22,more,1,1,thanks,2026-12-22,Shop",
        head=head,
    )
    assert books.load(text)["accepted"] == 1
    found = books.invoices()["A-1"].invoice
    assert (found.memo, str(found.due_date)) == ("thanks", "2026-12-22")
    assert books.customer("c1").company_name == "Shop"


def test_lines_are_counted_as_an_editor_counts_them(books):
    text = csv(
        'A-1,c1,USD,2026-11-22,"two\nlines",1,1.00',
        "",
        ",,,,,,",
        "A-2,c1,USD,2026-11-22,work,x,1.00",
    )
    assert books.faults(text) == [(6, "A-2", "quantity", "invalid")]
    assert books.invoices()["A-1"].invoice.lines[0].description == "two\nlines"


def test_columns_can_be_mapped_and_dates_read_in_another_form(books):
    text = csv(
        "536365, WHITE LANTERN ,6,12-01-2010 08:26,2.55,17850,UK",
        "536365,COAT HANGER,8,12-01-2010 08:27,2.75,17850,UK",
        head="InvoiceNo,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
    )
    mapped = [
        "number=InvoiceNo",
        "description=Description",
        "quantity=Quantity",
        "issue_date=InvoiceDate",
        "unit_price=UnitPrice",
        "client_id = CustomerID",
    ]
    words = [word for one in mapped for word in ("--column", one)]
    words += ["--date-format", "%m-%d-%Y %H:%M", "--currency", "GBP"]
    assert books.load(text, *words)["accepted"] == 1
    found = books.invoices()["536365"].invoice
    assert (str(found.issue_date), found.currency, found.total) == ("2010-12-01", "GBP", 3730)
    assert found.lines[0].description == " WHITE LANTERN "
    assert books.customer("17850").company_name == "Customer 17850"


def test_a_negative_total_is_accepted(books):
    books.load(csv("C-1,c1,USD,2026-11-22,return,-3,2.55"))
    assert books.invoices()["C-1"].invoice.total == -765


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_file(books):
    text = csv("A-1,c1,USD,2026-11-22,Grüße,1,1").replace("\n", "\r\n").encode("utf-8-sig")
    assert books.load(text)["accepted"] == 1
    assert books.invoices()["A-1"].invoice.lines[0].description == "Grüße"


GOOD = "A-1,c1,USD,2026-11-22,work,1,1.00"


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


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{\n", (1, "", "", "invalid_json")),
        ("[]\n", (1, "", "", "invalid")),
        ('{"number": "J-1", "number": "J-2"}\n', (1, "", "", "invalid_json")),
        (line(number=5), (1, "5", "number", "invalid")),
        (line(colour="red"), (1, "J-1", "colour", "unknown_field")),
        (line(total="20.00"), (1, "J-1", "total", "total_mismatch")),
        (line(lines=[]), (1, "J-1", "lines", "required")),
        (line(lines=[{"description": "x"}]), (1, "J-1", "lines.0.unitPrice", "required")),
        (line(customer=""), (1, "J-1", "customer", "required")),
        (line(customer={}), (1, "J-1", "customer", "null")),
        (
            line(customer={"clientId": "c1", "email": "nobody"}),
            (1, "J-1", "customer.email", "bad_email"),
        ),
        (
            line(customer={"clientId": "c1", "colour": "red"}),
            (1, "J-1", "customer.colour", "unknown_field"),
        ),
        (
            line(customer="cus_01M80NF6R8EV0VYFGSAJSQC689"),
            (1, "J-1", "customer", "not_found"),
        ),
    ],
)
def test_a_faulty_json_line_is_refused_alone(books, text, fault):
    assert books.faults(text + line(number="J-9"), name="a.jsonl") == [fault]
    assert list(books.invoices()) == ["J-9"]


def test_an_empty_json_object_is_told_what_it_lacks(books):
    fields = {one[2] for one in books.faults("{}\n", name="a.jsonl")}
    assert fields == {"customer", "number", "currency", "issueDate", "lines"}


def test_a_customer_may_be_named_by_its_id_here(books):
    books.load(line(), name="a.jsonl")
    id_ = books.customer("c1").id
    assert books.load(line(customer=id_, number="J-2"), name="a.jsonl")["customersCreated"] == 0
    assert books.invoices()["J-2"].client_id == "c1"


def test_a_currency_may_be_said_beside_json_lines(books):
    body = json.loads(line())
    del body["currency"]
    assert books.load(json.dumps(body), "--currency", "EUR", name="a.jsonl")["accepted"] == 1
    assert books.customer("c1").currency == "EUR"


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "The file is empty."), (" \n\n", "The file is empty."), ("{\0}\n", "Line 1: a NUL")],
)
def test_what_are_no_json_lines_is_refused_before_anything_is_written(books, text, said):
    done = books.run(line() + text if "\0" in text else text, name="a.jsonl")
    assert done.code == 1
    assert said.replace("Line 1", "Line 2" if "\0" in text else "Line 1") in done.err
    assert books.invoices() == {}


def test_test_and_live_are_apart(books):
    books.load(csv(GOOD), env="live")
    assert books.invoices() == {}
    assert list(books.invoices("live")) == ["A-1"]


def test_more_invoices_than_one_portion_go_in_with_the_faults_in_their_place(books):
    rows = [
        f"A-{n},c{n % 7},USD,2026-11-22,work,1,{'x' if n % 100 == 50 else n}" for n in range(450)
    ]
    report = books.load(csv(*rows))
    assert (report["accepted"], report["refused"], report["customersCreated"]) == (446, 4, 7)
    assert [one["line"] for one in report["faults"]] == [52, 152, 252, 352, 452][:4]
    assert books.load(csv(*rows))["unchanged"] == 446


def test_an_import_that_was_killed_midway_is_finished_by_a_repeat(books):
    file = books.file(csv(*(f"A-{n},c{n % 60},USD,2026-11-22,work,1,{n}.00" for n in range(800))))
    with sqlite3.connect(books.cli.folder / "hub.db") as store:

        def count(table):
            return store.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]

        with books.cli.start("import", file) as process:
            while count("invoice") < 200:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.005)
            process.kill()
        stand = count("invoice")
        assert 200 <= stand < 800
        report = books.load(file)
        assert (report["unchanged"], report["accepted"]) == (stand, 800 - stand)
        assert (count("invoice"), count("customer"), count("invoice_line")) == (800, 60, 800)
