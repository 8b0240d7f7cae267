import pytest

from kable_hub.usecases.errors import NotFound
from tests.cli.books import EXAMPLES, HEAD, csv, line


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
