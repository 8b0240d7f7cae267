"""What Stripe answers, row by row, and what that means for the hub. Over real sockets."""

import contextlib
import json
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import kable_stripe_payments as plugin
import pytest
from kable_stripe_payments import client
from kable_stripe_payments.errors import safe

from kable_hub import (
    Environment,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Rejected,
    Transient,
)
from kable_hub.testing import Fault, RecordingGuard


def body(type="invalid_request_error", **parts):
    return json.dumps({"error": {"type": type, "message": "Something.", **parts}})


def read(desk, connection=None):
    return client.of(connection or desk.connection()).get("account.get", "/v1/account")


def write(desk, connection=None):
    stripe = client.of(connection or desk.connection())
    return stripe.post("customers.create", "/v1/customers", {"name": "A"}, "key-1")


def failure(desk, ask, connection=None, **fault):
    desk.stripe.fault(Fault("/v1/", **fault))
    with pytest.raises(Exception) as caught:  # noqa: PT011
        ask(desk, connection)
    return caught.value


ROWS = [
    # status, body, headers; what a write is, what a read is, the code
    (400, body(code="parameter_unknown", param="foo"), {}, Rejected, Rejected, "parameter_unknown"),
    (400, body(), {}, Rejected, Rejected, "invalid_request_error"),
    (400, body("idempotency_error"), {}, OutcomeUnknown, OutcomeUnknown, "idempotency_mismatch"),
    (401, body(), {}, NeedsOperator, NeedsOperator, "platform_key_refused"),
    (
        402,
        body("card_error", code="card_declined"),
        {},
        NeedsCustomer,
        NeedsCustomer,
        "card_declined",
    ),
    (
        402,
        body("card_error", code="card_declined", decline_code="lost_card"),
        {},
        NeedsCustomer,
        NeedsCustomer,
        "lost_card",
    ),
    (
        403,
        body(code="account_invalid"),
        {},
        ReconnectRequired,
        ReconnectRequired,
        "account_invalid",
    ),
    (
        403,
        body(message="The key 'sk_test_1' does not have access to account 'acct_1'."),
        {},
        ReconnectRequired,
        ReconnectRequired,
        "account_invalid",
    ),
    (
        403,
        body(message="Having the 'rak_invoice_write' permission would allow this."),
        {},
        NeedsOperator,
        NeedsOperator,
        "permission_missing",
    ),
    (403, body(), {}, NeedsOperator, NeedsOperator, "forbidden"),
    (404, body(code="resource_missing", param="id"), {}, Rejected, Rejected, "resource_missing"),
    (
        409,
        body(code="idempotency_key_in_use"),
        {},
        OutcomeUnknown,
        OutcomeUnknown,
        "idempotency_key_in_use",
    ),
    (429, body(code="rate_limit"), {}, RateLimited, RateLimited, "rate_limited"),
    (429, body("rate_limit_error"), {}, RateLimited, RateLimited, "rate_limited"),
    (
        429,
        body("api_error"),
        {"Stripe-Rate-Limited-Reason": "global-concurrency"},
        RateLimited,
        RateLimited,
        "rate_limited",
    ),
    (429, body("api_error"), {}, OutcomeUnknown, RateLimited, "rate_limited"),
    (429, body(code="lock_timeout"), {}, Transient, Transient, "lock_timeout"),
    (429, "<html>slow down</html>", {}, OutcomeUnknown, Transient, "http_429"),
    (500, body("api_error"), {}, OutcomeUnknown, Transient, "http_500"),
    (502, "<html>Bad gateway</html>", {}, OutcomeUnknown, Transient, "http_502"),
    (503, "", {}, OutcomeUnknown, Transient, "http_503"),
    (504, "{", {}, OutcomeUnknown, Transient, "http_504"),
    (200, "<html>hotel wifi</html>", {}, OutcomeUnknown, Transient, "unreadable_answer"),
    (200, "[]", {}, OutcomeUnknown, Transient, "unreadable_answer"),
    (302, "", {"Location": "http://127.0.0.1:1/"}, OutcomeUnknown, Transient, "http_302"),
    (403, "<html>proxy</html>", {}, OutcomeUnknown, Transient, "http_403"),
    (404, '{"error": "not a Stripe error"}', {}, OutcomeUnknown, Transient, "http_404"),
]


@pytest.mark.parametrize(("status", "text", "headers", "write_error", "read_error", "code"), ROWS)
def test_the_table_of_answers(desk, status, text, headers, write_error, read_error, code):
    headers = {**headers, "Request-Id": "req_7"}
    for ask, expected in ((write, write_error), (read, read_error)):
        error = failure(desk, ask, status=status, body=text, headers=headers)
        assert type(error) is expected
        assert (error.code, error.http_status, error.request_id) == (code, status, "req_7")


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_cut_connection_is_unknown_for_a_write_and_transient_for_a_read(desk, stage):
    assert type(failure(desk, write, stage=stage, reset=True)) is OutcomeUnknown
    assert type(failure(desk, read, stage=stage, reset=True)) is Transient


@pytest.mark.parametrize("keep", [0, 20])
def test_half_a_body_is_unknown_for_a_write_and_transient_for_a_read(desk, keep):
    assert type(failure(desk, write, stage="after", truncate=keep)) is OutcomeUnknown
    assert type(failure(desk, read, stage="after", truncate=keep)) is Transient


class Hasty(RecordingGuard):
    """A gate that leaves a fifth of a second for the answer."""

    @contextmanager
    def _open(self, name, writes):
        with super()._open(name, writes) as call:
            call.timeout = (0.3, 0.2)
            yield call


def test_a_timeout_is_unknown_for_a_write_and_transient_for_a_read(desk):
    desk.guard = Hasty()
    assert type(failure(desk, write, delay=0.6)) is OutcomeUnknown
    assert type(failure(desk, read, delay=0.6)) is Transient


def test_a_refused_connection_did_nothing_even_for_a_write(desk):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        urls = {"api": f"http://127.0.0.1:{unused.getsockname()[1]}"}
    for ask in (write, read):
        with pytest.raises(Transient) as caught:
            ask(desk, replace(desk.connection(), urls=urls))
        assert caught.value.code == "unreachable"


def test_a_connection_that_is_never_accepted_did_nothing(desk):
    desk.guard = Hasty()
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        urls = {"api": f"http://127.0.0.1:{full.getsockname()[1]}"}
        with pytest.raises(Transient) as caught:
            write(desk, replace(desk.connection(), urls=urls))
    assert caught.value.code == "unreachable"


def test_a_name_that_does_not_resolve_did_nothing(desk):
    connection = replace(desk.connection(), urls={"api": "http://stripe.invalid"})
    with pytest.raises(Transient):
        write(desk, connection)


def test_a_refused_key_of_the_account_itself_needs_a_new_connection(desk):
    connection = replace(desk.connection(), credentials={"mode": "key", "key": "rk_test_gone"})
    with pytest.raises(ReconnectRequired) as caught:
        read(desk, connection)
    assert (caught.value.code, caught.value.http_status) == ("key_refused", 401)


def test_a_missing_permission_is_named(desk):
    connection = desk.with_key("rak_customer_write")
    with pytest.raises(NeedsOperator, match="rak_customer_write") as caught:
        write(desk, connection)
    assert caught.value.scope == "connection"


def test_a_platform_without_its_key_is_not_configured(desk):
    with pytest.raises(NeedsOperator) as caught:
        read(desk, replace(desk.connection(), app={}))
    assert (caught.value.code, caught.value.on) == ("not_configured", "settings")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", timedelta(seconds=7)),
        ("999999", timedelta(hours=1)),
        ("Sun, 22 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta(seconds=2)),
        ("Sun, 22 Nov 2026 12:00:30 -0000", timedelta(seconds=2)),
        ("soon", timedelta(seconds=2)),
        ("", timedelta(seconds=2)),
    ],
)
def test_retry_after_is_understood_as_seconds_or_a_date(desk, text, expected):
    headers = {"Retry-After": text} if text else {}
    error = failure(desk, write, status=429, body=body(code="rate_limit"), headers=headers)
    assert error.retry_after == expected


def test_the_limit_that_was_hit_is_one_that_is_declared(desk):
    declared = {limit.name for limit in plugin.provider().limits}
    for reason, name in (("endpoint-rate", "account.get"), ("global-rate", "test")):
        headers = {"Stripe-Rate-Limited-Reason": reason}
        error = failure(desk, read, status=429, body=body(code="rate_limit"), headers=headers)
        assert error.limit == name
        assert name in declared


def test_every_call_of_the_plugin_has_an_endpoint_limit(desk):
    limits = plugin.provider().limits
    source = [one for one in limits if one.covers("invoices.finalize", Environment.LIVE)]
    assert {one.name for one in source} == {"live", "invoices.finalize"}


def test_the_rate_limiter_refuses_before_anything_is_done(desk):
    desk.stripe.limits = {"live": 100, "test": 2, "endpoint": 25, "search": 20}
    read(desk)
    read(desk)
    with pytest.raises(RateLimited):
        write(desk)
    assert len(desk.stripe.demo_customers(Environment.TEST)) == 1
    desk.clock.advance(1.1)
    write(desk)


def test_reasons_name_the_field(desk):
    text = body(code="parameter_invalid_integer", param="lines[0][amount]")
    error = failure(desk, write, status=400, body=text)
    assert [(one.field, one.code) for one in error.reasons] == [
        ("lines[0][amount]", "parameter_invalid_integer")
    ]


@pytest.mark.parametrize(
    "secret", ["sk_live_abc123", "rk_test_***abc", "whsec_xyz", "ca_123", "ac_123"]
)
def test_no_message_shows_a_key(desk, secret):
    error = failure(desk, write, status=400, body=body(message=f"Bad key: {secret}!"))
    assert secret not in error.message
    assert safe(f"'{secret}'") == "'[key]'"


def test_no_error_or_repr_shows_the_key_in_use(desk):
    connection = desk.connection()
    secret = desk.stripe.secret_keys[False]
    assert secret not in repr(client.of(connection))
    error = failure(desk, write, stage="before", reset=True)
    assert secret not in repr(error) + str(error.__cause__) + repr(error.__context__)


def test_what_came_back_is_told_to_the_gate(desk):
    failure(desk, read, status=404, body=body(), headers={"Request-Id": "req_9"})
    call = desk.guard.calls[-1]
    assert (call.name, call.writes, call.http_status, call.request_id) == (
        "account.get",
        False,
        404,
        "req_9",
    )
