"""Imports of JSON lines, of more than one portion, and after a kill."""

import json
import sqlite3
import time

import pytest

from tests.cli.books import GOOD, csv, line


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
        f"A-{n},c{n % 7},USD,2026-11-22,work,1,{'x' if n % 100 == 50 else n}" for n in range(230)
    ]
    report = books.load(csv(*rows))
    assert (report["accepted"], report["refused"], report["customersCreated"]) == (228, 2, 7)
    assert [one["line"] for one in report["faults"]] == [52, 152]
    assert books.load(csv(*rows))["unchanged"] == 228


def test_an_import_that_was_killed_midway_is_finished_by_a_repeat(books):
    file = books.file(csv(*(f"A-{n},c{n % 60},USD,2026-11-22,work,1,{n}.00" for n in range(500))))
    with sqlite3.connect(books.cli.folder / "hub.db") as store:

        def count(table):
            return store.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]

        with books.cli.program("import", file) as process:
            while count("invoice") < 200:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.005)
            process.kill()
        stand = count("invoice")
        assert 200 <= stand < 500
        report = books.load(file)
        assert (report["unchanged"], report["accepted"]) == (stand, 500 - stand)
        assert (count("invoice"), count("customer"), count("invoice_line")) == (500, 60, 500)
