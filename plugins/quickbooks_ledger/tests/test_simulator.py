"""The simulated QuickBooks itself: as strict as the real one, and shaped like it."""

from datetime import timedelta
from decimal import Decimal

import kable_quickbooks_ledger as plugin
import pytest
import requests
from kable_quickbooks_ledger.simulator import QuickBooksSimulator

from kable_hub import CredentialsExpired, Environment, NeedsOperator, RateLimited


def code_of(answer):
    status, body = answer
    assert status == 400, body
    return body["Fault"]["Error"][0]["code"]


def sale(**changes):
    detail = {"ItemRef": {"value": "1"}, **changes.pop("detail", {})}
    line = {
        "Amount": Decimal("100.00"),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
        **changes.pop("line", {}),
    }
    return {"CustomerRef": {"value": "28"}, "Line": [line], **changes}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (sale(Nonsense=1), "2010"),
        (sale(line={"Nonsense": 1}), "2010"),
        (sale(detail={"Nonsense": 1}), "2010"),
        (sale(CustomerRef="28"), "2010"),
        (sale(CustomerRef={}), "2020"),
        (sale(CustomerRef={"value": "31"}), "2500"),
        (sale(CustomerRef={"value": "32"}), "610"),
        (sale(Line=[]), "2020"),
        (sale(Line={}), "2010"),
        (sale(line={"Amount": None}), "2020"),
        (sale(line={"DetailType": "Other"}), "2170"),
        (sale(line={"DetailType": "DiscountLineDetail"}), "2020"),
        (sale(line={"Amount": "100"}), "2080"),
        (sale(line={"Amount": Decimal("1.001")}), "6000"),
        (sale(detail={"Qty": 3, "UnitPrice": 33}), "6070"),
        (sale(detail={"ItemRef": {"value": "99"}}), "2500"),
        (sale(detail={"TaxCodeRef": {"value": "2"}}), "6100"),
        (sale(DocNumber="N" * 22), "2050"),
        (sale(DocNumber=7), "2010"),
        (sale(PrivateNote="N" * 4001), "2050"),
        (sale(PrivateNote="\x00"), "2040"),
        (sale(TxnDate="22.11.2026"), "2060"),
        (sale(EmailStatus="Now"), "2170"),
        (sale(EmailStatus="NeedToSend"), "6420"),
        (sale(BillEmail={"Address": "nobody"}), "2210"),
        (sale(CurrencyRef={"value": "EUR"}), "6000"),
        (sale(SalesTermRef={"value": "9"}), "2500"),
        (sale(GlobalTaxCalculation="NotApplicable", TxnTaxDetail={"TotalTax": 1}), "6170"),
        (sale(line={"Amount": Decimal(-1)}), "6000"),
        (sale(AllowOnlinePayment="yes"), "2230"),
        (sale(Line=sale()["Line"] * 751), "6000"),
        (sale(TxnDate=7), "2060"),
        (sale(PrivateNote=7), "2010"),
        (sale(BillEmail={"Address": "a" * 101}), "2050"),
        (sale(CurrencyRef={"value": 7}), "2010"),
        ("{", "2010"),
        ("[]", "2010"),
    ],
)
def test_a_wrong_invoice_is_refused_with_intuits_code(api, world, body, code):
    assert code_of(api("POST", "invoice", body)) == code
    assert world.simulator.documents() == []


def test_other_countries_need_a_tax_code_on_every_line_and_compute_tax(api, world):
    world.simulator.company(country="GB", home_currency="GBP")
    from kable_quickbooks_ledger import simulator_customers

    row = simulator_customers.add(world.book, "Thames Books", world.clock.now())
    wanted = {"value": row["Id"]}
    assert code_of(api("POST", "invoice", sale(CustomerRef=wanted))) == "6000"
    bad = sale(CustomerRef=wanted, detail={"TaxCodeRef": {"value": "TAX"}})
    assert code_of(api("POST", "invoice", bad)) == "2500"
    world.book.tax_delta = Decimal("0.01")
    good = sale(CustomerRef=wanted, detail={"TaxCodeRef": {"value": "1"}})
    _, body = api("POST", "invoice", good)
    assert body["Invoice"]["TxnTaxDetail"] == {"TotalTax": Decimal("20.01")}
    assert body["Invoice"]["TotalAmt"] == Decimal("120.01")


def test_automated_sales_tax_adds_its_own_unless_told(api, world):
    world.book.automatic_rate = Decimal("8.25")
    taxed = sale(detail={"TaxCodeRef": {"value": "TAX"}})
    assert api("POST", "invoice", taxed)[1]["Invoice"]["TotalAmt"] == Decimal("108.25")
    told = {**taxed, "TxnTaxDetail": {"TotalTax": Decimal("7.00")}}
    assert api("POST", "invoice", told)[1]["Invoice"]["TotalAmt"] == 107


def test_a_foreign_invoice_without_a_rate_is_booked_at_one(api):
    _, body = api("POST", "invoice", sale(CustomerRef={"value": "29"}))
    assert body["Invoice"]["ExchangeRate"] == 1
    assert body["Invoice"]["CurrencyRef"]["value"] == "EUR"


def test_a_company_without_sales_tax_refuses_codes(api, world):
    world.book.sales_tax = False
    assert code_of(api("POST", "invoice", sale(detail={"TaxCodeRef": {"value": "TAX"}}))) == "6000"
    _, body = api("POST", "invoice", sale())
    assert body["Invoice"]["TxnTaxDetail"] == {"TotalTax": 0}


@pytest.mark.parametrize(
    ("path", "form", "auth", "status"),
    [
        ("connect/oauth2", {"client_id": "unknown"}, None, 400),
        ("connect/oauth2", {"client_id": "sandbox-client-id"}, None, 400),
        ("oauth2/v1/tokens/bearer", {}, None, 401),
        ("oauth2/v1/tokens/bearer", {"grant_type": "password"}, True, 400),
        ("oauth2/v1/tokens/bearer", {"grant_type": "refresh_token"}, True, 400),
        ("v2/oauth2/tokens/revoke", {}, None, 401),
        ("v2/oauth2/tokens/revoke", {}, True, 400),
    ],
)
def test_sign_in_refuses_what_makes_no_sense(world, path, form, auth, status):
    pair = ("sandbox-client-id", "sandbox-client-secret") if auth else None
    url = f"{world.simulator.url}/{path}"
    assert requests.post(url, data=form, auth=pair, timeout=60).status_code == status


def test_credentials_of_the_app_may_stand_in_the_form(world):
    refresh = world.tokens(Environment.TEST, world.book.realm)["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh,
        "client_id": "sandbox-client-id",
        "client_secret": "sandbox-client-secret",
    }
    url = f"{world.simulator.url}/oauth2/v1/tokens/bearer"
    reply = requests.post(url, data=form, timeout=60).json()
    assert reply["token_type"] == "bearer"
    assert "x_refresh_token_hard_expires_in" not in reply


def test_every_access_token_can_be_ended_at_once(world):
    connection = world.connection()
    world.simulator.sign_in.tokens.expire_access_tokens()
    with pytest.raises(CredentialsExpired):
        plugin.check_connection(connection)


def test_a_single_currency_company_refuses_foreign_currency(api, world):
    world.simulator.seed_demo(multicurrency=False)
    foreign = {"DisplayName": "x", "CurrencyRef": {"value": "EUR"}}
    assert code_of(api("POST", "customer", foreign)) == "6000"
    assert code_of(api("POST", "invoice", sale(CurrencyRef={"value": "EUR"}))) == "6000"


def test_auto_generate_forces_a_number(api):
    _, body = api("POST", "invoice", sale(DocNumber="AUTO_GENERATE"))
    assert body["Invoice"]["DocNumber"] == "1001"
    assert "DocNumber" not in api("POST", "invoice", sale())[1]["Invoice"]


def test_a_wrong_sync_token_is_stale_and_deleting_answers_the_id(api):
    _, body = api("POST", "invoice", sale())
    made = body["Invoice"]
    stale = {"Id": made["Id"], "SyncToken": "7"}
    assert code_of(api("POST", "invoice", stale, operation="void")) == "5010"
    assert code_of(api("POST", "invoice", {"Id": made["Id"]}, operation="void")) == "2020"
    fresh = {"Id": made["Id"], "SyncToken": "0"}
    _, gone = api("POST", "invoice", fresh, operation="delete")
    assert gone["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": made["Id"]}
    assert code_of(api("POST", "invoice", fresh, operation="void")) == "610"


def test_a_known_requestid_with_another_body_replays_or_is_refused(api, world):
    first = api("POST", "invoice", sale(), requestid="r1")
    assert api("POST", "invoice", sale(PrivateNote="other"), requestid="r1") == first
    world.simulator.api.altered = "600"
    other = sale(PrivateNote="other")
    assert code_of(api("POST", "invoice", other, requestid="r1")) == "600"
    assert code_of(api("POST", "invoice", sale(), requestid="r" * 51)) == "2130"
    assert len(world.simulator.documents()) == 1
    world.simulator.api.keeps = timedelta(0)
    assert api("POST", "invoice", sale(), requestid="r1")[0] == 200
    assert len(world.simulator.documents()) == 2


def test_a_failed_request_is_not_replayed(api):
    assert code_of(api("POST", "invoice", sale(Line=[]), requestid="r1")) == "2020"
    assert api("POST", "invoice", sale(), requestid="r1")[0] == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select * from Custmoer", "4001"),
        ("select * from Customer startposition 0", "4001"),
        ("select * from Invoice where PrivateNote = 'x'", "4001"),
        ("select * from Customer where Id = '1' or Id = '2'", "4000"),
        ("select Id, Name from Customer", "4000"),
        ("delete from Customer", "4000"),
    ],
)
def test_a_wrong_query_is_refused(api, query, code):
    assert code_of(api("GET", "query", query=query)) == code


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT * FROM Customer WHERE Id IN ('28', '30')", ["Drivr App", "Thames Books"]),
        (
            "select * from Customer where Active in (true, false) and Id > '31'",
            ["Closed Shop (deleted)"],
        ),
        ("select * from Customer where DisplayName like '%app'", ["Drivr App"]),
        ("select * from Customer orderby DisplayName desc maxresults 1", ["Thames Books"]),
        ("select * from Customer startposition 2 maxresults 1", ["Baltic Cargo"]),
        ("select * from Customer where CurrencyRef = 'EUR'", ["Baltic Cargo"]),
        ("select * from Customer where Id <= '28'", ["Drivr App"]),
        ("select * from Customer where Id < '28'", []),
        ("select * from Customer where Balance.Nothing > '0'", []),
    ],
)
def test_a_query_answers_what_it_asks(api, query, names):
    _, body = api("GET", "query", query=query)
    rows = body["QueryResponse"].get("Customer", [])
    assert [row["DisplayName"] for row in rows] == names


def test_counting_and_nothing_have_shapes_of_their_own(api):
    counted = api("GET", "query", query="select count(*) from Customer")[1]
    assert counted["QueryResponse"] == {"totalCount": 3}
    nothing = api("GET", "query", query="select * from Invoice")[1]
    assert nothing["QueryResponse"] == {}


def test_unknown_paths_and_ids_are_refused(api):
    assert code_of(api("GET", "nonsense")) == "500"
    assert code_of(api("GET", "customer/1.5")) == "2030"
    assert code_of(api("GET", "customer/999")) == "610"
    assert code_of(api("POST", "vendor", {"DisplayName": "x"})) == "500"
    assert code_of(api("POST", "invoice", sale(), operation="nonsense")) == "500"


def test_customers_follow_the_rules_for_names(api):
    assert code_of(api("POST", "customer", {"CompanyName": "x"})) == "6080"
    assert code_of(api("POST", "customer", {"DisplayName": "a:b"})) == "2040"
    assert code_of(api("POST", "customer", {"DisplayName": "PAPER supplies"})) == "6240"


def test_batches_are_checked(api):
    assert code_of(api("POST", "batch", {"BatchItemRequest": []})) == "400"
    items = [
        {"bId": "1", "operation": "create", "Invoice": sale()},
        {"bId": "1", "operation": "create", "Invoice": sale()},
        {"bId": "2", "operation": "create"},
    ]
    _, body = api("POST", "batch", {"BatchItemRequest": items})
    assert ["Invoice" in one for one in body["BatchItemResponse"]] == [True, False, False]


def test_without_asking_for_json_one_gets_xml(world):
    connection = world.connection()
    url = f"{connection.urls['api']}/v3/company/{connection.external_id}/preferences"
    token = {"Authorization": f"Bearer {connection.credentials['access_token']}"}
    answer = requests.get(url, headers=token, timeout=60)
    assert answer.headers["Content-Type"].startswith("application/xml")


def test_a_token_of_one_environment_or_company_is_refused_on_another(world):
    live = world.tokens(Environment.LIVE, "")
    with pytest.raises(NeedsOperator) as caught:
        plugin.check_connection(world.connection(credentials=live))
    assert caught.value.code == "environment_mismatch"
    world.simulator.company("777")
    with pytest.raises(NeedsOperator):
        plugin.check_connection(world.connection(credentials=world.tokens(Environment.TEST, "777")))
    with pytest.raises(CredentialsExpired):
        plugin.check_connection(world.connection(credentials={"access_token": "nonsense"}))


def test_requests_over_the_limit_are_throttled_until_the_window_moved_on(world):
    connection = world.connection()
    world.simulator.api.throttle.per_second = 2
    plugin.check_connection(connection)
    with pytest.raises(RateLimited):
        plugin.check_connection(connection)
    world.clock.advance(1)
    plugin.check_connection(connection)
    world.simulator.api.throttle.per_minute = 4
    world.clock.advance(2)
    with pytest.raises(RateLimited):
        plugin.check_connection(connection)


def test_when_the_months_reads_are_used_up_writes_go_on(world):
    connection = world.connection()
    push = world.push(connection)
    world.simulator.api.throttle.used.clear()
    world.simulator.api.throttle.reads = 2
    plugin.check_connection(connection)
    with pytest.raises(RateLimited):
        plugin.check_connection(connection)
    plugin.push_invoice(connection, push)
    assert len(world.simulator.documents()) == 1


def test_it_stands_alone_and_an_invoice_has_a_page():
    with QuickBooksSimulator(port=0) as simulator:
        simulator.seed_demo()
        assert simulator.drafts() == simulator.documents() == []
        seeded = simulator.demo_customers(Environment.TEST)
        assert [one.currency for one in seeded] == ["USD", "EUR", "GBP"]
        book = next(iter(simulator.books.values()))
        from kable_quickbooks_ledger import simulator_invoices

        row = simulator_invoices.create(book, sale(PrivateNote="<b>"), simulator.clock.now())
        page = requests.get(
            f"{simulator.url}/sandbox/app/invoice", params={"txnId": row["Id"]}, timeout=60
        )
        assert "Drivr App" in page.text
        assert "&lt;b&gt;" in page.text
        lost = requests.get(f"{simulator.url}/production/app/invoice?txnId=1", timeout=60)
        assert lost.status_code == 404
