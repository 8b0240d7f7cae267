"""The simulated QuickBooks as a demo finds it, and shaped like recorded answers."""

import json

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger.declaration import PROVIDER, AppSettings

from kable_hub import Environment, NeedsOperator, canonical
from kable_hub.testing import builders


def test_the_configuration_points_a_hub_at_it_for_both_environments(world):
    variables = world.simulator.configuration()
    settings = {name.upper() for name in AppSettings().fields}
    for environment in Environment:
        names = settings | {f"{name.upper()}_URL" for name in PROVIDER.urls[environment]}
        prefix = f"KABLE_QUICKBOOKS_{environment.upper()}_"
        assert {name for name in variables if name.startswith(prefix)} == {
            prefix + name for name in names
        }
    assert variables["KABLE_QUICKBOOKS_TEST_API_URL"].endswith("/sandbox")
    assert variables["KABLE_QUICKBOOKS_LIVE_CLIENT_ID"] == "production-client-id"


@pytest.mark.parametrize(("currency", "reference"), [("USD", "28"), ("EUR", "29"), ("GBP", "30")])
def test_the_demo_company_takes_invoices_in_three_currencies(world, currency, reference):
    connection = world.connection()
    link = world.link(connection, reference, currency=currency)
    push = world.push(connection, builders.invoice(currency=currency), link)
    receipt = plugin.push_invoice(connection, push)
    assert (receipt.total, receipt.currency) == (10000, currency)
    row = world.book.tables["Invoice"][receipt.external_id]
    if currency != "USD":
        assert row["ExchangeRate"] == world.book.rates[currency]
        assert link.currency == currency


def test_a_currency_without_a_rate_is_not_booked(world):
    del world.book.rates["EUR"]
    connection = world.connection()
    link = world.link(connection, "29", currency="EUR")
    with pytest.raises(NeedsOperator) as caught:
        plugin.plan_invoice(connection, builders.invoice(currency="EUR"), link)
    assert caught.value.code == "missing_exchange_rate"


def _recorded(data, source, method):
    found = json.loads((data / "recorded" / "qbo_api_vcr_2020-22.json").read_text())
    return next(one for one in found if one["source"].endswith(source) and one["method"] == method)


def test_a_created_and_a_voided_invoice_are_shaped_like_recorded_ones(data, api, checker):
    recorded = _recorded(data, "create/invoice.yml", "POST")
    request = {**recorded["request"], "CustomerRef": {"value": "28"}}
    sent = canonical.loads(json.dumps(request))
    _, body = api("POST", "invoice", sent)
    real, ours = recorded["response"]["Invoice"], body["Invoice"]
    optional = {"CustomField", "BillAddr", "ShipAddr", "ApplyTaxAfterDiscount", "DocNumber"}
    missing = {name for name in real if not name.startswith("Allow")} - set(ours) - optional
    assert missing == set()
    assert {type(real[name]) for name in ("Id", "SyncToken")} == {str}
    assert [one["DetailType"] for one in ours["Line"]] == [
        one["DetailType"] for one in real["Line"]
    ]
    assert not [
        one for one in checker.check("Invoice", ours, "response") if one.severity == "error"
    ]
    target = {"Id": ours["Id"], "SyncToken": "0"}
    _, voided = api("POST", "invoice", target, operation="void")
    real = _recorded(data, "void/invoice.yml", "POST")["response"]["Invoice"]
    for name in ("TotalAmt", "Balance", "TxnTaxDetail", "PrivateNote"):
        assert voided["Invoice"][name] == real[name]


def test_a_customer_and_faults_are_shaped_like_recorded_ones(data, api):
    real = _recorded(data, "get/id.yml", "GET")["response"]["Customer"]
    ours = api("GET", "customer/28")[1]["Customer"]
    missing = set(real) - set(ours)
    assert missing <= {
        *("Taxable", "BillAddr", "ShipAddr", "BalanceWithJobs", "PreferredDeliveryMethod"),
        *("GivenName", "FamilyName", "PrimaryPhone", "DefaultTaxCodeRef"),
    }
    real = _recorded(data, "error/validation.yml", "POST")["response"]["Fault"]
    _, ours = api("POST", "customer", {"DisplayName": "Drivr App"})
    assert ours["Fault"]["type"] == real["type"]
    assert ours["Fault"]["Error"][0]["code"] == real["Error"][0]["code"]
    assert ours["Fault"]["Error"][0]["Message"] == real["Error"][0]["Message"]
