"""256 invoices of a real retailer in a British company, with one currency and with several."""

import csv
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.quickbooks.stage import GB

FILE = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "real_invoices" / "online_retail.csv"
)

pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason="the real invoices are not beside the checkout"
)


def the_file():
    """Number to the body of the invoice and its total; whoever bought it is customer c1."""
    rows = defaultdict(list)
    with FILE.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["InvoiceNo"]].append(row)
    for number, lines in rows.items():
        total = sum(Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in lines)
        yield number, {"number": number, **body(lines)}, total


def body(lines):
    day = datetime.strptime(lines[0]["InvoiceDate"], "%m-%d-%Y %H:%M")
    return {
        "customer": "c1",
        "currency": "GBP",
        "issueDate": day.date().isoformat(),
        "lines": [
            {
                "description": row["Description"].strip() or row["StockCode"],
                "quantity": row["Quantity"],
                "unitPrice": row["UnitPrice"],
                "productCode": row["StockCode"],
            }
            for row in lines
        ],
    }


@pytest.mark.parametrize("multicurrency", [False, True])
def test_all_that_are_no_credit_notes_arrive_with_totals_equal_to_the_penny(bare, multicurrency):
    bare.books(GB).multicurrency = multicurrency
    bare.connect(GB, tax_code="1", no_tax_code="2", items={"POST": "2"})
    bare.customer()
    found = [one for one in the_file() if one[2] >= 0]
    before = len(bare.calls("GET"))
    told = bare.made("/invoices/bulk", {"invoices": [one for _, one, _ in found]})
    assert told["refused"] == 0
    bare.until_quiet(3600)
    wanted = {number: total for number, _, total in found}
    assert len(wanted) > 230
    assert {row["DocNumber"]: row["TotalAmt"] for row in bare.invoices()} == wanted
    assert {row["CurrencyRef"]["value"] for row in bare.invoices()} == {"GBP"}
    assert len(bare.calls("GET")) == before, "what the link has read is remembered"
    differing = bare.get("/deliveries?provider=quickbooks&limit=200")["items"]
    assert {one["variance"] for one in differing} == {"0.00"}
