"""256 invoices of a real retailer, from the file to both providers."""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from kable_hub.usecases.errors import Problem
from tests.integration.world import links, world

FILE = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "real_invoices" / "online_retail.csv"
)
COLUMNS = {
    "number": "InvoiceNo",
    "client_id": "CustomerID",
    "issue_date": "InvoiceDate",
    "description": "Description",
    "quantity": "Quantity",
    "unit_price": "UnitPrice",
    "product_code": "StockCode",
}
WORDS = [word for name, head in COLUMNS.items() for word in ("--column", f"{name}={head}")]
WORDS += ["--date-format", "%m-%d-%Y %H:%M", "--currency", "GBP"]
AT_BOTH = ["--create-at", "stripe,quickbooks"]

pytestmark = [
    pytest.mark.skipif(not FILE.exists(), reason="the real invoices are not beside the checkout"),
    pytest.mark.timeout(240),
]


def the_file():
    """Number to its rows, each with its line."""
    found = defaultdict(list)
    with FILE.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            found[row["InvoiceNo"]].append((line, row))
    return found


def pennies(rows):
    total = sum(Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for _, row in rows)
    return int(total * 100)


def leave_cards(stripe):
    """What 180 customers do on a page of Stripe: leave a card."""
    from kable_stripe_payments.simulator.customers import add_card

    for ledger in stripe.all_ledgers():
        for customer in ledger.of("customer").values():
            settings = customer["invoice_settings"]
            if not settings["default_payment_method"]:
                settings["default_payment_method"] = add_card(ledger, customer["id"])


@pytest.fixture(scope="module")
def arrived(tmp_path_factory):
    """The world after the import, with its report."""
    with world(tmp_path_factory.mktemp("real") / "data") as one:
        report = one.load(FILE, *WORDS, *AT_BOTH)
        one.until_quiet(120, "requires_payment_method")
        leave_cards(one.simulators["stripe"])
        retried = one.command("outbox", "retry", "--code", "requires_payment_method", "--json")
        assert json.loads(retried.stdout)["retried"] > 0
        one.until_quiet(120)
        yield one, report


def test_every_invoice_is_accounted_for(arrived):
    _, report = arrived
    assert report["invoices"] == report["accepted"] + report["refused"] == 256
    assert (report["refused"], report["unchanged"], report["customersCreated"]) == (33, 0, 180)


def test_exactly_the_invoices_without_a_customer_are_refused_with_their_lines(arrived):
    _, report = arrived
    wanted = {
        (line, number)
        for number, rows in the_file().items()
        for line, row in rows
        if not row["CustomerID"]
    }
    told = {
        (one["line"], one["number"])
        for one in report["faults"]
        if (one["field"], one["code"]) == ("client_id", "required")
    }
    assert told == wanted
    assert {one["number"] for one in report["faults"]} == {number for _, number in wanted}


@pytest.mark.parametrize("slug", ["stripe", "quickbooks"])
def test_all_others_stand_at_the_provider_exactly_once_to_the_penny(arrived, slug):
    one, _ = arrived
    invoices, there = one.invoices(), one.documents(slug)
    wanted = {
        number: pennies(rows)
        for number, rows in the_file().items()
        if rows[0][1]["CustomerID"] and pennies(rows) >= 0
    }
    assert len(wanted) == 203
    totals = {
        number: [(document["total"], document["currency"]) for document in found]
        for number in wanted
        if (found := there.pop(invoices[number].invoice.id, []))
    }
    assert totals == {number: [(total, "GBP")] for number, total in wanted.items()}
    assert there == {}
    assert one.simulators[slug].drafts() == []


def test_credit_notes_are_accepted_and_rejected_before_any_call(arrived):
    one, _ = arrived
    rejected = one.deliveries(state="rejected")
    credits = {n: v for n, v in one.invoices().items() if v.invoice.total < 0}
    assert len(credits) == 20
    assert {number[0] for number in credits} == {"C"}
    wanted = {(v.invoice.id, slug) for v in credits.values() for slug in one.simulators}
    assert {(row.subject_id, row.provider) for row in rejected} == wanted
    assert {(row.error_code, row.attempts, row.may_exist) for row in rejected} == {
        ("unsupported", 0, False)
    }


def test_a_second_import_changes_nothing(arrived):
    one, report = arrived
    before = {slug: one.documents(slug) for slug in one.simulators}
    count = len(one.deliveries())
    again = one.load(FILE, *WORDS, *AT_BOTH)
    assert (again["accepted"], again["unchanged"], again["refused"]) == (0, 223, 33)
    assert again["faults"] == report["faults"]
    assert again["customersCreated"] == 0
    assert len(one.deliveries()) == count
    assert one.restless() == {}
    assert {slug: one.documents(slug) for slug in one.simulators} == before


def test_an_invoice_of_251_lines_is_too_long_for_one_and_reaches_the_other(arrived, tmp_path):
    one, _ = arrived
    client_id = next(v.client_id for v in one.invoices().values() if v.invoice.total > 0)
    body = {
        "customer": client_id,
        "number": "LONG-1",
        "currency": "GBP",
        "issueDate": "2010-12-01",
        "lines": [{"description": f"thing {n}", "unitPrice": "1.01"} for n in range(251)],
    }
    file = tmp_path / "long.jsonl"
    file.write_text(json.dumps(body))
    calls = len(one.simulators["stripe"].seen("POST"))
    assert one.load(file)["accepted"] == 1
    one.until_quiet(120)
    view = one.invoices()["LONG-1"]
    fates = {row.provider: row for row in view.deliveries}
    assert (fates["stripe"].state, fates["stripe"].error_code) == ("rejected", "unsupported")
    assert "at most 250 lines" in fates["stripe"].error_message
    assert fates["stripe"].attempts == 0
    assert len(one.simulators["stripe"].seen("POST")) == calls
    assert [d["total"] for d in one.documents("quickbooks")[view.invoice.id]] == [25351]


def test_customers_are_linked_at_both_providers(arrived):
    one, _ = arrived
    found = {link.provider: link.state for link in links(one, "17850")}
    assert found == {"stripe": "linked", "quickbooks": "linked"}
    with pytest.raises(Problem):
        links(one, "nobody")
