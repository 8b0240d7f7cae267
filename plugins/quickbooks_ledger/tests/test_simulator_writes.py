"""What else can be written at the simulated QuickBooks: updates, payments, sending."""

from decimal import Decimal

import pytest


def sale(line=None, **changes):
    detail = {"SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    row = {"Amount": Decimal(100), "DetailType": "SalesItemLineDetail", **detail, **(line or {})}
    return {"CustomerRef": {"value": "28"}, "Line": [row], **changes}


def code_of(answer):
    status, body = answer
    assert status == 400
    return body["Fault"]["Error"][0]["code"]


@pytest.fixture
def made(api):
    """Create an entity that has to succeed; the row."""

    def create(entity, body, **params):
        status, answer = api("POST", entity.lower(), body, **params)
        assert status == 200, answer
        return answer[entity]

    return create


def paid(invoice, amount=40, **changes):
    link = {"TxnId": invoice["Id"], "TxnType": "Invoice"}
    line = {"Amount": Decimal(amount), "LinkedTxn": [link]}
    body = {"CustomerRef": {"value": "28"}, "TotalAmt": Decimal(amount), "Line": [line]}
    return {**body, **changes}


def test_a_sparse_update_keeps_the_rest_and_a_full_one_clears_it(made):
    first = made("Invoice", sale(DocNumber="N-1", PrivateNote="note"))
    key = {"Id": first["Id"], "SyncToken": "0"}
    sparse = made("Invoice", {**key, "sparse": True, "PrivateNote": "other"})
    assert (sparse["SyncToken"], sparse["PrivateNote"], sparse["DocNumber"]) == (
        "1",
        "other",
        "N-1",
    )
    assert (sparse["TotalAmt"], len(sparse["Line"])) == (100, 2)
    full = made("Invoice", {**sale(line={"Amount": Decimal(70)}), **key, "SyncToken": "1"})
    assert "PrivateNote" not in full
    assert (full["Id"], full["TotalAmt"], full["Balance"]) == (first["Id"], 70, 70)
    assert full["MetaData"]["CreateTime"] == first["MetaData"]["CreateTime"]


def test_an_update_needs_its_key_the_newest_token_and_a_number_of_its_own(api, made):
    first = made("Invoice", sale(DocNumber="N-1"))
    made("Invoice", sale(DocNumber="N-2"))
    key = {"Id": first["Id"], "sparse": True}
    assert code_of(api("POST", "invoice", key)) == "2020"
    assert code_of(api("POST", "invoice", {**key, "SyncToken": "7"})) == "5010"
    assert code_of(api("POST", "invoice", {"Id": "99", "SyncToken": "0"})) == "610"
    taken = {**key, "SyncToken": "0", "DocNumber": "N-2"}
    assert code_of(api("POST", "invoice", taken)) == "6140"
    assert made("Invoice", {**taken, "DocNumber": "N-1"})["SyncToken"] == "1"


def test_a_payment_lowers_the_balance_and_its_deletion_raises_it_again(api, made):
    invoice = made("Invoice", sale())
    payment = made("Payment", paid(invoice))
    _, read = api("GET", f"invoice/{invoice['Id']}")
    assert (read["Invoice"]["Balance"], read["Invoice"]["SyncToken"]) == (60, "0")
    assert read["Invoice"]["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    key = {"Id": payment["Id"], "SyncToken": "0"}
    made("Payment", key, operation="delete")
    _, read = api("GET", f"invoice/{invoice['Id']}")
    assert (read["Invoice"]["Balance"], read["Invoice"]["LinkedTxn"]) == (100, [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TotalAmt": None}, "2020"),
        ({"CustomerRef": {"value": "77"}}, "2500"),
        ({"CustomerRef": {"value": "29"}}, "6000"),
        ({"TotalAmt": 1}, "6000"),
        ({"Line": [{"Amount": 1}]}, "2020"),
        ({"Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": "99", "TxnType": "Invoice"}]}]}, "610"),
        ({"Color": "red"}, "2010"),
    ],
)
def test_a_wrong_payment_is_refused_with_intuits_code(api, made, changes, code):
    invoice = made("Invoice", sale())
    assert code_of(api("POST", "payment", paid(invoice, **changes))) == code


def test_no_more_is_paid_than_is_open(api, made):
    invoice = made("Invoice", sale())
    assert code_of(api("POST", "payment", paid(invoice, 101))) == "6000"


def test_a_customer_is_renamed_and_made_inactive_by_updates(api, made):
    row = made("Customer", {"DisplayName": "New Shop"})
    key = {"Id": row["Id"], "sparse": True}
    named = made("Customer", {**key, "SyncToken": "0", "DisplayName": "Newer Shop"})
    assert (named["DisplayName"], named["FullyQualifiedName"]) == ("Newer Shop", "Newer Shop")
    taken = {**key, "SyncToken": "1", "DisplayName": "drivr app"}
    assert code_of(api("POST", "customer", taken)) == "6240"
    ended = made("Customer", {**key, "SyncToken": "1", "Active": False})
    assert (ended["Active"], ended["DisplayName"]) == (False, "Newer Shop (deleted)")


def test_the_currency_of_a_customer_stays_once_it_was_used(api, made):
    row = made("Customer", {"DisplayName": "New Shop"})
    euro = {"Id": row["Id"], "sparse": True, "CurrencyRef": {"value": "EUR"}}
    assert made("Customer", {**euro, "SyncToken": "0"})["CurrencyRef"]["value"] == "EUR"
    used = {"Id": "28", "SyncToken": "0", "sparse": True, "CurrencyRef": {"value": "EUR"}}
    made("Invoice", sale())
    assert code_of(api("POST", "customer", used)) == "6000"


def test_an_invoice_is_mailed_only_where_there_is_an_address(api, made):
    invoice = made("Invoice", sale())
    assert code_of(api("POST", f"invoice/{invoice['Id']}/send")) == "6420"
    status, sent = api("POST", f"invoice/{invoice['Id']}/send", sendTo="a@b.example")
    assert (status, sent["Invoice"]["EmailStatus"]) == (200, "EmailSent")
    assert code_of(api("POST", "invoice/99/send", sendTo="a@b.example")) == "610"


def test_lists_that_a_company_keeps_can_be_asked_for(api):
    for entity in ("Account", "Item", "Term", "TaxCode", "Class", "Department"):
        _, answer = api("POST", "query", f"select * from {entity}")
        assert answer["QueryResponse"][entity]
