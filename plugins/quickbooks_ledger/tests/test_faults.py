"""The fault table, row by row, over real sockets."""

import json
from datetime import timedelta

import kable_quickbooks_ledger as plugin
import pytest
from kable_quickbooks_ledger import faults
from kable_quickbooks_ledger.declaration import PROVIDER

from kable_hub import (
    CredentialsExpired,
    Environment,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    Transient,
)
from kable_hub.testing import Fault

KINDS = {
    "expired": (CredentialsExpired, CredentialsExpired),
    "throttled": (RateLimited, OutcomeUnknown),
    "unsure": (Transient, OutcomeUnknown),
    "transient": (Transient, Transient),
    "rejected": (Rejected, Rejected),
    "operator": (NeedsOperator, NeedsOperator),
}

PUBLISHED = {
    "token_expired": (CredentialsExpired, "credentials_expired"),
    "wrong_env_or_app": (NeedsOperator, "environment_mismatch"),
    "throttled": (OutcomeUnknown, "rate_limited"),
    "throttled_xml": (OutcomeUnknown, "rate_limited"),
    "gateway_500": (OutcomeUnknown, "unavailable"),
    "html_503": (OutcomeUnknown, "unavailable"),
    "unknown_property": (Rejected, "rejected"),
    "invalid_id": (Rejected, "rejected"),
    "unsupported_op": (Rejected, "rejected"),
    "bad_query": (Rejected, "rejected"),
    "bad_startposition": (Rejected, "rejected"),
    "duplicate_name": (NeedsOperator, "duplicate_name"),
    "duplicate_doc": (Rejected, "document_number_taken"),
    "not_found": (NeedsOperator, "inactive_reference"),
    "bad_reference": (NeedsOperator, "customer_gone"),
    "stale": (Transient, "stale_document"),
    "required": (Rejected, "rejected"),
    "too_long": (Rejected, "rejected"),
    "bad_email": (Rejected, "rejected"),
    "no_tax_code_nonus": (Rejected, "rejected"),
    "currency_mismatch": (Rejected, "rejected"),
    "closed_period": (NeedsOperator, "closed_period"),
    "subscription_ended": (NeedsOperator, "subscription_ended"),
    "system": (OutcomeUnknown, "unavailable"),
    "empty_batch": (Rejected, "rejected"),
}


def fault_body(code, message="Message", detail="Detail"):
    row = {"Message": message, "Detail": detail, "code": code, "element": "Line"}
    return json.dumps({"Fault": {"Error": [row], "type": "ValidationFault"}})


@pytest.fixture
def provoke(world):
    """Spoil one push (or one read) and answer the error that the hub gets to see."""
    connection = world.connection()
    push = world.push(connection)

    def run(status, body, headers=None, *, writes=True):
        path, method = ("/invoice$", "POST") if writes else ("companyinfo", "GET")
        world.simulator.fault(
            Fault(path=path, method=method, status=status, body=body, headers=headers or {})
        )
        with pytest.raises(ProviderError) as caught:
            plugin.push_invoice(connection, push) if writes else plugin.check_connection(connection)
        return caught.value

    return run


@pytest.mark.parametrize("code", sorted(faults.CODES))
def test_every_row_of_the_table_holds_for_writes_and_reads(provoke, code):
    kind, name, on, scope = faults.CODES[code]
    for writes in (True, False):
        error = provoke(400, fault_body(code), writes=writes)
        assert type(error) is KINDS[kind][writes]
        assert error.provider_code == code
        assert error.http_status == 400
        if isinstance(error, NeedsOperator) and code != faults.INACTIVE:
            assert (error.code, error.on, error.scope) == (name, on, scope)


def test_every_published_fault_is_known_here(data, provoke):
    published = {one["id"]: one for one in json.loads((data / "faults.json").read_text())}
    assert set(PUBLISHED) == set(published) - {"invalid_grant"}
    for name, (kind, code) in PUBLISHED.items():
        one = published[name]
        body = one["body"] if isinstance(one["body"], str) else json.dumps(one["body"])
        error = provoke(one["http"], body, {**one.get("headers", {}), "intuit_tid": "1-abc"})
        told = f"{name}: {type(error).__name__} {error.code}"
        assert (type(error), error.code) == (kind, code), told
        assert error.request_id == "1-abc", told


def test_status_goes_before_code(provoke):
    assert type(provoke(500, fault_body("3100"))) is OutcomeUnknown
    assert type(provoke(429, fault_body("6140"))) is OutcomeUnknown
    assert type(provoke(401, fault_body("6140"))) is CredentialsExpired
    assert type(provoke(403, fault_body("003001"))) is OutcomeUnknown
    assert provoke(403, "").code == "not_authorised"


def test_a_fault_with_status_200_is_a_fault(provoke):
    error = provoke(200, fault_body("6000", "Business", "No rate"))
    assert type(error) is Rejected
    assert error.message == "Business: No rate"


def test_all_errors_of_a_fault_become_reasons(provoke):
    rows = [
        {"Message": "Bad date", "Detail": "", "code": "2060", "element": "TxnDate"},
        {"Message": "Too long", "Detail": "Max 21", "code": "2050", "element": "DocNumber"},
    ]
    error = provoke(400, json.dumps({"Fault": {"Error": rows, "type": "ValidationFault"}}))
    assert [(one.field, one.code) for one in error.reasons] == [
        ("TxnDate", "2060"),
        ("DocNumber", "2050"),
    ]


def test_the_gravest_of_several_errors_decides(provoke):
    rows = [{"Message": "a", "code": "2060"}, {"Message": "b", "code": "6190"}]
    assert provoke(400, json.dumps({"Fault": {"Error": rows}})).code == "subscription_ended"


def test_a_throttled_write_is_unknown_and_names_limit_and_wait(provoke):
    error = provoke(429, fault_body("003001"), {"Retry-After": "17"})
    assert (type(error), error.limit) == (OutcomeUnknown, "minute")
    assert error.retry_after == timedelta(seconds=17)
    assert provoke(429, "", {"Retry-After": "soon"}).retry_after == timedelta(seconds=60)


def test_a_throttled_read_pauses_reads_alone(provoke):
    error = provoke(429, "<html>", writes=False)
    assert (type(error), error.limit) == (RateLimited, "reads")
    limit = next(one for one in PROVIDER.limits if one.name == "reads")
    assert limit.covers("invoice.find", Environment.TEST)
    assert limit.covers("company.read", Environment.TEST)
    assert not limit.covers("invoice.create", Environment.TEST)


def test_limits_that_errors_name_are_declared():
    assert {"minute", "batches", "reads"} <= {one.name for one in PROVIDER.limits}


def test_an_environment_mismatch_says_so(provoke):
    error = provoke(403, fault_body("3100"))
    assert error.message.startswith("Environment mismatch")
    assert (error.scope, error.on) == ("connection", "provider")


@pytest.mark.parametrize(
    "detail", ["Token expired: AB0160139026", "x" * 40, "Bearer abc", "eyJhbGciOi.JIUzI1NiJ9" * 3]
)
def test_a_detail_that_may_hold_a_token_is_never_passed_on(provoke, detail):
    error = provoke(400, fault_body("6000", "Business", detail))
    assert error.message == "Business"
    assert detail not in str(error.reasons)


def test_a_detail_that_names_a_class_or_a_number_is_passed_on(provoke):
    for detail in (
        'Unrecognized field "X" (class com.intuit.schema.finance.v3.Invoice)',
        f"DocNumber={'N' * 21} is assigned to TxnType=Invoice with TxnId=6575",
    ):
        assert provoke(400, fault_body("2050", "M", detail)).message == f"M: {detail}"


def test_the_detail_does_not_repeat_the_message(provoke):
    error = provoke(400, fault_body("6000", "Stale", "Stale : Somebody was faster"))
    assert error.message == "Stale: Somebody was faster"


@pytest.mark.parametrize("body", ["", "[]", "null", "<html>", '{"Fault":{}}', '{"Fault":[]}'])
@pytest.mark.parametrize("status", [200, 400, 404, 301])
def test_an_answer_without_sense_proves_nothing(provoke, body, status):
    if status == 200 and body.startswith("{"):
        status = 400
    assert type(provoke(status, body)) is OutcomeUnknown
    assert type(provoke(status, body, writes=False)) is Transient


def test_a_redirect_is_not_followed_so_the_token_goes_nowhere(world, provoke):
    before = len(world.simulator.requests)
    provoke(307, "", {"Location": f"{world.simulator.url}/thief"})
    assert len(world.simulator.requests) == before + 1


def test_reads_that_lost_their_answer_may_be_repeated(world):
    connection = world.connection()
    world.simulator.fault(Fault(path="companyinfo", stage="after", reset=True))
    with pytest.raises(Transient) as caught:
        plugin.check_connection(connection)
    assert caught.value.code == "no_answer"


def test_proxy_settings_of_the_machine_are_ignored(world, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    plugin.check_connection(world.connection())
