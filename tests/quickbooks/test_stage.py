"""The stage itself: an invoice reaches every company of the simulator."""

import pytest

from tests.quickbooks.stage import CA, GB, LIVE, PRODUCTION, US


@pytest.mark.parametrize(("realm", "currency"), [(US, "USD"), (CA, "CAD"), (GB, "GBP")])
def test_an_invoice_reaches_the_company_that_was_picked(bare, realm, currency):
    tax_codes = {} if realm == US else {"tax_code": "1", "no_tax_code": "2"}
    assert bare.connect(realm, **tax_codes)["externalId"] == realm
    bare.customer()
    shown = bare.push(currency=currency)
    assert [one["state"] for one in shown["deliveries"]] == ["delivered"]
    row = bare.the_invoice()
    assert (row["CustomerRef"]["value"], row["CurrencyRef"]["value"]) == ("28", currency)
    assert str(row["TotalAmt"]) == "19.99"
    assert bare.calls("POST") == ["POST invoice"]


def test_a_live_company_is_connected_by_a_live_key(bare):
    assert bare.connect(key=bare.of(LIVE))["externalId"] == PRODUCTION
    bare.customer(key=bare.live_key)
    bare.push(key=bare.live_key)
    assert bare.the_invoice(PRODUCTION)["CustomerRef"]["value"] == "28"


def test_what_happens_in_the_books_is_heard_and_polled(ready):
    made = ready.invoice()
    ready.work()
    ready.hear("Invoice", ready.the_invoice()["Id"], "updated")
    ready.poll()
    assert ready.standing(made) == ("delivered", "")
